"""The journeys of a license on its computer, each from a folder created once and copied for each
try, and a real process to kill in the middle of one."""

import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from keyferry import KeyferryError
from tests.support.offline import Room
from tests.support.samples import NUMBER
from tests.support.terminal import Shell

STICK = "stick"
ANSWER = f"{STICK}/answer.response"
TRACEBACK = 99


@dataclass(frozen=True)
class Journey:
    """A command, what happened before it, and the license states allowed when it is interrupted."""

    name: str
    before: str
    command: str
    allowed: frozenset[str]

    def __str__(self) -> str:
        return self.name


def journey(name: str, before: str, command: str, *allowed: str) -> Journey:
    return Journey(name, before, command, frozenset(allowed))


REQUEST = f"request {NUMBER} --output {STICK}"
UPDATE = f"update {NUMBER} --output {STICK}"
DEACTIVATE = f"deactivate {NUMBER} --yes --output {STICK}"
INSTALL = f"install {ANSWER}"
JOURNEYS = [
    journey("request", "", REQUEST, "not-activated", "pending"),
    journey("personal request", "", f"{REQUEST} --protection personal", "not-activated", "pending"),
    journey(
        "request into an archive",
        "",
        f"request {NUMBER} --output {STICK}/all.zip",
        "not-activated",
        "pending",
    ),
    journey("install", f"{REQUEST}; answer", INSTALL, "pending", "active 1"),
    journey("update", f"{REQUEST}; answer; {INSTALL}; later", UPDATE, "active 1"),
    journey(
        "install an update",
        f"{REQUEST}; answer; {INSTALL}; later; {UPDATE}; answer",
        INSTALL,
        "active 1",
        "active 2",
    ),
    journey(
        "deactivate", f"{REQUEST}; answer; {INSTALL}; later", DEACTIVATE, "active 1", "deactivated"
    ),
    journey(
        "install a receipt",
        f"{REQUEST}; answer; {INSTALL}; later; {DEACTIVATE}; answer",
        INSTALL,
        "deactivated",
    ),
    journey(
        "ask again after that",
        f"{REQUEST}; answer; {INSTALL}; later; {DEACTIVATE}; answer; {INSTALL}; later",
        REQUEST,
        "deactivated",
        "pending",
    ),
    journey(
        "install after that",
        f"{REQUEST}; answer; {INSTALL}; later; {DEACTIVATE}; answer; {INSTALL}; later; {REQUEST};"
        " answer",
        INSTALL,
        "pending",
        "deactivated",
        "active 3",
    ),
    journey("cancel", REQUEST, f"cancel {NUMBER}", "pending", "not-activated"),
    journey("prefer", f"{REQUEST}; answer; {INSTALL}", f"prefer {NUMBER}", "active 1"),
    journey(
        "remove",
        f"{REQUEST}; answer; {INSTALL}",
        f"remove {NUMBER} --yes",
        "active 1",
        "not-activated",
    ),
]
every_journey = pytest.mark.parametrize("journey", JOURNEYS, ids=str)


class Scene:
    """A journey just before its command; each attempt works on its own copy."""

    def __init__(self, folder: Path, shell: Shell, journey: Journey) -> None:
        self._folder = folder
        self._shell = shell
        self._tries = 0
        self.journey = journey
        self.stage = folder / "stage"
        (self.stage / STICK).mkdir(parents=True)
        shell.patch.setenv("KEYFERRY_STATE_DIR", "state")
        shell.patch.chdir(self.stage)
        for step in filter(None, journey.before.split("; ")):
            self._do(step)

    def _do(self, step: str) -> None:
        if step == "answer":
            self._shell.carried(str(next(Path(STICK).glob("*.request"))), ANSWER)
            for file in Path(STICK).glob("*.request"):
                file.unlink()
        elif step == "later":
            self._shell.room.now += 60
        else:
            assert self._shell(*step.split()).exit == 0, step

    def copy(self) -> "Try":
        """A new try, with the working folder in it."""
        self._tries += 1
        place = self._folder / str(self._tries)
        shutil.copytree(self.stage, place, symlinks=True)
        self._shell.patch.chdir(place)
        return Try(place, self._shell, self.journey.command.split())


@dataclass(frozen=True)
class Try:
    """One copy of a scene."""

    place: Path
    shell: Shell
    command: list[str]

    @property
    def room(self) -> Room:
        return replace(self.shell.room, state=self.place / "state")

    def act(self) -> int:
        return self.shell(*self.command).exit

    def outcome(self) -> str:
        """The state of the license: `active` with its serial, or the code of the error."""
        try:
            return f"active {self.room.load().serial}"
        except KeyferryError as error:
            return error.code if error.title and error.next_step else "without words"

    def repair(self) -> None:
        """What a worried user does first."""
        assert self.shell("doctor", "--repair").exit == 0
        assert not list((self.place / "state").rglob("*.new"))

    def file_names(self) -> set[str]:
        return set(self.room.files())

    def on_the_drive(self) -> int:
        """How many files there are. Each device key gives a file another name."""
        return len(list((self.place / STICK).iterdir()))


def in_a_child(act: Callable[[], int]) -> int:
    """The exit code of a separate process; minus the signal number if a signal killed it."""
    return exit_of(start_child(act))


def start_child(act: Callable[[], int]) -> int:
    """Start a separate process; its exit code is TRACEBACK if `act` raised."""
    child = os.fork()
    if child == 0:
        code = TRACEBACK
        try:
            code = act()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def exit_of(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.link", "os.truncate"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def traced(act: Callable[[], int], kill_at: int = 0) -> tuple[int, list[str]]:
    """Do it in a child that dies by SIGKILL just before its n-th change of the disk.

    The exit code, and the changes it came to.
    """
    read_end, write_end = os.pipe()

    def point(count: int, name: str) -> None:
        os.write(write_end, f"{name}\n".encode())
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    code = in_a_child(lambda: reporting(act, point))
    os.close(write_end)
    with os.fdopen(read_end) as report:
        return code, report.read().splitlines()


@contextmanager
def stopped_before(act: Callable[[], int], change: str) -> Iterator[None]:
    """While a child that does it is stopped before this change; afterwards it continues."""
    ahead = [change]  # the same name may occur in the other of the two folders

    def point(count: int, name: str) -> None:
        if name in ahead:
            ahead.remove(name)
            os.kill(os.getpid(), signal.SIGSTOP)

    child = start_child(lambda: reporting(act, point))
    assert os.WIFSTOPPED(os.waitpid(child, os.WUNTRACED)[1]), f"there was no {change}"
    try:
        yield
    finally:
        os.kill(child, signal.SIGCONT)
        code = exit_of(child)
    assert code == 0


def reporting(act: Callable[[], int], point: Callable[[int, str], None]) -> int:
    """Do it, and call `point` before each change of the disk, with its number and name.

    The interpreter itself reports them before it makes them, so that none can be made past this;
    fsync alone has no such report. For a child process: a hook cannot be taken out again.
    """
    counter = count(1)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str) and isinstance(flags, int) and flags & _WRITES:
                point(next(counter), f"open {_name(path)}")
        elif event in _CHANGES:
            point(next(counter), f"{event[3:]} {_name(arguments[0])}")

    def fsync(
        fd: int,
    ) -> None:  # without waiting for the disk: a killed process is no power failure
        point(next(counter), f"fsync {_name(fd)}")

    os.fsync = fsync  # type: ignore[assignment]
    sys.addaudithook(hook)
    return act()


def _name(path: object) -> str:
    return os.path.basename(
        os.readlink(f"/proc/self/fd/{path}") if isinstance(path, int) else str(path)
    )
