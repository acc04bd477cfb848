"""Another user of the computer, in a process of its own: renames, lays links, holds locks."""

import ctypes
import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from random import random

import pytest

from tests.client.interrupted_journeys import in_a_child, start_child

NOBODY = 65534
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
_LIBC = ctypes.CDLL(None, use_errno=True)
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of linux/fs.h


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach; pytest's own are closed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def become_nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def as_nobody(act: Callable[[], int]) -> int:
    """The exit code of a process of the other user that does this."""

    def child() -> int:
        become_nobody()
        return act()

    return in_a_child(child)


@contextmanager
def swapping(*places: tuple[Path, Path]) -> Iterator[None]:
    """While the other user exchanges the two names of each pair, and soon exchanges them back."""
    pairs = [(bytes(one), bytes(other)) for one, other in places]

    def swap() -> int:
        become_nobody()
        for one, other in cycle(pairs):
            for longest_s in (0.0005, 0.002):
                _LIBC.renameat2(_HERE, one, _HERE, other, _EXCHANGE)
                time.sleep(random() * longest_s)
        return 0

    with running(swap):
        yield


@contextmanager
def running(act: Callable[[], int]) -> Iterator[None]:
    """While a separate process does this; it is killed afterwards."""
    child = start_child(act)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
