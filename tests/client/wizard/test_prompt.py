"""The wizard at the prompt: a first activation and every other task, line by line."""

import errno
import gzip
import os
import subprocess
import sys
from typing import Any

import pytest

from keyferry import parse_request
from keyferry.files import save_request
from keyferry_protocol.messages import message
from tests.client.wizard.typist import Typist, interrupt
from tests.support.desk import Desk
from tests.support.offline import LAB_09, OTHER, Room
from tests.support.samples import CODE, DAY, NOW, NUMBER

INSTALL = "1"  # the first choice of an empty list
TO_SENDING = (INSTALL, "", NUMBER, "", CODE, "")  # what, number, nodelock, code, everyone
SAVED = (*TO_SENDING, "", "", "", "")  # a file, to the Desktop, by the computer's name; Finish
LOADS = """
import sys
from keyferry import KeySet, Machine, load
machine = Machine("LAB-07", "", "physical", {components!r})
keys = KeySet.from_json(open(sys.argv[1], "rb").read())
assert load("Example Modeler", keys, sys.argv[2], machine, {now}).check("solver")
"""


def loads_elsewhere(desk: Desk) -> bool:
    """Whether a separate process, like the application, accepts the license."""
    code = LOADS.format(components=dict(desk.room.machine.components), now=desk.room.now)
    command = [sys.executable, "-c", code, str(desk.keys), str(desk.room.state)]
    return subprocess.run(command, check=False).returncode == 0


def test_the_seed_products_steps_give_an_active_license(desk: Desk, typed: Typist) -> None:
    printed = typed(*SAVED, desk.answer, "1", "", "", "q")
    assert printed.exit == 0
    titles = [line for line in printed.out.splitlines() if "Step" in line]
    assert titles[:8] == [
        "Step 1 of 7: What do you want to do?",
        "Step 2 of 7: License number",
        "Step 3 of 7: What is this license tied to?",
        "Step 4 of 7: Activation code",
        "Step 5 of 7: Who can use this license here?",
        "Step 6 of 7: How do you want to send the request?",
        "✓ Step 7 of 7: Your request file is saved",
        "Step 1 of 2: Activate: choose the response file",
    ]
    assert "✓ Step 2 of 2: License 015.120.020.093 is active" in printed.out
    assert loads_elsewhere(desk)


def test_no_line_is_wider_than_80_columns(desk: Desk, typed: Typist) -> None:
    printed = typed(*SAVED, desk.answer, "?", "1", "", "", "4", "", "q")
    lines = printed.out.replace(str(desk.home), "/home/ada").splitlines()
    assert [line for line in lines if len(line) > 80] == []


def test_a_request_pending_when_the_wizard_closes_can_be_activated_later(
    desk: Desk, typed: Typist
) -> None:
    typed(*SAVED[:-1], "q", "q")
    desk.answer()
    desk.room.now += DAY
    printed = typed("1", "1", "", "q")
    assert "License 015.120.020.093 is active" in printed.out
    assert loads_elsewhere(desk)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["q"], id="at once"),
        pytest.param([INSTALL, "q", "q"], id="at the first question"),
        pytest.param([*TO_SENDING, "q", "q"], id="before the request is written"),
        pytest.param([*TO_SENDING, interrupt, interrupt], id="by Ctrl-C, twice"),
        pytest.param([*TO_SENDING], id="by the end of the input"),
        pytest.param([INSTALL, "", NUMBER, "b", "b", "b", "q"], id="back to the list"),
    ],
)
def test_canceling_changes_nothing(desk: Desk, typed: Typist, lines: list[str]) -> None:
    before = desk.room.files()
    assert typed(*lines).exit == 0
    assert desk.room.files() == before
    assert list(desk.desktop.iterdir()) == []


def test_cancel_says_that_nothing_changed(typed: Typist) -> None:
    assert "Nothing was changed." in typed(INSTALL, "", "q", "q").out


def test_back_keeps_every_answer(typed: Typist) -> None:
    back = ["b"] * 4
    printed = typed(*TO_SENDING, *back, "", "", "", "", "q", "q")
    assert f"License number [{NUMBER}]" in printed.out
    assert f"Activation code [{CODE}]" in printed.out


