"""One lock for each state directory, honored by every process that can lock a file."""

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from keyferry.store.directory import Directory, ForeignFile, make_directory, refuse_unsafe
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry.store.unwritable import not_writable
from keyferry_protocol.errors import StateBusy, StateNotWritable
from keyferry_protocol.messages import message

LOCK = "lock"
WAIT_S = 5.0  # for a command
LOAD_WAIT_S = 0.05  # for `load`: an application starts without waiting
_PAUSE_S = 0.01
# Some network drives answer EACCES, and Windows too, while another process holds the lock.
_LOCK_CONFLICTS = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_lock(handle: int) -> bool:
    """Lock an open file until it is closed; False if another process has it locked.

    Raises NoLocks where the file system locks no file, as some network drives do.
    """
    try:
        _lock(handle)
    except OSError as error:
        if error.errno in _LOCK_CONFLICTS:
            return False
        raise NoLocks(error) from error
    return True


class NoLocks(OSError):
    """A file system without locks. To wait would not help, and to go on could lose a license."""

    def __init__(self, error: OSError) -> None:
        super().__init__(errno.ENOLCK, message("errors.state-not-writable.no-locks"))
        self.__cause__ = error


class Lock:
    """Holds the lock of a state directory for a `with` block; it is freed if the process dies.

    Creates the directory. Raises StateBusy after `wait_s` seconds, StateNotWritable if this user
    may not write, and StateNotReadable if others may.
    """

    def __init__(self, root: StateDir, wait_s: float = WAIT_S) -> None:
        self._root = root
        self._wait_s = wait_s
        self._handle = -1

    def __enter__(self) -> "Lock":
        try:
            with make_directory(self._root) as directory:
                self._handle = self._take(directory)
        except OSError as error:
            raise not_writable(self._root.path, error) from error
        return self

    def _take(self, directory: Directory) -> int:
        ends = time.monotonic() + self._wait_s
        while True:
            try:
                handle = directory.open_file(LOCK, os.O_RDWR | os.O_CREAT)
            except ForeignFile:
                directory.remove(LOCK)  # whoever owns it could hold it for ever
                continue
            status = os.fstat(handle)
            if try_lock(handle) and _is_current(status, directory):
                if _others_open(status):
                    os.fchmod(handle, 0o600)
                return handle
            os.close(handle)
            if time.monotonic() >= ends:
                return self._replace(status, directory)
            time.sleep(_PAUSE_S)

    def _replace(self, status: os.stat_result, directory: Directory) -> int:
        """Replace the site's lock if users who may not write there may hold it, else StateBusy."""
        if self._root.shared and _others_open(status):
            handle = directory.open_file(f"{LOCK}.new", os.O_RDWR | os.O_CREAT)
            if try_lock(handle) and _is_current(status, directory):
                directory.replace(f"{LOCK}.new", LOCK)
                return handle
            os.close(handle)
        path = self._root.path
        raise StateBusy(message("errors.state-busy.folder", path=path), path=path)

    def __exit__(self, *error: object) -> None:
        os.close(self._handle)


@contextmanager
def locked(state_dirs: StateDirs) -> Iterator[None]:
    """Hold the lock of each directory that this user may write. Writes to the other fail.

    Raises StateBusy, and StateNotReadable for a directory that others may write.
    """
    refuse_unsafe(state_dirs)
    with ExitStack() as locks:
        for root in state_dirs:
            with suppress(StateNotWritable):
                locks.enter_context(Lock(root))
        yield


def _is_current(status: os.stat_result, directory: Directory) -> bool:
    """Whether this is still the lock's file. If it was replaced, another process may hold that."""
    with suppress(FileNotFoundError):
        return os.path.samestat(status, directory.status_of(LOCK))
    return False


def _others_open(status: os.stat_result) -> bool:
    return os.name == "posix" and bool(status.st_mode & 0o077)
