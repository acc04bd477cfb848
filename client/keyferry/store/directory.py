"""Opens the directories of the state one below the other, and follows no link on the way.

Whoever may rename a directory can swap it for a link between a check and a use. So what is checked
and used is what is open: a name is looked up in the open directory, and a mode is set on an open
file. Windows has no such calls; there, names are reached by the directory's path.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType

from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.errors import StateNotReadable
from keyferry_protocol.messages import message

_IS_POSIX = os.name == "posix"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
# Without O_NONBLOCK, a pipe in place of a file would be waited for.
_REGULAR = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NOT_REGULAR = (errno.ELOOP, errno.ENXIO, errno.EISDIR)  # a link, a socket or pipe, a directory
_NO_DIRECTORY = (errno.ENOTDIR, errno.ELOOP)
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
                self._fd = os.open(
                    name, _DIRECTORY if follow else _DIRECTORY | _NO_LINK, dir_fd=parent
                )
                self.status = os.fstat(self._fd)
            else:
                self.status = os.stat(path) if follow else _status_of_directory(path)
        except OSError as error:
            if error.errno in _NO_DIRECTORY and _is_link(name, parent):
                detail = message("errors.state-not-readable.link", path=path)
                raise StateNotReadable(detail, path=path) from error
            raise

    def __enter__(self) -> "Directory":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)

    @property
    def others_write(self) -> bool:
        """Whether users other than its owner and root may write here."""
        if not others_write(self.status):
            # An access list shows as rights of the group, which may be the owner's own.
            is_listed = self.status.st_mode & stat.S_IWGRP and self._has_access_list()
            return bool(is_listed)
        return True

    def _has_access_list(self) -> bool:
        if self._fd is None or not hasattr(os, "listxattr"):
            return False
        with suppress(OSError):  # a file system without them
            return "system.posix_acl_access" in os.listxattr(self._fd)
        return False

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
        return _open_regular(self._place(name), flags | _NO_LINK, mode, self._fd)

    def read_file(self, name: str, max_bytes: int) -> bytes:
        return _read(self.open_file(name), max_bytes)

    def create_file(self, name: str, mode: int) -> int:
        """The handle of a new file, in place of any other of this name, whatever the umask."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            handle = self.open_file(name, flags)
        except FileExistsError:
            self.remove(name)
            handle = self.open_file(name, flags)
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

    def make_directory(self, name: str, mode: int) -> "Directory":
        """Make a directory, whatever the umask, unless another process was faster."""
        self.refuse_foreign()
        with suppress(FileExistsError):
            os.mkdir(self._place(name), mode, dir_fd=self._fd)
        directory = self.open_directory(name)
        is_new = _is_own(directory.status) and not directory.names()
        if is_new and stat.S_IMODE(directory.status.st_mode) != mode:
            directory.set_mode(mode)
        return directory

    def remove_directory(self, name: str) -> None:
        os.rmdir(self._place(name), dir_fd=self._fd)

    def refuse_foreign(self) -> None:
        """Raises ForeignDirectory for root in a directory of another user, who could replace it."""
        if _IS_POSIX and os.geteuid() == 0 and not _is_own(self.status):
            raise ForeignDirectory(self.path)

    def _place(self, name: str) -> str:
        return os.path.join(self.path, name) if self._fd is None else name


class ForeignDirectory(PermissionError):
    """A directory of another user, in which root changes nothing."""

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
    with suppress(OSError, StateNotReadable), open_directory(root) as directory:
        return license_numbers_in(directory)
    return []  # there is no such directory, or this user may not read it


def license_numbers_in(directory: Directory) -> list[str]:
    names = directory.names()
    return sorted(name for name in names if len(name) == 12 and name.isascii() and name.isdigit())


def unsafe_directories(root: StateDir) -> Iterator[StateNotReadable]:
    """The errors of the directories that readers pass over, as `open_directory` raises them."""
    for number in ("", *license_numbers(root)):
        try:
            with suppress(OSError):
                open_directory(root, number).close()
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


def _open(root: StateDir, number: str, to_write: bool, make: bool) -> Directory:
    mode = directory_mode(root)
    try:
        directory = _checked(_open_top(root, mode, make), to_write)
        for name in filter(None, (root.name, number)):
            with directory as parent:
                child = parent.make_directory(name, mode) if make else parent.open_directory(name)
                directory = _checked(child, to_write)
    except ForeignDirectory as error:
        if root.shared:
            detail = message("errors.state-not-readable.another-owner", path=error.filename)
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
    if root.name:
        mode = _TOP_MODE
    above, name = os.path.split(root.top)
    with _made_above(above or os.curdir, mode) as directory:
        return directory.make_directory(name, mode)


def _made_above(path: str, mode: int) -> Directory:
    with suppress(FileNotFoundError):
        return Directory(path, path, None, follow=True)
    above, name = os.path.split(path)
    with _made_above(above or os.curdir, mode) as directory:
        return directory.make_directory(name, mode)


def _checked(directory: Directory, to_write: bool) -> Directory:
    try:
        if directory.others_write:
            detail = message("errors.state-not-readable.others-write", path=directory.path)
            raise StateNotReadable(detail, path=directory.path)
        if to_write:
            directory.refuse_foreign()
    except BaseException:
        directory.close()
        raise
    return directory


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
    return bool(getattr(status, "st_reparse_tag", 0))


def _status_of_directory(path: str) -> os.stat_result:
    """The status of a directory of Windows, where no open handle keeps it in its place."""
    status = os.lstat(path)
    if _is_junction(status) or not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
    return status


def _is_own(status: os.stat_result) -> bool:
    return not _IS_POSIX or status.st_uid == os.geteuid()


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
