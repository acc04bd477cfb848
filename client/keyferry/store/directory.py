"""Opens the directories of the state one below the other, and follows no link on the way.

Whoever may rename a directory can swap it for a link between a check and a use. So what is checked
and used is what is open: a name is looked up in the open directory, and a mode is set on an open
file. Windows has no such calls: there, a name is reached by its directory's path, and an access
list keeps others from changing what lies on it.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress

from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.errors import StateNotReadable
from keyferry_protocol.messages import message

_IS_POSIX = os.name == "posix"
TYPE_CHECKING = False
if TYPE_CHECKING or not _IS_POSIX:  # elsewhere, importing ctypes would cost an application time
    from keyferry.store import windows_access

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
# Without O_NONBLOCK, a pipe in place of a file would be waited for.
_REGULAR = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NOT_REGULAR = (errno.ELOOP, errno.ENXIO, errno.EISDIR)  # a link, a socket or pipe, a directory
_NO_DIRECTORY = (errno.ENOTDIR, errno.ELOOP)
_LINKS_OF_WINDOWS = (0xA000_0003, 0xA000_000C)  # a junction, a symbolic link
_OTHERS_WRITE = 0o022
_TOP_MODE = 0o755  # of a directory that holds both state directories


class Directory:
    """An open directory. Its methods take the names of what is directly in it, and raise OSError.

    Opening one raises StateNotReadable for a link, unless `follow`.
    """

    def __init__(self, path: str, name: str, parent: int | None, follow: bool = False) -> None:
        self.path = path  # as shown to people
        self._fd: int | None = None
        try:
            if _IS_POSIX:
                flags = _DIRECTORY if follow else _DIRECTORY | _NO_LINK
                self._fd = os.open(name, flags, dir_fd=parent)
                self.status = os.fstat(self._fd)
            else:
                name = path
                self.status = _status_of_directory(path, follow)
        except OSError as error:
            if error.errno in _NO_DIRECTORY and _is_link(name, parent):
                detail = message("errors.state-not-readable.link", path=path)
                raise StateNotReadable(detail, path=path) from error
            raise

    def __enter__(self) -> "Directory":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)

    @property
    def others_write(self) -> bool:
        """Whether users other than its owner and root may write here."""
        if self._fd is None:
            return windows_access.others_write(windows_access.describe(self.path))
        # The rights of an access list show as those of the group, which may be the owner's own.
        is_for_group = bool(self.status.st_mode & stat.S_IWGRP)
        return others_write(self.status) or (is_for_group and _has_access_list(self._fd))

    def names(self) -> list[str]:
        return os.listdir(self.path if self._fd is None else self._fd)

    def has(self, name: str) -> bool:
        try:
            self.status_of(name)
        except FileNotFoundError:
            return False
        return True

    def status_of(self, name: str) -> os.stat_result:
        return os.stat(self._place(name), dir_fd=self._fd, follow_symlinks=False)

    def open_file(self, name: str, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
        """The handle of a regular file; anything else raises OSError and is not waited for."""
        if self._fd is None and flags & os.O_CREAT and mode == 0o600:
            path = self._place(name)
            return windows_access.open_private_file(path, is_new=bool(flags & os.O_EXCL))
        handle = _open_regular(self._place(name), flags | _NO_LINK, mode, self._fd)
        if _IS_POSIX and os.fstat(handle).st_uid not in (0, self.status.st_uid, os.geteuid()):
            os.close(handle)  # left from when others could write here, and still theirs to change
            raise ForeignFile(os.path.join(self.path, name))
        return handle

    def read_file(self, name: str, max_bytes: int) -> bytes:
        return _read(self.open_file(name), max_bytes)

    def create_file(self, name: str, mode: int) -> int:
        """The handle of a new file, in place of any other of this name, whatever the umask."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            handle = self.open_file(name, flags, mode)
        except FileExistsError:
            self.remove(name)
            handle = self.open_file(name, flags, mode)
        if _IS_POSIX:
            os.fchmod(handle, mode)
        return handle

    def remove(self, name: str) -> None:
        os.unlink(self._place(name), dir_fd=self._fd)

    def replace(self, old: str, new: str) -> None:
        os.replace(self._place(old), self._place(new), src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def flush(self) -> None:
        if self._fd is not None:  # Windows flushes a rename itself
            os.fsync(self._fd)

    def set_mode(self, mode: int) -> None:
        if self._fd is not None:
            os.fchmod(self._fd, mode)

    def open_directory(self, name: str) -> "Directory":
        return Directory(os.path.join(self.path, name), name, self._fd)

    def make_directory(self, name: str, mode: int, is_system: bool = False) -> "Directory":
        """Make a directory, whatever the umask, unless another process was faster.

        One of the system's own folders of Windows is the administrators', like those above it.
        """
        self.refuse_foreign(is_system)
        with suppress(FileExistsError):
            if self._fd is not None:
                os.mkdir(name, mode, dir_fd=self._fd)
            elif is_system:
                windows_access.make_folder(self._place(name), windows_access.SITE_FOLDER)
            else:
                windows_access.make_folder(self._place(name), windows_access.FOLDERS[mode])
        directory = self.open_directory(name)
        is_new = self._fd is not None and _is_own(directory.status) and not directory.names()
        if is_new and stat.S_IMODE(directory.status.st_mode) != mode:
            directory.set_mode(mode)
        return directory

    def remove_directory(self, name: str) -> None:
        os.rmdir(self._place(name), dir_fd=self._fd)

    def refuse_foreign(self, is_system: bool) -> None:
        """Raises ForeignDirectory for root in a directory of another user, who could replace it.

        On Windows, every user may make one of the system's folders: there it is refused to all.
        """
        if self._fd is not None:
            is_foreign = os.geteuid() == 0 and not _is_own(self.status)
        elif is_system:
            is_foreign = not windows_access.is_administrators(windows_access.describe(self.path))
        else:
            is_foreign = False
        if is_foreign:
            raise ForeignDirectory(self.path)

    def _place(self, name: str) -> str:
        return os.path.join(self.path, name) if self._fd is None else name


class ForeignDirectory(PermissionError):
    """A directory of another user, in which root changes nothing."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.EPERM, message("errors.state-not-writable.another-owner"), path)


class ForeignFile(OSError):
    """A file of a user who is neither the owner of its directory nor root."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.EPERM, message("errors.state-not-writable.another-owner"), path)


def open_directory(root: StateDir, number: str = "", to_write: bool = False) -> Directory:
    """Open a state directory, or one license's folder in it.

    Raises OSError, and StateNotReadable for a directory that a link or other users could replace.
    """
    return _open(root, number, to_write, make=False)


def make_directory(root: StateDir, number: str = "") -> Directory:
    """Open a directory to write in it, like `open_directory`, and make it if it is missing."""
    return _open(root, number, to_write=True, make=True)


def read_regular(path: str, max_bytes: int) -> bytes:
    """Read a file outside of the state, but nothing that could be waited for. Raises OSError."""
    return _read(_open_regular(path, os.O_RDONLY, 0, None), max_bytes)


def directory_mode(root: StateDir) -> int:
    """The permissions of a state directory and of each folder in it."""
    return 0o755 if root.shared else 0o700


def license_numbers(root: StateDir) -> list[str]:
    """The licenses that have a folder in this state directory, ascending."""
    return sorted({name[:12] for name in folder_names(root)})


def folder_names(root: StateDir) -> list[str]:
    """The folders of licenses in this state directory; a license has one for each computer."""
    with suppress(OSError, StateNotReadable), open_directory(root) as directory:
        return folder_names_in(directory)
    return []  # there is no such directory, or this user may not read it


def folder_names_in(directory: Directory) -> list[str]:
    return sorted(name for name in directory.names() if _is_of_license(name))


def unsafe_directories(root: StateDir) -> Iterator[StateNotReadable]:
    """The errors of the directories that readers pass over, as `open_directory` raises them."""
    for name in ("", *folder_names(root)):
        try:
            with suppress(OSError):
                open_directory(root, name).close()
        except StateNotReadable as error:
            yield error


def refuse_unsafe(state_dirs: StateDirs) -> None:
    """Raises StateNotReadable if a directory is passed over, for callers that need them all."""
    for root in state_dirs:
        for error in unsafe_directories(root):
            raise error


def others_write(status: os.stat_result) -> bool:
    """Whether the permissions let users other than the owner and root write."""
    if not _IS_POSIX or not status.st_mode & _OTHERS_WRITE:
        return False
    return bool(status.st_mode & stat.S_IWOTH) or not _is_group_of_owner(status)


def _is_of_license(name: str) -> bool:
    """Whether this is `015120020093` or, of another computer, `015120020093-2`."""
    number, counter = name[:12], name[12:]
    is_number = len(number) == 12 and number.isascii() and number.isdigit()
    is_counter = counter[:1] == "-" and counter[1:].isascii() and counter[1:].isdigit()
    return is_number and (not counter or is_counter)


def _open(root: StateDir, number: str, to_write: bool, make: bool) -> Directory:
    mode = directory_mode(root)
    try:
        directory = _checked(_open_top(root, mode, make), root, to_write)
        for name in filter(None, (root.name, number)):
            with directory as parent:
                if make:
                    directory = parent.make_directory(name, mode, root.is_system)
                else:
                    directory = parent.open_directory(name)
                _checked(directory, root, to_write)
    except ForeignDirectory as error:
        if root.shared:
            detail = _detail("another-owner", error.filename)
            raise StateNotReadable(detail, path=error.filename) from error
        raise
    return directory


def _open_top(root: StateDir, mode: int, make: bool) -> Directory:
    """Open the first directory that no link may lead to; those above are the system's."""
    try:
        return Directory(root.top, root.top, None)
    except FileNotFoundError:
        if not make:
            raise
    return _make_path(root.top, _TOP_MODE if root.name else mode, root.is_system)


def _make_path(path: str, mode: int, is_system: bool) -> Directory:
    """Make a directory and those above it, as far as they are missing."""
    above, name = os.path.split(path)
    try:
        parent = Directory(above or os.curdir, above or os.curdir, None, follow=True)
    except FileNotFoundError:
        parent = _make_path(above, mode, is_system)
    with parent:
        return parent.make_directory(name, mode, is_system)


def _checked(directory: Directory, root: StateDir, to_write: bool) -> Directory:
    try:
        if directory.others_write:
            raise StateNotReadable(_detail("others-write", directory.path), path=directory.path)
        if to_write or not _IS_POSIX:
            directory.refuse_foreign(root.is_system)
    except BaseException:
        directory.close()
        raise
    return directory


def _detail(name: str, path: str) -> str:
    """The sentence that names a directory and the command that mends it on this system."""
    name = f"errors.state-not-readable.{name}"
    return message(name if _IS_POSIX else f"{name}.windows", path=path)


def _open_regular(path: str, flags: int, mode: int, parent: int | None) -> int:
    try:
        handle = os.open(path, flags | _REGULAR, mode, dir_fd=parent)
    except OSError as error:
        if error.errno in _NOT_REGULAR:
            raise _not_regular(path) from error
        raise
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _not_regular(path)
    return handle


def _read(handle: int, max_bytes: int) -> bytes:
    try:
        return os.read(handle, max_bytes)
    finally:
        os.close(handle)


def _not_regular(path: str) -> OSError:
    return OSError(errno.EINVAL, message("errors.state-damaged.not-a-file"), path)


def _is_link(name: str, parent: int | None) -> bool:
    with suppress(OSError):
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
        return stat.S_ISLNK(status.st_mode) or _is_junction(status)
    return False


def _is_junction(status: os.stat_result) -> bool:
    return getattr(status, "st_reparse_tag", 0) in _LINKS_OF_WINDOWS


def _status_of_directory(path: str, follow: bool) -> os.stat_result:
    """The status of a directory of Windows, where no open handle keeps it in its place."""
    status = os.stat(path, follow_symlinks=follow)
    if _is_junction(status) or not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return status


def _has_access_list(fd: int) -> bool:
    if hasattr(os, "listxattr"):
        with suppress(OSError):  # a file system without them
            return "system.posix_acl_access" in os.listxattr(fd)
    return False


def _is_own(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid()


def _is_group_of_owner(status: os.stat_result) -> bool:
    """Whether a group has its owner's name and no other member, as many systems give each user."""
    import grp  # imported here, because few directories are writable for a group
    import pwd

    try:
        owner, group = pwd.getpwuid(status.st_uid), grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    members = {
        *group.gr_mem,
        *(user.pw_name for user in pwd.getpwall() if user.pw_gid == group.gr_gid),
    }
    return group.gr_name == owner.pw_name and members <= {owner.pw_name}
