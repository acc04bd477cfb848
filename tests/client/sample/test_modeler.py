"""The sample application starts where it is licensed, and says why where it is not."""

import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from keyferry_protocol.keys import Ed25519Signer
from tests.support.offline import END, LAB_07, LAB_09, Room, key_set
from tests.support.samples import DAY, NOW

SAMPLE = Path(__file__).parents[3] / "docs" / "sample"
MEASURED = str(SAMPLE / "measured.csv")


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setenv("KEYFERRY_STATE_DIR", str(tmp_path / "state"))
    return Room(tmp_path / "state")


@pytest.fixture
def modeler(room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The program as a vendor ships it: its key set in its code."""
    folder = tmp_path / "modeler"
    folder.mkdir()
    shutil.copy(SAMPLE / "modeler.py", folder)
    (folder / "vendor_keys.py").write_text(f"KEYS = {room.keys.to_json()!r}")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "vendor_keys", raising=False)
    main: Callable[..., int] = runpy.run_path(str(folder / "modeler.py"))["main"]
    return main


def test_a_licensed_machine_solves_the_model(
    room: Room, modeler: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    room.activate()
    assert modeler([MEASURED], LAB_07) == 0
    assert capsys.readouterr().out == "pressure = 2 x + 1\nflow = -0.5 x + 10\n"


def test_a_license_without_the_feature_gets_less(
    room: Room, modeler: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    room.activate(features={"threads": 2})
    assert modeler([MEASURED], LAB_07) == 0
    assert capsys.readouterr().out == "pressure: 4 on average\nflow: 9.25 on average\n"


@pytest.mark.parametrize(
    ("license_of", "machine", "exit_code", "title"),
    [
        pytest.param({}, LAB_09, 6, "This computer is not recognized", id="another machine"),
        pytest.param({"valid_until": NOW}, LAB_07, 5, "This license ended on", id="it has ended"),
        pytest.param(
            {"maintenance_until": NOW - DAY, "valid_until": END},
            LAB_07,
            5,
            "Updates for this license ended on",
            id="bought before this version",
        ),
    ],
)
def test_it_does_not_start_elsewhere(
    room: Room,
    modeler: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    license_of: dict[str, int],
    machine: object,
    exit_code: int,
    title: str,
) -> None:
    room.now -= 2 * DAY
    room.activate(valid_from=NOW - 9 * DAY, **license_of)
    assert modeler([MEASURED], machine) == exit_code
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"Example Modeler does not start: {title}")
    assert len(lines) >= 2


def test_a_key_set_beside_the_program_changes_nothing(
    room: Room, modeler: Callable[..., int], tmp_path: Path
) -> None:
    forger = Ed25519Signer(b"f" * 32)
    forged = Room(room.state, keys=key_set(forger), signers=(forger,))
    forged.activate()
    (tmp_path / "modeler" / "keys.json").write_bytes(forged.keys.to_json())
    assert modeler([MEASURED], LAB_07) == 7


def test_without_a_license_it_says_how_to_get_one(room: Room, modeler: Callable[..., int]) -> None:
    """As its user starts it, in a separate process."""
    program = room.state.parent / "modeler" / "modeler.py"
    run = subprocess.run(
        [sys.executable, str(program), MEASURED],
        capture_output=True,
        text=True,
        env=os.environ | {"KEYFERRY_STATE_DIR": str(room.state)},
    )
    assert (run.returncode, run.stdout) == (3, "")
    assert run.stderr.startswith("Example Modeler does not start: ")
    assert "run `keyferry request NUMBER`" in run.stderr
    assert "Traceback" not in run.stderr