def test_help_lists_the_keys_and_the_contents_of_the_file(typed: Typist) -> None:
    printed = typed(*TO_SENDING, "?", "q", "q")
    assert "Enter: next. b: back. q: cancel. ?: help." in printed.out
    assert "What the file will hold" in printed.out
    assert "the person on the page can replace one in use" in printed.out
    assert 'computer "LAB-07", Windows 11 Pro 23H2, physical; no user, no address' in printed.out
    assert "the activation code (the code itself is not included)" in printed.out


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("015.120.020.09", "A license number has 12 digits. You entered 11."),
        ("O15120020093", "A license number contains only digits, not O."),
    ],
)
def test_a_mistyped_number_is_reported_at_once(typed: Typist, number: str, expected: str) -> None:
    assert expected in typed(INSTALL, "", number, "q", "q").out


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("m9s346-q3d25v-t4f5v-7e3s3e-28jt9v", "The third group has 5 of 6 characters."),
        ("m9s346-q3d25v-t4f5v33-7e3s3e-28jt9v", "The third group has 7 of 6 characters."),
        ("m9s346-q3d25v-t4f5v3-7e3s3e", "The fifth group has 0 of 6 characters."),
        ("m9s346q3d25vt4f5v37e3s3e28jt9", "The fifth group has 5 of 6 characters."),
        ("m9s346-q3d25v-t4f5u3-7e3s3e-28jt9v", "A code has no letter U."),
        (
            "m9s346\u2013q3d2\u04305v-t4f5v3-7e3s3e-28jt9v",
            "A code has no letter \u0430 (U+0430). It is character 11; type it again.",
        ),
        ("m9s346\u2013q3d25v\u00a0t4f5v-7e3s3e-28jt9v", "The third group has 5 of 6 characters."),
        (
            "m9s346-q3d25v-t4f5v3-7e3s3e-28jt9w",
            "One character is wrong, or two are swapped. Check the code against your email or "
            "letter.",
        ),
        (
            "9ms346-q3d25v-t4f5v3-7e3s3e-28jt9v",
            "One character is wrong, or two are swapped. Check the code against your email or "
            "letter.",
        ),
    ],
)
def test_a_mistyped_code_is_reported_with_its_group_or_letter(
    typed: Typist, code: str, expected: str
) -> None:
    out = typed(INSTALL, "", NUMBER, "", code, "q", "q").out
    assert expected in " ".join(out.split())


def test_a_code_may_be_typed_in_any_shape(desk: Desk, typed: Typist) -> None:
    typed(INSTALL, "", NUMBER, "", CODE.upper().replace("-", " "), "", "", "", "", "", "q")
    assert desk.saved()


def test_a_license_that_is_active_is_updated_or_deactivated_instead(
    desk: Desk, typed: Typist
) -> None:
    desk.room.activate()
    printed = typed("6", "", NUMBER, "1", "", "", "", "", "", "q")
    assert "License 015.120.020.093 is already active here." in printed.out
    assert "Update license 015.120.020.093" in printed.out
    assert "The license keeps working in the meantime." in printed.out
    assert desk.saved()


def test_a_pending_license_is_activated_or_its_file_made_again(desk: Desk, typed: Typist) -> None:
    typed(*SAVED, "q")
    first = desk.saved()
    printed = typed("6", "", NUMBER, "2", "", CODE, "", "", "", "", "", "q")
    assert "License 015.120.020.093 is already waiting for its response file." in printed.out
    assert desk.saved() == first  # the same options: the same file


def test_only_this_user_makes_a_personal_license(desk: Desk, typed: Typist) -> None:
    printed = typed(*TO_SENDING[:-1], "2", "", "", "", "", desk.answer, "1", "", "", "q")
    assert "License 015.120.020.093 is active" in printed.out
    assert desk.room.load().protection == "personal"


def test_what_an_email_does_to_number_code_and_seat_does_no_harm(desk: Desk, typed: Typist) -> None:
    number, code = "\ufeff015\u2011120\u00a0020\u2013093\u200b", CODE.replace("-", "\u00ad")
    typed(INSTALL, "3", "\u200b2\u00a0", number, "", f"{code}\u202c", *[""] * 5, "q")
    assert b'"replaces_seat":2' in _body(desk)


def test_the_request_names_the_seat_of_a_lost_computer(desk: Desk, typed: Typist) -> None:
    printed = typed(INSTALL, "3", "zwei", "2", NUMBER, "", CODE, "", "", "", "", "", "q")
    assert "A seat number contains only digits" in printed.out
    assert "The old one will get no more updates." in printed.out
    assert b'"replaces_seat":2' in _body(desk)


def test_without_the_seat_number_of_a_lost_computer_the_page_asks(
    desk: Desk, typed: Typist
) -> None:
    typed(INSTALL, "3", "", NUMBER, "", CODE, "", "", "", "", "", "q")
    assert b'"replaces_seat":null' in _body(desk)


