"""The command line in a made-up language: no English is left but names and click's own words."""

import html
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from keyferry import __version__
from keyferry.cli.main import COMMANDS
from keyferry_protocol import messages
from tests.client.test_commands import activate, moved, revoked
from tests.client.test_wrong_files import KINDS, Make
from tests.support.offline import LAB_07, LAB_09, Room
from tests.support.pseudo import PSEUDO, english_in, write_pseudo
from tests.support.samples import CODE, DAY, NOW, NUMBER
from tests.support.terminal import Printed, Shell

ALL = ["", *COMMANDS, "dongle list", "dongle make-key", "dongle export"]
NAMES = (
    "Expecting property name enclosed in double quotes",  # Python's own words for bad JSON
    "No such file or directory",  # the system's
    *("Example Modeler", "Example Software", "Professional", "Nordhaven Pilot Plant"),
    *(
        "LAB-07",
        "LAB-09",
        "tpm_key",
        "Windows 11 Pro 23H2",
        f"keyferry {__version__}",
        "https://activate.example.com",
    ),
    *(
        "licensing@example.com",
        "threads",
        "solver",
        "Ed25519",
        "ok ",
        "gone.json",
        "empty",
        "[!!id ",
        "gone",
        "cfd",
        "machine.name",
        "keyset",
        *(f"keyferry {command}" for command in COMMANDS),
    ),
)
# Paths, names of files, and the code that stands behind an error's title.
FACTS = re.compile(
    r"(?<!:)/[\w./-]+|\b[\w-]+\*?\.(request|response|json|svg|zip|html)\b| \([a-z-]+\)$", re.M
)
VARIABLES = re.compile(r"KEYFERRY_\w+")
FIRST_COLUMN = re.compile(r"^  (-h, --help|--[\w-]+( \S+)?|[a-z-]+)(?=  |$)", re.M)


def without_names(text: str) -> str:
    for name in sorted(NAMES, key=len, reverse=True):
        text = text.replace(name, "")
    return text


@dataclass
class PseudoShell:
    """Runs commands in the made-up language, and keeps each line they print in English."""

    shell: Shell
    english: list[str] = field(default_factory=list)

    def __call__(self, *arguments: str, stdin: str = "", exits: int = 0) -> Printed:
        printed = self.shell(*arguments, "--lang", PSEUDO, stdin=stdin)
        assert printed.exit == exits
        self.english += english_in(FACTS.sub("", without_names(printed.out + printed.err)))
        return printed


