"""Plain users of the computer, for tests that run as root."""

import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from keyferry import KeyferryError

ALICE, BOB = 65_001, 65_002
as_root = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0,
    reason="only root can run as several users",
)


def run_as(uid: int, action: Callable[[], bytes | str]) -> bytes:
    """What the action returns to this user, in a process of theirs; a KeyferryError as its code."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            result = action()
            os.write(write_end, result.encode() if isinstance(result, str) else result)
        except KeyferryError as error:
            os.write(write_end, error.code.encode())
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, "rb") as answer:
        result = answer.read()
    os.waitpid(child, 0)
    return result


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
