"""What a terminal obeys, and what the wizard's window could take for markup: names on a stick."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from keyferry_protocol.encoding import escape_controls
from tests.browser.wizard.desk import Desk, open_window
from tests.browser.wizard.tour import press
from tests.client.wizard.typist import Typist
from tests.support.offline import LAB_07, NUMBER
from tests.support.terminal import Printed, Shell

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
MARKUP = "<img src=x onerror=alert(1)> &lt; {0.__class__} **b**"


def is_harmless(printed: Printed) -> bool:
    """Whether nothing was printed that a terminal obeys or that turns letters round."""
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
    "told",
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
    shell: Shell, told: Callable[[Shell, str], Printed], name: str
) -> None:
    printed = told(shell, name)
    assert printed.out + printed.err
    assert is_harmless(printed)


@pytest.mark.parametrize("name", EVIL)
def test_no_name_on_a_stick_moves_the_terminal_of_the_wizard(
    desk: Desk, typed: Typist, name: str
) -> None:
    (desk.desktop / name).mkdir()
    response = desk.room.answer(desk.room.request())
    (desk.downloads / f"{name}.response").write_bytes(response)
    printed = typed("1", "", "", "q")
    assert "for this request, made" in printed.out
    assert is_harmless(printed)


@pytest.mark.parametrize("character", "\x1b\x07\x9b\n\r\u202e\u2066\u2028")
def test_no_text_that_is_signed_or_asked_can_hold_such_characters(
    shell: Shell, character: str
) -> None:
    """Also the vendor's own names: neither end accepts them, so none is ever printed."""
    evil = f"a{character}b"
    told = shell("request", NUMBER, "--machine-name", evil)
    assert told.exit != 0
    assert is_harmless(told)
    assert shell("request", NUMBER).exit == 0
    (request,) = Path().glob("*.request")
    for member in ("licensee", "edition"):
        shell.carried(str(request), **{member: evil})
        for command in ("inspect", "install"):
            told = shell(command, "answer.response")
            assert told.exit == 1
            assert is_harmless(told)


# The wizard's window


def is_calm(page: Page) -> bool:
    return page.locator("main img, main svg[onload], main script, main iframe").count() == 0


def test_in_the_window_markup_in_every_name_stays_text(desk: Desk, page: Page) -> None:
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    desk.room.machine = replace(LAB_07, name=MARKUP)
    text = MARKUP.replace("/", "")
    (desk.desktop / text).mkdir()
    data = desk.room.answer(desk.room.request(), licensee=MARKUP, edition=MARKUP)
    (desk.downloads / f"{text}\u202e.response").write_bytes(data)
    with open_window(desk) as window:
        page.goto(window.start_link)
        assert is_calm(page)
        press(page, "Activate…")
        expect(page.locator("main")).to_contain_text(f"{text}\ufffd.response")
        assert is_calm(page)
        press(page, "Next")
        expect(page.locator("h1")).to_have_text("License 015.120.020.093 is active")
        expect(page.locator("main")).to_contain_text(MARKUP)
        assert is_calm(page)
        press(page, "Finish")
        press(page, "Properties")
        expect(page.locator("main")).to_contain_text(MARKUP)
        assert is_calm(page)


def test_in_the_window_a_folders_name_stays_text_and_can_be_opened(desk: Desk, page: Page) -> None:
    name = f"{MARKUP.replace('/', '')}\u202e\x1b"
    (desk.desktop / name).mkdir()
    with open_window(desk) as window:
        page.goto(window.start_link)
        press(page, "Install License…")
        press(page, "Next")
        page.fill("#number", NUMBER)
        press(page, "Next")
        press(page, "Next")
        page.fill("#code", "m9s346-q3d25v-t4f5v3-7e3s3e-28jt9v")
        for _ in range(2):
            press(page, "Next")
        press(page, "Browse…")
        press(page, escape_controls(name))
        assert is_calm(page)
        press(page, "Save here")
        press(page, "Next")
    assert list((desk.desktop / name).glob("*.request"))