def test_the_computers_name_can_be_changed(desk: Desk, typed: Typist) -> None:
    typed(*TO_SENDING, "", "", "Pump 3", "", "q")
    assert b'"name":"Pump 3"' in _body(desk)


def test_a_missing_folder_is_reported_before_anything_is_written(desk: Desk, typed: Typist) -> None:
    before = desk.room.files()
    printed = typed(*TO_SENDING, "", "/media/gone", "", "q", "q")
    assert (
        "There is no folder /media/gone. Plug in the drive or choose another folder." in printed.out
    )
    assert desk.room.files() == before


def test_another_computers_file_of_the_same_name_is_kept(desk: Desk, typed: Typist) -> None:
    desk.give_device_key()
    other = Room(desk.home / "other", machine=LAB_09)
    file = desk.desktop / f"{NUMBER}-7f3a.request"
    file.write_bytes(other.request())
    theirs = file.read_bytes()
    drive = desk.home / "drive"
    drive.mkdir()
    printed = typed(*TO_SENDING, "", "", "", "", str(drive), "", "q")
    fault = (
        "This folder has a request from another computer with the same name. Choose another folder."
    )
    assert fault in " ".join(printed.out.split())
    assert file.read_bytes() == theirs
    assert [path.name for path in drive.iterdir()] == [file.name]


def test_an_update_shows_the_end_it_had_before(desk: Desk, typed: Typist) -> None:
    desk.room.activate()
    longer = NOW + 700 * DAY
    printed = typed(
        "1", "", "", "", "", "", lambda: desk.answer(valid_until=longer), "1", "", "", "q"
    )
    assert "24 October 2028 (was 30 November 2027)" in printed.out


def test_a_response_that_is_installed_already_is_told_beside_what_waits(
    desk: Desk, typed: Typist
) -> None:
    (desk.downloads / "again.response").write_bytes(desk.room.activate())
    desk.room.request("update")
    printed = typed("9", "2", "1", "", "", "q")
    assert "This response file was installed before. Nothing changed." in printed.out
    assert "is still waiting for its response file" in printed.out


def test_a_response_that_was_changed_on_its_way_is_offered_and_its_repair_said(
    desk: Desk, typed: Typist
) -> None:
    typed(*SAVED, "q")
    file = desk.answer()
    file.write_bytes(gzip.compress(file.read_bytes()))
    printed = typed("1", "1", "", "q")
    assert "✓ Step 2 of 2: License 015.120.020.093 is active" in printed.out
    assert "The file was repaired: it had been compressed." in printed.out


def test_a_deactivation_is_explained_first_and_enter_keeps_the_license(
    desk: Desk, typed: Typist
) -> None:
    desk.room.activate()
    before = desk.room.files()
    kept = typed("2", "", "", "q")
    assert "Example Modeler stops working here as soon as the request file is" in kept.out
    assert "Nothing was changed." in kept.out
    assert desk.room.files() == before
    done = typed("2", "", "1", "", desk.answer, "1", "", "", "q")
    assert "Deactivated" in done.out
    assert "License 015.120.020.093 is deactivated here; its seat is free" in done.out


