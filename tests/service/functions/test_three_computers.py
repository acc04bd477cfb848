"""Three computers, one seat, one USB drive: the whole journey, word for word.

Each computer is a folder (`--state-dir`). `tests/service/functions/golden/three-computers.txt` is
what a customer sees; `WRITE_GOLDEN=1 pytest` on this file writes it again.
"""

import io
import os
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from keyferry.cli.main import main
from tests.support.offline import LAB_07, LAB_09
from tests.support.samples import CODE, NUMBER, PRODUCT
from tests.support.world import KEYS, World

GOLDEN = Path(__file__).parent / "golden" / "three-computers.txt"
LAB_11 = replace(
    LAB_09,
    name="LAB-11",
    components={
        name: [f"eleventh {value}" for value in values]
        for name, values in LAB_07.components.items()
    },
)
MACHINES = {"LAB-07": LAB_07, "LAB-09": LAB_09, "LAB-11": LAB_11}


@dataclass
class Room:
    """A desk with three computers, a USB drive that is carried to the page, and a transcript."""

    world: World
    folder: Path
    lines: list[str] = field(default_factory=list)

    def on(self, computer: str, typed: str) -> int:
        """Run a command on one of the computers, as a person types it there."""
        folder = self.folder / computer
        options = ["--keys", str(self.folder / "keys.json"), "--product", PRODUCT]
        options += ["--state-dir", str(folder)]
        printed = io.StringIO()
        with redirect_stdout(printed), redirect_stderr(printed):
            code = main([*typed.split(), *options], machine=MACHINES[computer], now=self.world.now)
        self.lines.append(f"{computer}$ keyferry {typed}" + (f"  [exit {code}]" if code else ""))
        self.lines.append(printed.getvalue().rstrip())
        return code

    def page(self, file: str) -> dict[str, Any]:
        """Choose a request file on the page; a response is saved on the USB drive."""
        ticket = self.world.activate(Path(file).read_bytes())
        shown = self.world.ticket(ticket)
        self.lines.append(f"page: {file}: {shown['state']}")
        if shown["state"] == "ready":
            name = shown["response"]["filename"]
            Path("usb", name).write_bytes(self.world.response(ticket))
            self.lines.append(f"  usb/{name}, seat {shown['response']['seat']}")
        else:
            refusal = shown["refusal"]
            self.lines.append(f"  {refusal['title']}")
            for seat in refusal.get("seats", []):
                self.lines.append(f"  seat {seat['seat']}, {seat['machine_name']}")
        return shown

    @property
    def transcript(self) -> str:
        text = "\n".join(self.lines) + "\n"
        text = re.sub(rf"{NUMBER}-[0-9a-f]{{4}}", f"{NUMBER}-7f3a", text)
        text = re.sub(r"\d+ \w+ \d{4}, \d\d:\d\d", "24 November 2026, 10:47", text)
        return text.replace(str(self.folder.resolve()), "/lab").replace(str(self.folder), "/lab")


@pytest.fixture
def room(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    (tmp_path / "keys.json").write_bytes(KEYS.to_json())
    (tmp_path / "usb").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("KEYFERRY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KEYFERRY_ACTIVATION_CODE", CODE)
    monkeypatch.setenv("COLUMNS", "100")
    world.sell()
    return Room(world, tmp_path)


def test_one_seat_goes_from_computer_to_computer(room: Room) -> None:
    room.on("LAB-07", "list")
    room.on("LAB-07", "request 015.120.020.093 --output usb/lab-07.request")
    assert room.page("usb/lab-07.request")["state"] == "ready"
    room.on("LAB-07", "install usb")
    room.on("LAB-07", "status")

    room.on("LAB-09", "request 015.120.020.093 --output usb/lab-09.request")
    assert room.page("usb/lab-09.request")["refusal"]["code"] == "no-seats-left"
    room.on("LAB-09", "status")

    room.on("LAB-07", "deactivate 015.120.020.093 --yes --output usb/end.request")
    room.on("LAB-07", "status")
    room.on("LAB-07", "remove 015.120.020.093 --yes")
    assert room.page("usb/lab-09.request")["refusal"]["code"] == "no-seats-left", "not handed in"
    assert room.page("usb/end.request")["state"] == "ready"
    assert room.page("usb/lab-09.request")["state"] == "ready", "the same file again"
    room.on("LAB-09", "install usb")
    room.on("LAB-09", "status")
    room.on("LAB-07", "install usb")
    room.on("LAB-07", "status")
    room.on("LAB-07", "remove 015.120.020.093 --yes")
    room.on("LAB-07", "list")

    room.on("LAB-09", "update 015.120.020.093 --output usb/update.request")
    room.on("LAB-11", "request 015.120.020.093 --replaces-seat 2 --output usb/lab-11.request")
    assert room.page("usb/lab-11.request")["state"] == "ready"
    room.on("LAB-11", "install usb")
    assert room.page("usb/update.request")["refusal"]["code"] == "not-activated"
    room.on("LAB-09", "list")

    if os.environ.get("WRITE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(room.transcript, encoding="utf-8")
    assert room.transcript == GOLDEN.read_text(encoding="utf-8")


def test_a_seat_is_shown_by_the_name_that_its_computer_had_last(room: Room) -> None:
    room.on("LAB-07", "request 015.120.020.093 --output usb/first.request")
    room.page("usb/first.request")
    room.on("LAB-07", "install usb")
    room.on("LAB-07", "update 015.120.020.093 --machine-name PRESS-3 --output usb/update.request")
    room.page("usb/update.request")
    room.on("LAB-09", "request 015.120.020.093 --output usb/lab-09.request")
    (seat,) = room.page("usb/lab-09.request")["refusal"]["seats"]
    assert (seat["seat"], seat["machine_name"]) == (1, "PRESS-3")
