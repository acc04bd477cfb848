"""Killed with SIGKILL at any point where a command changes the disk, a license is never lost."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.interrupted_journeys import JOURNEYS, Journey, Scene, Try, every_journey, traced
from tests.support.terminal import Shell

pytestmark = pytest.mark.crash


@pytest.fixture(autouse=True)
def _not_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda handle: None)


@every_journey
def test_killed_at_every_change_of_the_disk_the_state_is_the_old_or_the_new(
    shell: Shell, tmp_path: Path, journey: Journey
) -> None:
    scene = Scene(tmp_path, shell, journey)
    undisturbed = scene.copy()
    code, points = traced(undisturbed.act)
    assert code == 0
    assert {"fsync", "open"} < {point.split()[0] for point in points}
    done = undisturbed.outcome()
    hit = []
    for number, point in enumerate(points, 1):
        case = scene.copy()
        code, came_to = traced(case.act, kill_at=number)
        assert code == -signal.SIGKILL
        hit += came_to[number - 1 :]
        moment = f"killed before change {number}: {point}"
        if point.startswith("fsync"):
            lose_what_was_not_flushed(case, point.split()[1])
        assert case.outcome() in journey.allowed, moment
        if case.room.folder().has("deactivate.request"):
            assert case.outcome() == "deactivated", (
                f"a free copy of what may be given back; {moment}"
            )
        if not point.startswith(("open", "fsync")):
            case.repair()
            assert case.outcome() in journey.allowed, f"{moment}, then repaired"
        case.act()  # finished work is not done again, and the command may say so
        assert case.outcome() == done, f"{moment}, then done again"
        assert case.file_names() == undisturbed.file_names(), moment
        assert case.on_the_drive() == undisturbed.on_the_drive(), moment
    assert [one.split()[0] for one in hit] == [one.split()[0] for one in points]


STRACE = ("strace", "-f", "-e", "trace=rename,renameat,renameat2,fsync,fdatasync", "-o")
ALONE = """
import sys
from keyferry.cli.main import main
from tests.support.offline import LAB_07
sys.exit(main(sys.argv[2:], machine=LAB_07, now=int(sys.argv[1])))
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("journey", [j for j in JOURNEYS if j.name == "deactivate"], ids=str)
def test_the_changes_that_are_listed_are_those_that_the_kernel_sees(
    shell: Shell, tmp_path: Path, journey: Journey
) -> None:
    scene = Scene(tmp_path, shell, journey)
    _, points = traced(scene.copy().act)
    case = scene.copy()
    command = [sys.executable, "-B", "-c", ALONE, str(case.room.now), *case.command]
    paths = [path for path in sys.path if path]
    subprocess.run(
        [*STRACE, "calls", *command], check=True, env={**os.environ, "PYTHONPATH": ":".join(paths)}
    )
    calls = re.findall(r"^\d+ +(rename|fsync)\w*\(.* = 0$", Path("calls").read_text(), re.MULTILINE)
    assert calls == [p.split()[0] for p in points if p.startswith(("rename", "fsync"))]


def lose_what_was_not_flushed(case: Try, name: str) -> None:
    """As after a power failure: half of the new file is on the disk."""
    for file in case.place.rglob(f"{name}"):
        if name.endswith(".new"):
            os.truncate(file, file.stat().st_size // 2)
