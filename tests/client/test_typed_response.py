"""`keyferry install -`: a response that was typed line by line, or by a scanner."""

import os
from pathlib import Path
from typing import Any

import pytest

from keyferry_protocol.activation import new_activation_code
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.typed_response import to_codes, to_lines
from tests.support.offline import LAB_09, OTHER, VENDOR, VENDOR_PQ, Room, key_set
from tests.support.samples import NUMBER
from tests.support.terminal import Keyboard, Printed, Shell
from tests.support.typed import text_form


@pytest.fixture
def lines(room_of: Room) -> list[str]:
    """The lines of the response to a request that waits here."""
    request = room_of.request()
    return to_lines(text_form(request, room_of.answer(request)))


@pytest.fixture
def room_of(shell: Shell) -> Room:
    return shell.room


def type_in(shell: Shell, typed: list[str]) -> Printed:
    """The command at a terminal where a person types these rows."""
    return shell("install", "-", stdin=Keyboard(typed))


def test_the_lines_of_the_page_activate_the_license(shell: Shell, lines: list[str]) -> None:
    printed = shell("install", "-", stdin="\n".join(lines))
    assert (printed.exit, printed.err) == (0, "")
    assert printed.out.startswith("✓ License 015.120.020.093 is active on LAB-07")
    assert shell.room.load().check().ok


def test_what_is_installed_is_the_response_file_byte_for_byte(shell: Shell, room_of: Room) -> None:
    request = room_of.request()
    response = room_of.answer(request)
    assert shell("install", "-", stdin="\n".join(to_lines(text_form(request, response)))).exit == 0
    assert room_of.folder().installed_bytes() == response


def test_json_says_the_same_as_for_a_file(shell: Shell, lines: list[str]) -> None:
    document = shell("install", "-", "--json", stdin="\n".join(lines)).json
    assert (document["ok"], document["license_number"], document["state"]) == (
        True,
        NUMBER,
        "active",
    )
    assert document["files"][0]["outcome"] == "installed"


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        pytest.param(lambda rows: [*rows[:3], rows[3][::-1], *rows[4:]], "", id="no line at all"),
        pytest.param(
            lambda rows: [*rows[:3], rows[3][:-1] + "*", *rows[4:]],
            "There is a typo in line 4.",
            id="a wrong symbol",
        ),
        pytest.param(lambda rows: rows[:-1], "Line {n} is missing.", id="the last one is missing"),
        pytest.param(lambda rows: rows[1:], "Line 1 is missing.", id="the first one is missing"),
    ],
)
def test_a_wrong_line_is_named_and_changes_nothing(
    shell: Shell, lines: list[str], change: Any, detail: str
) -> None:
    before = shell.room.files()
    printed = shell("install", "-", "--json", stdin="\n".join(change(lines)))
    assert (printed.exit, printed.json["error"]["code"]) == (2, "wrong-line")
    assert detail.format(n=len(lines)) in printed.json["error"]["detail"]
    assert shell.room.files() == before


def test_a_person_is_told_at_once_which_line_is_wrong(shell: Shell, lines: list[str]) -> None:
    typed = [line.partition("  ")[2].lower() for line in lines]
    mistake = typed[3].replace(typed[3][0], "*", 1)
    printed = type_in(shell, [*typed[:3], mistake, "", *typed[3:]])
    assert printed.exit == 0
    assert printed.out.lstrip().startswith("✓ License 015.120.020.093 is active on LAB-07")
    assert printed.err == (
        "Type the lines that the page shows, or scan its codes. Press Ctrl-C to stop; nothing "
        "changes until you have entered all of them.\n"
        "Line 1: Line 2 of 11: Line 3 of 11: Line 4 of 11: ! There is a typo in line 4.\n"
        "Line 4 of 11: Line 4 of 11: Line 5 of 11: Line 6 of 11: Line 7 of 11: "
        "Line 8 of 11: Line 9 of 11: Line 10 of 11: Line 11 of 11: "
    )


def test_lines_that_are_typed_with_their_numbers_may_come_in_any_order(
    shell: Shell, lines: list[str]
) -> None:
    assert type_in(shell, lines[::-1]).exit == 0


def test_a_person_may_stop(shell: Shell, lines: list[str]) -> None:
    before = shell.room.files()
    printed = type_in(shell, lines[:5])
    assert (printed.exit, shell.room.files()) == (1, before)
    assert "Traceback" not in printed.err


def test_a_scanner_types_the_codes_of_a_hybrid_response(shell: Shell, room_of: Room) -> None:
    hybrid(shell)
    request = room_of.request()
    codes = to_codes(text_form(request, room_of.answer(request)))
    assert len(codes) == 7
    printed = type_in(shell, [codes[4], codes[1], codes[4], *codes])
    assert printed.exit == 0
    count = "1 of 7 codes received. Next code: 2 of 7 codes received. Next code: 2 of 7"
    assert f"Line 1: {count}" in printed.err
    assert room_of.load().check().ok


def test_codes_may_be_piped_too(shell: Shell, room_of: Room) -> None:
    hybrid(shell)
    request = room_of.request()
    codes = to_codes(text_form(request, room_of.answer(request)))
    cut = shell("install", "-", "--json", stdin="\r\n".join(codes[2:]))
    assert cut.json["error"]["detail"] == "5 of 7 codes received. Scan the others, in any order."
    assert shell("install", "-", stdin="\r\n".join(codes)).exit == 0


def test_lines_of_another_computer_are_told_as_such(shell: Shell, lines: list[str]) -> None:
    other = Room(shell.room.state.parent / "other", machine=LAB_09)
    request = other.request()
    rows = to_lines(text_form(request, other.answer(request)))
    printed = shell("install", "-", "--json", stdin="\n".join(rows))
    assert printed.json["error"]["code"] == "not-requested"
    assert type_in(shell, rows).exit == 1


def test_the_right_request_is_taken_of_several(shell: Shell, lines: list[str]) -> None:
    shell.room.request(number=OTHER, code=new_activation_code(OTHER))
    assert shell("install", "-", stdin="\n".join(lines)).exit == 0
    assert shell.room.load().number == NUMBER


def test_a_receipt_may_be_typed_too(shell: Shell, room_of: Room) -> None:
    room_of.activate()
    request = room_of.request("deactivate")
    rows = to_lines(text_form(request, room_of.answer(request)))
    printed = shell("install", "-", stdin="\n".join(rows))
    assert (printed.exit, printed.err) == (0, "")


def test_lines_that_another_vendor_signed_are_not_genuine(shell: Shell, room_of: Room) -> None:
    room_of.signers = (Ed25519Signer(b"x" * 32),)
    request = room_of.request()
    rows = to_lines(text_form(request, room_of.answer(request)))
    printed = shell("install", "-", "--json", stdin="\n".join(rows))
    assert printed.json["error"]["code"] == "not-genuine"


def test_a_response_file_is_read_from_a_pipe_as_before(shell: Shell, room_of: Room) -> None:
    response = room_of.answer(room_of.request())
    assert shell("install", "-", stdin=response).exit == 0


def hybrid(shell: Shell) -> None:
    """The vendor signs with both algorithms, and the application requires both."""
    shell.room.signers = (VENDOR, VENDOR_PQ)
    shell.room.keys = key_set(VENDOR, VENDOR_PQ)
    Path(os.environ["KEYFERRY_KEYS"]).write_bytes(shell.room.keys.to_json())
