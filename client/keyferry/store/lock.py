"""One lock for each state directory, honored by every process that can lock a file."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType

from keyferry.store.files import make_folder
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.errors import StateBusy, StateNotWritable
from keyferry_protocol.messages import message

WAIT_S = 5.0  # for a command
LOAD_WAIT_S = 0.05  # for `load`: an application starts without waiting
_PAUSE_S = 0.01
_OPEN = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


class Lock:
    """Holds the lock of a state directory for a `with` block; it is freed if the process dies.

    Creates the directory. Raises StateBusy after `wait_s` seconds, and StateNotWritable if this
    user may not write.
    """

    def __init__(self, root: StateDir, wait_s: float = WAIT_S) -> None:
        self._root, self._shared = root
        self._wait_s = wait_s
        self._handle = -1

    def __enter__(self) -> "Lock":
        try:
            make_folder(self._root, self._shared)
            path = os.path.join(self._root, "lock")
            self._handle = os.open(path, _OPEN, 0o644 if self._shared else 0o600)
        except OSError as error:
            raise StateNotWritable(f"{self._root}: {error.strerror}.", path=self._root) from error
        ends = time.monotonic() + self._wait_s
        while True:
            try:
                _take(self._handle)
                return self
            except (
                OSError
            ) as error:  # another process holds it; flock and msvcrt share no error code
                if time.monotonic() >= ends:
                    os.close(self._handle)
                    detail = message("errors.state-busy.folder", path=self._root)
                    raise StateBusy(detail, path=self._root) from error
            time.sleep(_PAUSE_S)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._handle)


@contextmanager
def locked(state_dirs: StateDirs) -> Iterator[None]:
    """Hold the lock of each directory that this user may write. Writes to the other fail."""
    with ExitStack() as locks:
        for root in state_dirs:
            with suppress(StateNotWritable):
                locks.enter_context(Lock(root))
        yield
