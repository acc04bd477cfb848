"""No command writes over a file that it reads."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from keyferry.dongle.plugged import PluggedDongle
from keyferry_protocol.messages import message
from tests.support.samples import CODE, NUMBER
from tests.support.terminal import Shell

KEYS, VENDOR = "vendor/keys.json", "vendor/vendor.json"
DONGLE = PluggedDongle("YubiKey YK5", "1", "YubiKey", True, (b"\4" + b"a" * 64,), True, "a.so", 0)


@pytest.fixture
def computer(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """An active computer with a dongle, and a request file under the names of some outputs."""
    shell("request", NUMBER, "--output", "a.request")
    shell("install", str(shell.carried("a.request")))
    for name in ("a.html", "a.svg"):
        shutil.copy("a.request", name)
    monkeypatch.setattr("keyferry.cli.dongle.find_dongles", lambda _: [DONGLE])
    return shell


def content() -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in Path().rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        "inspect a.html --report a.html --yes",
        "inspect a.html --report ./a.html --yes",
        "inspect ./a.html --report {here}/a.html --yes",
        "inspect a.html --report vendor/../a.html --yes",
        "inspect a.html --report link.html --yes",
        "inspect link.html --report a.html --yes",
        "inspect a.html --report hard.html --yes",
        "qr a.svg --output a.svg",
        "qr a.svg --output link.svg",
        f"doctor --report {KEYS}",
        f"doctor --report {VENDOR}",
        f"doctor --report {{state}}/site/{NUMBER}/state.json",
        f"doctor --report {{state}}/site/{NUMBER}/new.txt",
        f"dongle export --output {KEYS}",
        f"dongle make-key --output {VENDOR}",
        f"dongle export --output {{state}}/site/{NUMBER}/device.key",
        "dongle export --attest --output vendor/a.json",
    ],
)
def test_a_file_that_the_command_reads_is_not_written(computer: Shell, command: str) -> None:
    for link, file in {"link.html": "a.html", "link.svg": "a.svg", "vendor/a.pem": KEYS}.items():
        os.symlink(os.path.abspath(file), link)
    os.link("a.html", "hard.html")
    before = content()
    arguments = command.format(here=os.getcwd(), state=computer.room.state).split()
    printed = computer(*arguments)
    assert printed.exit == 2
    path = "vendor/a.pem" if "--attest" in arguments else arguments[-1 - ("--yes" in arguments)]
    assert message("terminal.usage.output-is-input", path=path) in printed.err
    assert content() == before


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("code.request", lambda shell: shell("request", NUMBER, *FROM_FILE, "code.request")),
        ("code.zip", lambda shell: shell("request", NUMBER, *FROM_FILE, "code.zip")),
        ("keys.zip", lambda shell: shell("update", NUMBER, "--output", "keys.zip")),
        ("keys.zip", lambda shell: shell("deactivate", NUMBER, "--yes", "--output", "keys.zip")),
    ],
)
def test_a_request_is_never_saved_over_another_file(
    computer: Shell, name: str, ask: Callable[[Shell], object]
) -> None:
    shutil.copy(KEYS, "keys.zip")
    for code in ("code.request", "code.zip"):
        Path(code).write_text(CODE)
    computer.patch.setenv("KEYFERRY_KEYS", "keys.zip")
    before = Path(name).read_bytes()
    ask(computer)
    assert Path(name).read_bytes() == before


FROM_FILE = ("--activation-code-file", "code.request", "--output")


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
@pytest.mark.parametrize(
    "command", ["qr a.svg --output out.svg", "inspect a.html --report out.html --yes"]
)
def test_a_picture_or_page_is_not_written_through_a_link(computer: Shell, command: str) -> None:
    output = Path(next(word for word in command.split() if word.startswith("out")))
    Path("theirs").write_text("theirs")
    output.symlink_to("theirs")
    assert computer(*command.split()).exit == 0
    assert Path("theirs").read_text() == "theirs"
    assert not output.is_symlink()


def test_other_files_are_written_as_before(computer: Shell) -> None:
    assert computer("qr", "a.svg", "--output", "b.svg").exit == 0
    assert computer("doctor", "--report", "vendor/report.txt").exit == 0
    assert computer("dongle", "export", "--output", "dongle.json").exit == 0
    assert computer("inspect", "a.html", "--report", "b.html").exit == 0
