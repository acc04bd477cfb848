"""Checks whether the state directories can be written, are safe, and are tidy; repairs permissions.

Permissions are repaired on what is open, and only of what this user owns.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from keyferry.store.clock_file import CLOCK
from keyferry.store.directory import (
    Directory,
    directory_mode,
    folder_names_in,
    license_numbers,
    open_directory,
    others_write,
    unsafe_directories,
)
from keyferry.store.files import file_mode, has
from keyferry.store.folder import FILES, Folder
from keyferry.store.lock import LOCK, try_lock
from keyferry.store.order import ORDER
from keyferry.store.state_dirs import StateDir
from keyferry.store.unwritable import case_of
from keyferry_protocol.errors import StateNotReadable
from keyferry_protocol.messages import message

SHARED_FILES = (CLOCK, ORDER, LOCK)
PROBE = "doctor.new"
_PROBE_BYTES = 4096  # a whole block, since a full disk may still accept less


class WrongMode(NamedTuple):
    """A path whose permissions a user, a backup, or an archive tool changed.

    `is_unsafe` if other users may therefore write there. `repair` raises OSError.
    """

    path: str
    is_unsafe: bool
    repair: Callable[[], None]


class StateDirReport(NamedTuple):
    """One state directory: why it cannot be written ("" if it can), and what is untidy in it.

    `write_case` selects the next step (`case_of`). An interrupted write leaves `leftovers`.
    `unsafe` are the errors of directories that are passed over, and that new permissions alone do
    not repair.
    """

    root: StateDir
    write_error: str
    write_case: str
    leftovers: tuple[str, ...]
    wrong_modes: tuple[WrongMode, ...]
    unsafe: tuple[StateNotReadable, ...]


def read_state_dir(root: StateDir) -> StateDirReport:
    """Whether one state directory can be written, and whether it is tidy."""
    wrong = tuple(wrong_modes(root))
    write_error, write_case = _write_error(root)
    paths = {one.path for one in wrong}
    unsafe = [error for error in unsafe_directories(root) if error.facts["path"] not in paths]
    return StateDirReport(
        root=root,
        write_error=write_error,
        write_case=write_case,
        leftovers=tuple(root.path_of(name) for name in leftovers(root)),
        wrong_modes=wrong,
        unsafe=tuple(unsafe),
    )


def leftovers(root: StateDir) -> list[str]:
    """The names of the temporary files that interrupted writes left next to the real ones."""
    names = [*SHARED_FILES]
    names += [Folder(root, number).name(name) for number in license_numbers(root) for name in FILES]
    return [name for name in (*(f"{name}.new" for name in names), PROBE) if has(root, name)]


def wrong_modes(root: StateDir) -> Iterator[WrongMode]:
    """What has wrong permissions, each folder before its contents.

    Repaired in this order, a folder's contents are read when nobody else can change them any more.
    """
    if os.name != "posix":  # elsewhere permissions are inherited from the parent folder
        return
    with suppress(OSError, StateNotReadable), Directory(root.top, root.top, None) as top:
        if not root.name:
            yield from _in_state_dir(top, root)
            return
        if top.others_write:
            yield _of_directory(top, stat.S_IMODE(top.status.st_mode) & 0o755)
        with top.open_directory(root.name) as directory:
            yield from _in_state_dir(directory, root)


def _write_error(root: StateDir) -> tuple[str, str]:
    """The system's reason why nothing can be written here, "" if writing works, and its case.

    This writes and locks a file, because permissions do not reveal full disks, quotas, network
    drives without locks, and Windows access control lists. A missing folder is not created: its
    future parent folder is checked instead.
    """
    try:
        with open_directory(root, to_write=True) as directory:
            _write_probe(directory)
    except FileNotFoundError:
        return _make_error(root)
    except OSError as error:
        return error.strerror or str(error), case_of(error)
    except StateNotReadable as error:
        return str(error), ""
    return "", ""


def _make_error(root: StateDir) -> tuple[str, str]:
    path = root.path
    while not os.path.lexists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    try:
        with Directory(path, path, None, follow=True) as above:
            above.refuse_foreign(root.is_system)
        if not os.access(path, os.W_OK | os.X_OK):
            code = errno.EROFS if _is_read_only(path) else errno.EACCES
            raise OSError(code, os.strerror(code), path)
    except OSError as error:
        return error.strerror or str(error), case_of(error)
    return "", ""


def _is_read_only(path: str) -> bool:
    """Whether this is on a file system where nobody writes, as the image of a container."""
    return os.name == "posix" and bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _write_probe(directory: Directory) -> None:
    try:
        with os.fdopen(directory.create_file(PROBE, 0o600), "wb") as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
            try_lock(file.fileno())
    finally:
        with suppress(OSError):
            directory.remove(PROBE)


def _in_state_dir(directory: Directory, root: StateDir) -> Iterator[WrongMode]:
    yield from _in_folder(directory, root, SHARED_FILES)
    for name in folder_names_in(directory):
        with suppress(OSError, StateNotReadable), directory.open_directory(name) as folder:
            yield from _in_folder(folder, root, FILES)


def _in_folder(directory: Directory, root: StateDir, names: tuple[str, ...]) -> Iterator[WrongMode]:
    if directory.others_write or _is_wrong(directory.status, directory_mode(root)):
        yield _of_directory(directory, directory_mode(root))
    for name in names:
        with suppress(OSError):
            status, mode = directory.status_of(name), file_mode(root, name)
            if stat.S_ISREG(status.st_mode) and _is_wrong(status, mode):
                repair = partial(_set_mode_of_file, directory, name, mode)
                path = os.path.join(directory.path, name)
                yield WrongMode(path, others_write(status), repair)


def _is_wrong(status: os.stat_result, mode: int) -> bool:
    """Whether permissions differ; a group that only the owner is in may write."""
    return stat.S_IMODE(status.st_mode) not in (mode, mode | stat.S_IWGRP) or others_write(status)


def _of_directory(directory: Directory, mode: int) -> WrongMode:
    repair = partial(_set_mode_of_directory, directory, mode)
    return WrongMode(directory.path, directory.others_write, repair)


def _set_mode_of_directory(directory: Directory, mode: int) -> None:
    _refuse_foreign(directory.status, directory.path)
    directory.set_mode(mode)


def _set_mode_of_file(directory: Directory, name: str, mode: int) -> None:
    handle = directory.open_file(name)
    try:
        status = os.fstat(handle)
        _refuse_foreign(status, name)
        if status.st_nlink != 1:  # it may be another file too, whose permissions are its own
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), name)
        os.fchmod(handle, mode)
    finally:
        os.close(handle)


def _refuse_foreign(status: os.stat_result, path: str) -> None:
    if status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, message("errors.state-not-writable.another-owner"), path)