def test_a_license_that_ended_without_its_file_on_the_drive_says_that_it_is_stored(
    desk: Desk, typed: Typist, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.room.activate()

    publish, full = save_request._publish, [True]

    def full_at_first(*file: Any) -> None:
        if full:
            full.clear()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        publish(*file)

    monkeypatch.setattr(save_request, "_publish", full_at_first)
    printed = typed("2", "", "1", "", "", "", "q")
    shown = " ".join(printed.out.split())
    assert "The license has ended on this computer. Its request file is stored here" in shown
    assert "No space left on device. Choose another folder." in shown
    assert parse_request(desk.saved()).kind == "deactivate"


@pytest.mark.parametrize(
    "way", [("1", "", "", "", ""), ("2", "", "1", "")], ids=["update", "deactivate"]
)
def test_a_drive_that_takes_no_file_is_told_before_anything_changes(
    desk: Desk, typed: Typist, monkeypatch: pytest.MonkeyPatch, way: tuple[str, ...]
) -> None:
    desk.room.activate()
    before = desk.room.files()

    def read_only(*_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(save_request, "_create", read_only)
    printed = typed(*way, "q")
    assert "Read-only file system. Choose another folder." in " ".join(printed.out.split())
    assert desk.room.files() == before


def test_a_request_is_canceled_only_after_confirmation(desk: Desk, typed: Typist) -> None:
    typed(*SAVED, "q")
    before = desk.room.files()
    kept = typed("3", "", "q")
    assert "Its response file will not install here." in kept.out
    assert desk.room.files() == before
    assert "No license on this computer yet." in typed("3", "1", "2").out


def test_a_request_file_is_shown_and_saved_again_elsewhere(desk: Desk, typed: Typist) -> None:
    typed(*SAVED, "q")
    drive = desk.home / "drive"
    drive.mkdir()
    printed = typed("2", "2", "", str(drive), "", "q")
    assert str(desk.desktop) in printed.out
    (copy,) = drive.iterdir()
    assert copy.read_bytes() == desk.saved()


def test_licenses_move_up_and_down_the_trying_order(desk: Desk, typed: Typist) -> None:
    desk.room.activate()
    other = desk.room.request(number=OTHER, code=_code_of(OTHER))
    desk.room.install(desk.room.answer(other))
    printed = typed("3", "q")
    assert printed.out.count("015.120.099.042  Active") == 2
    lists = [line[:15] for line in printed.out.splitlines() if "Active until" in line]
    assert lists == ["015.120.020.093", "015.120.099.042", "015.120.099.042", "015.120.020.093"]


def test_moving_to_a_new_computer_is_explained_in_three_steps(desk: Desk, typed: Typist) -> None:
    desk.room.activate()
    printed = typed("3", "2", "q")
    assert (
        "3. On the new computer, choose Install License and enter the same number and code."
        in " ".join(printed.out.split())
    )


def test_properties_show_everything_but_the_code_and_serial_numbers(
    desk: Desk, typed: Typist
) -> None:
    desk.room.activate()
    printed = typed("4", "", "q")
    assert "Match" in printed.out
    assert "21 of 21 points" in printed.out
    assert str(desk.room.folder().root.path) in printed.out
    raw = [value for values in desk.room.machine.components.values() for value in values]
    assert [value for value in (*raw, CODE) if value in printed.out] == []


def test_a_license_is_removed_only_after_confirmation(desk: Desk, typed: Typist) -> None:
    desk.room.activate()
    before = desk.room.files()
    kept = typed("5", "", "q")
    assert "Removing it does not free its seat. To free the seat, deactivate it first." in kept.out
    assert desk.room.files() == before
    assert "No license on this computer yet." in typed("5", "1", "2").out


@pytest.mark.parametrize("option", ["--json", "--non-interactive"])
def test_without_a_person_to_ask_the_wizard_exits_with_2(typed: Typist, option: str) -> None:
    printed = typed(options=("--text", option))
    assert printed.exit == 2
    assert "The wizard needs answers." in printed.out + printed.err


def _body(desk: Desk) -> bytes:
    from keyferry import parse_request

    return parse_request(desk.saved()).envelope.body


def _code_of(number: str) -> str:
    from keyferry_protocol.activation import new_activation_code

    return new_activation_code(number)


@pytest.mark.parametrize("number", ["1", "0", "7"])
def test_a_number_where_no_file_is_offered_is_no_choice_from_1_to_0(
    desk: Desk, typed: Typist, number: str
) -> None:
    printed = typed("1", "2", number, "q", "2")
    assert "1 to 0" not in printed.out
    assert f"There is no file {number}." in printed.out


def test_what_is_waiting_is_told_under_the_license(desk: Desk, typed: Typist) -> None:
    desk.room.activate()
    desk.room.request("update")
    printed = typed("q")
    lines = printed.out.splitlines()
    place = lines.index("015.120.020.093  Active until 30 November 2027")
    assert lines[place + 1 : place + 4] == [
        "  Seat 1",
        "  An update is waiting for its response file since 24 November 2026, 09:47",
        "  Next: choose its request file on https://activate.example.com, then install",
    ]


def test_an_update_that_is_waiting_is_called_an_update(desk: Desk, typed: Typist) -> None:
    desk.room.activate()
    desk.room.request("update")
    out = typed("1", "q", "q").out
    assert "1. Install its update…" in out
    assert "Activate…" not in out
    assert "Update: choose the response file" in out


def test_the_email_and_the_page_say_the_same_of_it() -> None:
    facts = {"computer": "LAB-07", "product": "Example Modeler", "number": NUMBER}
    facts["license_configuration"] = "License Configuration"
    in_email, on_page = (
        message(name, **facts) for name in ("email.updated.steps", "page.steps.update")
    )
    assert on_page.endswith(f"choose {NUMBER}, and install the update.")
    assert in_email.startswith(on_page)