@pytest.fixture
def pseudo(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PseudoShell:
    folder = tmp_path / "messages"
    folder.mkdir()
    write_pseudo(folder)
    monkeypatch.setattr(messages, "FOLDER", str(folder))
    return PseudoShell(shell)


@pytest.mark.usefixtures("pseudo")
@pytest.mark.parametrize("command", ALL)
def test_help(shell: Shell, command: str) -> None:
    printed = shell(*command.split(), "--help", "--lang=qps", "--state-dir", "x")
    shown = shell("--lang", PSEUDO, *command.split(), "--help") if not printed.out else printed
    usage, _, rest = shown.out.partition("\n")
    assert usage.startswith("Usage: keyferry")
    assert english_in(VARIABLES.sub("", FIRST_COLUMN.sub("", rest))) == []


def test_the_journey(pseudo: PseudoShell, shell: Shell) -> None:
    pseudo("list")
    pseudo("status", exits=3)
    pseudo("check", exits=3)
    pseudo("request", NUMBER, "--output", "a.request")
    pseudo("status", exits=4)
    pseudo("check", exits=4)
    pseudo("inspect", "a.request")
    pseudo("list")
    shell.carried("a.request")
    pseudo("inspect", "answer.response")
    pseudo("verify", "answer.response")
    pseudo("install", "answer.response")
    pseudo("install", "answer.response", exits=0)
    pseudo("list")
    pseudo("status")
    pseudo("check")
    pseudo("check", "threads")
    pseudo("check", "cfd", exits=1)
    pseudo("doctor")
    pseudo("prefer", NUMBER)
    pseudo("update", NUMBER, "--output", "b.request")
    pseudo("status")
    pseudo("qr", NUMBER, "--output", "b.svg")
    pseudo("cancel", NUMBER)
    pseudo("remove", NUMBER, "--yes")
    pseudo("remove", NUMBER, "--yes", exits=3)
    pseudo("prefer", NUMBER, exits=3)
    shell("request", NUMBER, "--output", "a.request")
    shell.carried("a.request")
    shell("install", "answer.response")
    pseudo("deactivate", NUMBER, "--yes", "--output", "c.request")
    pseudo("inspect", "c.request")
    pseudo("status", exits=3)
    pseudo("cancel", NUMBER, exits=1)
    shell.carried("c.request")
    pseudo("inspect", "answer.response")
    pseudo("install", "answer.response")
    assert pseudo.english == []


def test_the_page_about_a_file(pseudo: PseudoShell, shell: Shell) -> None:
    shell("request", NUMBER, "--output", "a.request")
    response = shell.carried("a.request")
    os.mkdir("2")
    with zipfile.ZipFile("2/a.zip", "w") as archive:
        archive.write("a.request")
        archive.writestr("b.request", b"")
    shutil.copy("a.request", "2")
    Path("2/cut.request").write_bytes(Path("a.request").read_bytes()[:-200])
    for file in (Path("a.request"), response, Path("2"), Path("2/a.zip")):
        pseudo("inspect", str(file), "--report", "page.html", "--yes")
        page = Path("page.html").read_text("utf-8")
        page = re.sub(r"<(head|code)>.*?</\1>|<[^>]+>", "\n", page, flags=re.S)
        for name in ("Windows PowerShell", "macOS", "Linux", "Python", "docs/vectors/verify.py"):
            page = page.replace(name, "")
        page = re.sub(r"\b[0-9a-f]{64}\b", "", html.unescape(page))
        pseudo.english += english_in(FACTS.sub("", without_names(page)))
    assert pseudo.english == []


@pytest.mark.parametrize(
    ("days", "changes"),
    [
        pytest.param(0, {"valid_until": None}, id="no end"),
        pytest.param(0, {"valid_until": NOW + 12 * DAY}, id="soon"),
        pytest.param(0, {"valid_until": NOW + DAY}, id="tomorrow"),
        pytest.param(0, {"check_in_by": NOW + 30 * DAY}, id="lease"),
        pytest.param(2, {"check_in_by": NOW + DAY}, id="in grace"),
        pytest.param(20, {"check_in_by": NOW + DAY}, id="after it"),
        pytest.param(9, {"valid_until": NOW + 9 * DAY}, id="ended"),
        pytest.param(-2, {}, id="clock"),
    ],
)
def test_how_a_license_stands(
    pseudo: PseudoShell, shell: Shell, days: int, changes: dict[str, Any]
) -> None:
    activate(shell, **changes)
    shell.room.now += days * DAY
    exit_code = shell("status").exit
    pseudo("status", exits=exit_code)
    pseudo("check", exits=exit_code)
    pseudo("list")
    pseudo("doctor")
    assert pseudo.english == []


@pytest.mark.parametrize("spoil", [moved, revoked])
def test_what_stands_in_the_way(
    pseudo: PseudoShell, shell: Shell, spoil: Callable[[Room], None]
) -> None:
    activate(shell)
    spoil(shell.room)
    exit_code = shell("status").exit
    pseudo("status", exits=exit_code)
    pseudo("check", exits=exit_code)
    pseudo("doctor")
    pseudo("update", NUMBER, exits=shell("update", NUMBER).exit)
    assert pseudo.english == []


@pytest.mark.parametrize(("make", "code", "words"), [rest for _, *rest in KINDS])
def test_wrong_files(pseudo: PseudoShell, shell: Shell, make: Make, code: str, words: str) -> None:
    shell("request", NUMBER, "--output", "a.request")
    good = shell.carried("a.request").read_bytes()
    Path("answer.response").write_bytes(make(shell, good))
    exit_code = shell("install", "answer.response").exit
    pseudo("install", "answer.response", exits=exit_code)
    assert pseudo.english == []


def test_mistyped(pseudo: PseudoShell, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    pseudo("request", "1", exits=2)
    pseudo("request", "0151200200a3", exits=2)
    for code in (CODE[:-1], CODE[:-1] + "u", CODE[:-1] + "0", "é"):
        monkeypatch.setenv("KEYFERRY_ACTIVATION_CODE", code)
        pseudo("request", NUMBER, exits=2)
    monkeypatch.setenv("KEYFERRY_ACTIVATION_CODE", CODE)
    pseudo("request", NUMBER, "--output", "gone/", exits=2)
    pseudo("request", NUMBER, "--machine-name", "x" * 65, exits=2)
    pseudo("update", NUMBER, exits=3)
    pseudo("deactivate", NUMBER, "--non-interactive", exits=3)
    pseudo("wizard", "--non-interactive", exits=2)
    pseudo("qr", NUMBER, exits=1)
    Path("empty").mkdir()
    pseudo("install", "empty", exits=1)
    monkeypatch.delenv("KEYFERRY_ACTIVATION_CODE")
    pseudo("request", NUMBER, "--non-interactive", exits=2)
    pseudo("request", NUMBER, stdin=f"{CODE}\n")
    assert pseudo.english == []


def test_settings(pseudo: PseudoShell, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("bad.json").write_text("{}")
    pseudo("check", "--keys", "bad.json", "--product", "x", exits=1)
    Path("bad.json").write_text("{")
    pseudo("check", "--keys", "bad.json", "--product", "x", exits=1)
    pseudo("check", "--keys", "gone.json", "--product", "x", exits=1)
    vendor = json.loads(Path("vendor/vendor.json").read_text())
    Path("vendor/vendor.json").write_text(json.dumps(vendor | {"id": 1}))
    pseudo("check", exits=1)
    Path("vendor/vendor.json").unlink()
    pseudo("check", exits=2)
    monkeypatch.delenv("KEYFERRY_KEYS")
    pseudo("check", "--product", "Example Modeler", exits=2)
    monkeypatch.delenv("KEYFERRY_STATE_DIR")
    pseudo("list", exits=2)
    assert pseudo.english == []


def without(*names: str) -> dict[str, Any]:
    return {name: v for name, v in LAB_07.components.items() if name not in names}


@pytest.mark.parametrize(
    "machine",
    [
        replace(LAB_07, environment="virtual"),
        replace(LAB_07, environment="container", components=without("tpm_key", "board_serial")),
        replace(LAB_07, components=without("tpm_key", "smbios_uuid", "board_serial", "mac")),
        replace(LAB_07, components=without("os_id", "user")),
        replace(LAB_07, components={}),
        replace(LAB_07, components={**LAB_09.components, "os_id": LAB_07.components["os_id"]}),
        replace(LAB_07, components={**LAB_07.components, "mac": ["d0bf9c112233"]}),
    ],
)
def test_the_doctors_findings(pseudo: PseudoShell, shell: Shell, machine: Any) -> None:
    shell.room.machine = machine
    pseudo("doctor")
    pseudo("request", NUMBER, exits=shell("request", NUMBER).exit)
    for file in Path().glob("*.request"):  # it may be another computer's
        file.unlink()
    shell.room.machine = LAB_07
    activate(shell)
    shell.room.machine = machine
    pseudo("doctor")
    assert pseudo.english == []


def test_repairs(pseudo: PseudoShell, shell: Shell) -> None:
    activate(shell)
    for file in sorted(shell.room.state.rglob("*")):
        if file.is_file() and file.name != "lock":
            good = file.read_bytes()
            file.write_bytes(b"{")
            pseudo("status", exits=shell("status").exit)
            pseudo("doctor")
            pseudo("doctor", "--repair")
            file.write_bytes(good)
    assert pseudo.english == []


@pytest.mark.parametrize("command", ALL)
def test_every_option_says_what_it_is_for(shell: Shell, command: str) -> None:
    printed = shell(*command.split(), "--help").out
    # An option alone in its line, with nothing indented below it.
    mute = re.findall(r"^  --[\w-]+(?: \S+)?\n(?! {4})", printed, re.MULTILINE)
    assert mute == []
