"""Terminal controls in names on a USB drive: in messages and in the wizard at the prompt."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from keyferry_protocol.encoding import escape_controls
from tests.client.wizard.typist import Typist
from tests.support.desk import Desk
from tests.support.samples import NUMBER
from tests.support.terminal import Printed, Shell

pytestmark = pytest.mark.attack

FORGED = "✓ License 015.120.020.093 is active"
CLEARS = "\x1b[2J\x1b[H"
EVIL = [
    pytest.param(f"{CLEARS}License active", id="clears the screen"),
    pytest.param(f"a\n{FORGED}\nb", id="says a line of its own"),
    pytest.param("a\r✓ all is well", id="writes over the line"),
    pytest.param("\x1b]0;title\x07", id="names the window"),
    pytest.param("\x1b]52;c;ZXZpbA==\x07", id="fills the clipboard"),
    pytest.param("\x9b31m", id="is red in one byte"),
    pytest.param("esnopser\u202e", id="turns its letters round"),
    pytest.param("a\u2067b\u2028c", id="isolates and breaks"),
    pytest.param("\x08\x08\x08\x7f", id="rubs out"),
]


def is_harmless(printed: Printed) -> bool:
    """Whether no terminal control and no character that reverses text was printed."""
    lines = (printed.out + printed.err).split("\n")
    return FORGED not in lines and all(escape_controls(line) == line for line in lines)


def an_empty_folder(shell: Shell, name: str) -> Printed:
    os.mkdir(name)
    return shell("install", name)


def a_folder_that_is_not_there(shell: Shell, name: str) -> Printed:
    return shell("install", name)


def a_damaged_archive(shell: Shell, name: str) -> Printed:
    Path(name).write_bytes(b"PK\x05\x06" + bytes(18) + b"\0")
    return shell("request", NUMBER, "--output", f"{name}.zip/")


def no_response(shell: Shell, name: str) -> Printed:
    Path(name).write_bytes(b"no response")
    return shell("install", name)


def where_a_request_is_saved(shell: Shell, name: str) -> Printed:
    os.mkdir(name)
    return shell("request", NUMBER, "--output", name)


def an_archive_that_is_none(shell: Shell, name: str) -> Printed:
    Path(f"{name}.zip").write_bytes(b"no archive")
    return shell("request", NUMBER, "--output", f"{name}.zip")


def what_cannot_be_read(shell: Shell, name: str) -> Printed:
    os.mkdir(name)
    return shell("inspect", name)


def an_option_that_is_none(shell: Shell, name: str) -> Printed:
    return shell("install", f"--{name}")


def a_command_that_is_none(shell: Shell, name: str) -> Printed:
    return shell(name)


@pytest.mark.parametrize(
    "run",
    [
        an_empty_folder,
        a_folder_that_is_not_there,
        a_damaged_archive,
        no_response,
        where_a_request_is_saved,
        an_archive_that_is_none,
        what_cannot_be_read,
        an_option_that_is_none,
        a_command_that_is_none,
    ],
)
@pytest.mark.parametrize("name", EVIL)
def test_no_name_of_a_file_moves_the_terminal_or_forges_a_line(
    shell: Shell, run: Callable[[Shell, str], Printed], name: str
) -> None:
    printed = run(shell, name)
    assert printed.out + printed.err
    assert is_harmless(printed)


@pytest.mark.parametrize("name", EVIL)
def test_no_name_on_a_usb_drive_controls_the_terminal_of_the_wizard(
    desk: Desk, typed: Typist, name: str
) -> None:
    (desk.desktop / name).mkdir()
    response = desk.room.answer(desk.room.request())
    (desk.downloads / f"{name}.response").write_bytes(response)
    printed = typed("1", "", "", "q")
    assert "for this request, made" in printed.out
    assert is_harmless(printed)


@pytest.mark.parametrize("character", "\x1b\x07\x9b\n\r\u202e\u2066\u2028")
def test_no_signed_or_typed_text_can_hold_such_characters(shell: Shell, character: str) -> None:
    """Also the vendor's own names: neither end accepts them, so none is ever printed."""
    evil = f"a{character}b"
    printed = shell("request", NUMBER, "--machine-name", evil)
    assert printed.exit != 0
    assert is_harmless(printed)
    assert shell("request", NUMBER).exit == 0
    (request,) = Path().glob("*.request")
    for member in ("licensee", "edition"):
        shell.carried(str(request), **{member: evil})
        for command in ("inspect", "install"):
            printed = shell(command, "answer.response")
            assert printed.exit == 1
            assert is_harmless(printed)
