"""Several users of one computer, each with a directory of their own."""

import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from keyferry import Installed, KeyferryError, License, verify_response
from keyferry.install import install
from keyferry.installation import Installation
from keyferry.load_license import load_license
from keyferry.request import create_request
from keyferry.request_options import RequestOptions
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.activation import parse_activation_code
from tests.support.offline import Room
from tests.support.samples import CODE, NUMBER

ALICE, BOB = 65_001, 65_002
as_root = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.geteuid() != 0,
    reason="only root can run as several users",
)


@dataclass
class UserRoom(Room):
    """The computer as one user sees it: `state` is the user's own directory, `site` everyone's."""

    site: Path = Path()

    @property
    def state_dirs(self) -> StateDirs:
        return StateDirs(StateDir(str(self.state), False), StateDir(str(self.site), True))

    @property
    def installation(self) -> Installation:
        return replace(super().installation, state_dirs=self.state_dirs)

    def request(self, kind: str = "activate", **options: Any) -> bytes:
        code = parse_activation_code(CODE, NUMBER) if kind == "activate" else None
        request = RequestOptions(NUMBER, kind, code=code, **options)
        return create_request(request, self.installation).data

    def install(self, data: bytes) -> Installed:
        return install(verify_response(data, self.keys), data, self.installation)

    def load(self, **options: Any) -> License:
        return load_license(self.installation, **options)


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
