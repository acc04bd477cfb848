"""The commands: what they print, to people and to programs, and their exit codes."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from keyferry import __version__, parse_request
from keyferry.cli.main import COMMANDS
from keyferry_protocol.keys import Ed25519Signer
from tests.support.offline import END, LAB_07, LAB_09, OTHER, VENDOR, Room
from tests.support.samples import CODE, DAY, NOW, NUMBER
from tests.support.terminal import Shell


def request_file() -> str:
    """The one request file in the working folder."""
    (name,) = [name for name in os.listdir() if name.endswith(".request")]
    return name


def activate(shell: Shell, **changes: Any) -> None:
    shell("request", NUMBER)
    shell.carried(request_file(), **changes)
    assert shell("install", "answer.response").exit == 0


def test_the_whole_journey(shell: Shell) -> None:
    assert shell("request", "015.120.020.093").exit == 0
    assert shell("status").exit == 4
    shell.carried(request_file())
    assert shell("install", "answer.response").exit == 0
    assert shell("check").exit == 0
    assert shell("check", "threads").out == "✓ threads: 16\n"
    assert shell("check", "solver").out == "✓ solver: yes\n"


# Every command has a JSON document, errors included

AGAINST: list[tuple[tuple[str, ...], int, str]] = [
    (("request", "12"), 2, "wrong-license-number"),
    (("request", OTHER), 2, "wrong-activation-code"),
    (("request",), 2, "usage"),
    (("request", NUMBER, "--output", "/nowhere/"), 2, "usage"),
    (("request", NUMBER, "--protection", "dongle"), 9, "dongle-missing"),
    (("install", "not-there"), 2, "usage"),
    (("install", "vendor"), 1, "unreadable-response"),
    (("install", "vendor/keys.json"), 1, "unreadable-response"),
    (("install", "own.request"), 1, "wrong-type"),
    (("update", NUMBER), 3, "not-activated"),
    (("deactivate", NUMBER), 3, "not-activated"),
    (("cancel", NUMBER), 3, "not-activated"),
    (("prefer", NUMBER), 3, "not-activated"),
    (("remove", NUMBER, "--yes"), 3, "not-activated"),
    (("check",), 3, "not-activated"),
    (("check", "--product", "Example Viewer"), 3, "not-activated"),
    (("inspect", "vendor/keys.json"), 1, "unreadable-request"),
    (("verify", "own.request"), 1, "wrong-type"),
    (("verify", "vendor/vendor.json", "--keys", "vendor/vendor.json"), 1, "bad-key-set"),
    (("list", "--keys", "not-there"), 1, "bad-key-set"),
    (("nonsense",), 2, "usage"),
    (("list", "--nonsense"), 2, "usage"),
]


@pytest.mark.parametrize(("command", "exit_code", "code"), AGAINST, ids=lambda v: str(v))
def test_an_error_is_one_document_with_json_and_three_lines_without(
    shell: Shell, tmp_path: Path, command: tuple[str, ...], exit_code: int, code: str
) -> None:
    Path("own.request").write_bytes(Room(tmp_path / "elsewhere").request())
    printed = shell(*command, "--json")
    assert printed.exit == exit_code
    assert printed.err == ""
    error = printed.json["error"]
    assert printed.json["ok"] is False
    assert (error["code"], error["exit"]) == (code, exit_code)
    assert error["title"]
    assert error["detail"]
    assert error["next_step"]
    text = shell(*command)
    assert text.exit == exit_code
    assert text.out == ""
    assert text.err.startswith(f"X {error['title']} ({code})\n  ")
    assert text.err.endswith(f"  {error['next_step']}\n")
    assert "Traceback" not in text.err


def test_every_command_prints_one_document(shell: Shell) -> None:
    documents = {
        "request": shell("request", NUMBER, "--json"),
        "inspect": shell("inspect", request_file(), "--json"),
    }
    shell.carried(request_file())
    documents |= {
        "verify": shell("verify", "answer.response", "--json"),
        "install": shell("install", "answer.response", "--json"),
        "check": shell("check", "--json"),
        "status": shell("status", "--json"),
        "list": shell("list", "--json"),
        "prefer": shell("prefer", NUMBER, "--json"),
        "doctor": shell("doctor", "--json"),
        "update": shell("update", NUMBER, "--json"),
        "qr": shell("qr", NUMBER, "--json"),
        "cancel": shell("cancel", NUMBER, "--json"),
        "deactivate": shell("deactivate", NUMBER, "--yes", "--json"),
        "remove": shell("remove", NUMBER, "--yes", "--json"),
    }
    # The dongle's documents are in tests/client/dongle, and the wizard has none.
    assert set(documents) == set(COMMANDS) - {"dongle", "wizard"}
    for name, printed in documents.items():
        assert printed.exit == 0, name
        assert printed.err == "", name
        assert printed.out.count("\n") == 1, name
        assert printed.json["ok"] is True, name


def test_the_shared_options_may_stand_before_the_command_and_after_it(shell: Shell) -> None:
    shell.patch.delenv("KEYFERRY_KEYS")
    shell.patch.delenv("KEYFERRY_STATE_DIR")
    options = ("--keys", "vendor/keys.json", "--state-dir", "here")
    assert shell(*options, "list").exit == 0
    assert shell("list", *options).exit == 0
    assert shell("--keys", "not-there", "list", *options).exit == 0, "the later one wins"
    assert shell("list").exit == 2
    shell.patch.setenv("KEYFERRY_KEYS", "not-there")
    assert shell(*options, "list").exit == 0, "what is typed wins over the environment"
    assert shell("list", *options).exit == 0


def test_check_status_and_verify_name_the_key_set_that_answered(shell: Shell) -> None:
    activate(shell)
    expected = sha256(Path("vendor/keys.json").read_bytes()).hexdigest()
    for command in (("check",), ("status",), ("verify", "answer.response")):
        assert shell(*command, "--json").json["key_set_sha256"] == expected


def test_a_missing_setting_is_named(shell: Shell) -> None:
    shell.patch.delenv("KEYFERRY_KEYS")
    assert "--keys" in shell("list").err
    shell.patch.setenv("KEYFERRY_KEYS", "keys.json")
    Path("keys.json").write_bytes(shell.room.keys.to_json())
    assert "--product" in shell("list").err
    shell.patch.setenv("KEYFERRY_PRODUCT", "Example Modeler")
    assert shell("list").exit == 0
    shell.patch.delenv("KEYFERRY_STATE_DIR")
    assert "--state-dir" in shell("list").err


# The activation code


def test_the_code_is_asked_for_and_never_printed(shell: Shell) -> None:
    shell.patch.delenv("KEYFERRY_ACTIVATION_CODE")
    printed = shell("request", NUMBER, stdin=f"{CODE}\n")
    assert printed.exit == 0
    assert printed.err.startswith("Activation code (30 letters and digits):")
    assert CODE not in printed.out + printed.err


def test_the_code_may_come_from_a_file(shell: Shell) -> None:
    shell.patch.delenv("KEYFERRY_ACTIVATION_CODE")
    Path("code.txt").write_text(f"{CODE.upper()}\r\n")
    first = shell("request", NUMBER, "--activation-code-file", "code.txt")
    again = shell("request", NUMBER, "--activation-code-file", "-", stdin=CODE)
    assert first.exit == again.exit == 0
    assert first.out == again.out


def test_non_interactive_asks_nothing(shell: Shell) -> None:
    shell.patch.delenv("KEYFERRY_ACTIVATION_CODE")
    for command in (("request", NUMBER), ("--non-interactive", "request", NUMBER)):
        printed = shell(*command, "--non-interactive", stdin=CODE)
        assert printed.exit == 2
        assert "KEYFERRY_ACTIVATION_CODE" in printed.err


def test_an_unanswered_question_changes_nothing(shell: Shell) -> None:
    activate(shell)
    before = shell.room.files()
    for answer in ("n\n", "\n", ""):
        shell("deactivate", NUMBER, stdin=answer)
        shell("remove", NUMBER, stdin=answer)
    assert shell.room.files() == before
    assert shell("deactivate", NUMBER, "--non-interactive").exit == 2
    assert shell("deactivate", NUMBER, "--json").json["error"]["code"] == "usage"
    assert shell.room.files() == before


# Where a request file is saved


def test_a_request_is_saved_where_the_user_wants_it(shell: Shell) -> None:
    os.mkdir("drive")
    assert shell("request", NUMBER, "--output", "drive").exit == 0
    (name,) = os.listdir("drive")
    assert name.startswith(f"{NUMBER}-")
    shell("request", NUMBER, "--output", "mine.request")
    assert Path("mine.request").read_bytes() == Path("drive", name).read_bytes()
    shell("request", NUMBER, "--output", "all.zip")
    with zipfile.ZipFile("all.zip") as archive:
        assert archive.read(name) == Path("mine.request").read_bytes()


@pytest.mark.parametrize("output", ["nowhere/", "nowhere/file.request", "nowhere/all.zip"])
def test_a_missing_folder_is_reported_before_anything_is_written(shell: Shell, output: str) -> None:
    printed = shell("request", NUMBER, "--output", output)
    assert printed.exit == 2
    assert "There is no folder nowhere" in printed.err
    assert shell.room.files() == {}


@pytest.mark.parametrize("output", [".", "all.zip"])
def test_another_devices_file_of_the_same_name_is_kept(
    shell: Shell, tmp_path: Path, output: str
) -> None:
    other = Room(tmp_path / "elsewhere", machine=LAB_09).request()
    own = Path(shell("request", NUMBER, "--output", output, "--json").json["request"]["name"])
    names = _names(output)

    def put(name: str, data: bytes) -> None:
        if output == ".":
            Path(name).write_bytes(data)
        else:
            os.remove(output)
            with zipfile.ZipFile(output, "w") as archive:
                archive.writestr(name, data)

    put(own.name, other)
    shell("request", NUMBER, "--output", output)
    second = f"{own.stem}-2.request"
    assert _names(output) - names == {second}
    assert _content(output, own.name) == other
    shell("request", NUMBER, "--output", output)
    assert _names(output) - names == {second}, "a file of the same device is overwritten"


@pytest.mark.parametrize("output", [".", "all.zip"])
def test_another_request_of_this_device_is_kept_too(shell: Shell, output: str) -> None:
    """An update replaces the update before it, but not the activation that was saved first."""
    shell("request", NUMBER, "--output", output)
    (first,) = _names(output)
    activation = _content(output, first)
    shell.room.install(shell.room.answer(activation))
    second = shell("update", NUMBER, "--output", output, "--json").json["request"]
    assert second["name"] == f"{Path(first).stem}-2.request"
    third = shell("update", NUMBER, "--output", output, "--product-version", "5", "--json").json
    assert third["request"]["name"] == second["name"]
    assert third["request"]["id"] != second["id"]
    assert _content(output, first) == activation


@pytest.mark.attack
@pytest.mark.parametrize("output", ["/proc", "/proc/file.request", "/proc/all.zip"])
def test_a_license_is_not_ended_where_its_request_cannot_be_saved(
    shell: Shell, output: str
) -> None:
    activate(shell)
    before = shell.room.files()
    assert shell("deactivate", NUMBER, "--yes", "--output", output).exit == 1
    assert shell.room.files() == before
    assert shell("check").exit == 0


def test_a_license_is_not_ended_for_an_archive_that_takes_no_file(shell: Shell) -> None:
    activate(shell)
    Path("all.zip").write_bytes(b"not a zip archive")
    before = shell.room.files()
    assert shell("deactivate", NUMBER, "--yes", "--output", "all.zip").exit == 1
    assert shell.room.files() == before
    assert Path("all.zip").read_bytes() == b"not a zip archive"


def test_nothing_laid_beside_a_request_file_is_written_to(shell: Shell) -> None:
    Path("precious").write_text("precious")
    os.symlink("precious", "mine.request.new")
    assert shell("request", NUMBER, "--output", "mine.request").exit == 0
    os.mkfifo("mine.request.new")
    assert shell("request", NUMBER, "--output", "mine.request").exit == 0
    assert Path("precious").read_text() == "precious"
    assert parse_request(Path("mine.request").read_bytes())


def test_a_computer_name_that_no_request_may_contain_is_told_as_that(shell: Shell) -> None:
    refused = shell("request", NUMBER, "--machine-name", "x" * 65, "--json")
    assert (refused.exit, refused.json["error"]["code"]) == (2, "usage")
    assert "longer than 64 characters" in refused.json["error"]["detail"]
    assert shell.room.files() == {}


def _names(output: str) -> set[str]:
    if output == ".":
        return {name for name in os.listdir() if name.endswith(".request")}
    with zipfile.ZipFile(output) as archive:
        return set(archive.namelist())


def _content(output: str, name: str) -> bytes:
    if output == ".":
        return Path(name).read_bytes()
    with zipfile.ZipFile(output) as archive:
        return archive.read(name)


def test_a_file_that_is_not_a_zip_archive_is_reported_and_kept(shell: Shell) -> None:
    Path("all.zip").write_bytes(b"not a zip archive")
    printed = shell("request", NUMBER, "--output", "all.zip")
    assert printed.exit == 1
    assert "all.zip" in printed.err
    assert Path("all.zip").read_bytes() == b"not a zip archive"


def test_a_computer_may_withhold_its_name(shell: Shell) -> None:
    shell("request", NUMBER, "--machine-name", "")
    assert parse_request(Path(request_file()).read_bytes()).machine.name == ""
    assert "no computer" in shell("inspect", request_file()).out


def test_a_name_that_was_typed_makes_a_new_request_and_that_is_said(shell: Shell) -> None:
    shell("request", NUMBER)
    first = Path(request_file()).read_bytes()
    shell.room.now += DAY
    printed = shell("request", NUMBER, "--machine-name", "", "--json")
    (warning,) = printed.json["warnings"]
    assert warning["code"] == "request-replaced"
    assert "24 November 2026" in warning["text"]
    request = parse_request(Path(request_file()).read_bytes())
    assert request.machine.name == ""
    assert shell("request", NUMBER, "--json").json["request"]["id"] == request.id, "still withheld"
    Path("old.response").write_bytes(shell.room.answer(first))
    assert shell("install", "old.response").exit == 1


def test_a_lost_computers_seat_is_named(shell: Shell) -> None:
    shell("request", NUMBER, "--replaces-seat", "2")
    assert parse_request(Path(request_file()).read_bytes()).replaces_seat == 2
    assert "Replaces seat 2" in shell("inspect", request_file()).out
    assert shell("request", NUMBER, "--replaces-seat", "0").exit == 2


def test_a_request_warns_if_the_license_must_allow_virtual_machines(shell: Shell) -> None:
    shell.room.machine = type(LAB_07)("LAB", "", "physical", {"os_id": ["a" * 32]})
    printed = shell("request", NUMBER)
    assert printed.exit == 0
    assert printed.err.startswith("! Little of this computer's hardware can be read.")
    document = shell("request", NUMBER, "--json").json
    assert [warning["code"] for warning in document["warnings"]] == ["virtual-only"]


# Which files are installed


def test_in_a_folder_the_matching_file_is_installed_whatever_its_name(
    shell: Shell, tmp_path: Path
) -> None:
    shell("request", NUMBER)
    os.mkdir("drive")
    other = Room(tmp_path / "elsewhere", machine=LAB_09)
    Path("drive/1.response").write_bytes(other.answer(other.request()))
    Path("drive/2 notes.txt").write_text("buy milk")
    Path("drive/3.mp4").write_bytes(b"\0" * 30_000)
    Path("drive/4.zip").write_bytes(b"PK\x03\x04 broken")
    os.mkdir("drive/folder.response")
    shell.carried(request_file(), "drive/photo.jpg")
    printed = shell("install", "drive")
    assert printed.exit == 0, printed.err
    assert printed.out.startswith("✓ License 015.120.020.093 is active on LAB-07\n")


@pytest.mark.parametrize(("name", "shown"), [("HOOLI-03", "HOOLI-03"), ("", "this computer")])
@pytest.mark.parametrize("source", ["drive/answer", "drive"])
def test_an_install_calls_the_computer_what_its_request_did(
    shell: Shell, source: str, name: str, shown: str
) -> None:
    os.mkdir("drive")
    shell("request", NUMBER, "--machine-name", name)
    shell.carried(request_file(), "drive/answer")
    printed = shell("install", source)
    assert printed.out.startswith(f"✓ License 015.120.020.093 is active on {shown}\n")


def test_in_a_zip_archive_the_matching_file_is_installed(shell: Shell, tmp_path: Path) -> None:
    shell("request", NUMBER)
    other = Room(tmp_path / "elsewhere", machine=LAB_09)
    with zipfile.ZipFile("keyferry-responses.zip", "w") as archive:
        archive.writestr("a.response", other.answer(other.request()))
        archive.writestr("b.response", shell.room.answer(Path(request_file()).read_bytes()))
        archive.writestr("c.txt", b"0" * 5_000_000)
    os.mkdir("drive")
    Path("drive/responses").write_bytes(Path("keyferry-responses.zip").read_bytes())
    assert shell("install", "keyferry-responses.zip").exit == 0
    assert shell("install", "drive").exit == 0, "again, and from a folder"


def test_unreadable_files_on_a_usb_drive_are_skipped(shell: Shell) -> None:
    shell("request", NUMBER)
    os.mkdir("drive")
    with zipfile.ZipFile("drive/a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.response", os.urandom(500) * 9)
    damaged = bytearray(Path("drive/a.zip").read_bytes())
    damaged[100:140] = bytes(40)
    Path("drive/a.zip").write_bytes(damaged)
    os.mkfifo("drive/b")
    os.symlink("nowhere", "drive/c")
    assert shell("install", "drive/a.zip").err.startswith("X This file could not be read")
    shell.carried(request_file(), "drive/d.response")
    assert shell("install", "drive").exit == 0


@pytest.mark.parametrize(
    ("packing", "at", "damage"),
    [
        pytest.param(zipfile.ZIP_LZMA, 50, b"\xff", id="what is packed"),
        pytest.param(zipfile.ZIP_LZMA, 45, b"\xff", id="how it is packed"),
        pytest.param(zipfile.ZIP_BZIP2, 45, b"\xff" * 6, id="what is packed by bzip2"),
        pytest.param(zipfile.ZIP_STORED, -30, b"\xff", id="a name"),
    ],
)
def test_a_damaged_archive_is_skipped(shell: Shell, packing: int, at: int, damage: bytes) -> None:
    shell("request", NUMBER)
    os.mkdir("drive")
    with zipfile.ZipFile("drive/a.zip", "w", packing) as archive:
        archive.writestr("ä.response", b"abc" * 900)
    damaged = bytearray(Path("drive/a.zip").read_bytes())
    at = damaged.rindex("ä".encode()) if at < 0 else at
    damaged[at : at + len(damage)] = damage
    Path("drive/a.zip").write_bytes(damaged)
    assert shell("install", "drive/a.zip").err.startswith("X This file could not be read")
    shell.carried(request_file(), "drive/d.response")
    assert shell("install", "drive").exit == 0


def test_a_forged_file_on_a_usb_drive_is_reported_as_forged(shell: Shell) -> None:
    shell("request", NUMBER)
    os.mkdir("drive")
    Path("drive/notes.txt").write_text("buy milk")
    shell.room.signers = (Ed25519Signer(b"x" * 32),)
    shell.carried(request_file(), "drive/forged.response")
    assert shell("install", "drive").exit == 7
    shell.room.signers = (VENDOR,)
    shell.carried(request_file(), "drive/genuine.response")
    assert shell("install", "drive").exit == 0


def test_another_computers_file_is_never_installed(shell: Shell, tmp_path: Path) -> None:
    shell("request", NUMBER)
    os.mkdir("drive")
    for number in range(2):
        other = Room(tmp_path / str(number), machine=LAB_09)
        Path(f"drive/{number}.response").write_bytes(other.answer(other.request()))
    before = shell.room.files()
    printed = shell("install", "drive")
    assert printed.exit == 1
    assert "None of the 2 response files in drive" in printed.err
    os.remove("drive/1.response")
    assert shell("install", "drive").exit == 6
    assert shell.room.files() == before


def test_all_matching_files_are_installed(shell: Shell) -> None:
    from keyferry_protocol.activation import new_activation_code

    os.mkdir("drive")
    shell("request", NUMBER, "--output", "one.request")
    shell.patch.setenv("KEYFERRY_ACTIVATION_CODE", new_activation_code(OTHER))
    shell("request", OTHER, "--output", "two.request")
    shell.carried("one.request", "drive/one")
    shell.carried("two.request", "drive/two")
    document = shell("install", "drive", "--json").json
    assert [each["license_number"] for each in document["installed"]] == [NUMBER, OTHER]
    assert [row["state"] for row in shell("list", "--json").json["licenses"]] == ["active"] * 2


def test_a_failing_older_file_does_not_stop_the_one_that_is_needed(shell: Shell) -> None:
    activate(shell, valid_until=NOW + DAY)
    os.mkdir("drive")
    os.rename("answer.response", "drive/old.response")
    shell.room.now += 2 * DAY
    assert shell("check").exit == 5
    shell("update", NUMBER, "--output", "update.request")
    shell.carried("update.request", "drive/new.response")
    assert shell("install", "drive").exit == 0
    assert shell("check").exit == 0


def test_the_installed_response_brought_again_is_told_beside_what_waits(shell: Shell) -> None:
    activate(shell)
    shell("update", NUMBER, "--output", "update.request")
    document = shell("install", "answer.response", "--json").json
    assert document["already"]
    assert document["waiting_request"] == parse_request(Path("update.request").read_bytes()).id
    printed = shell("install", "answer.response")
    assert printed.exit == 0
    assert printed.out.startswith("✓ This response file is installed already.")
    assert "is still waiting for its response file" in printed.out


def test_a_response_can_come_from_standard_input(shell: Shell) -> None:
    shell("request", NUMBER)
    response = shell.room.answer(Path(request_file()).read_bytes())
    assert shell("inspect", "-", stdin=response).exit == 0
    assert shell("verify", "-", stdin=response).exit == 0
    assert shell("install", "-", stdin=response).exit == 0


# The status of licenses


@pytest.mark.parametrize(
    ("days", "changes", "words", "exit_code"),
    [
        pytest.param(0, {}, "Active until 30 November 2027", 0, id="active"),
        pytest.param(0, {"valid_until": None}, "Active", 0, id="no end"),
        pytest.param(0, {"valid_until": NOW + 12 * DAY}, "Active, ends in 12 days", 0, id="soon"),
        pytest.param(0, {"valid_until": NOW + DAY}, "Active, ends in 1 day", 0, id="tomorrow"),
        pytest.param(
            0, {"check_in_by": NOW + 30 * DAY}, "Check in by 24 December 2026", 0, id="lease"
        ),
        pytest.param(
            2, {"check_in_by": NOW + DAY}, "Check-in overdue, 13 days left", 0, id="in grace"
        ),
        pytest.param(20, {"check_in_by": NOW + DAY}, "Check-in overdue", 5, id="after it"),
        pytest.param(9, {"valid_until": NOW + 9 * DAY}, "Ended on 3 December 2026", 5, id="ended"),
        pytest.param(-2, {}, "Clock is behind", 8, id="clock"),
    ],
)
def test_status_is_a_sentence_and_exits_as_the_application_would(
    shell: Shell, days: int, changes: dict[str, object], words: str, exit_code: int
) -> None:
    activate(shell, **changes)
    shell.room.now += days * DAY
    printed = shell("status")
    assert printed.out.splitlines()[0] == f"015.120.020.093  {words}"
    assert printed.exit == exit_code
    assert shell("check").exit == exit_code
    assert shell("list").exit == 0


def moved(room: Room) -> None:
    room.machine = LAB_09


def revoked(room: Room) -> None:
    keys = json.loads(Path("vendor/keys.json").read_bytes())
    Path("vendor/keys.json").write_text(json.dumps(keys | {"revoked": [NUMBER]}))


@pytest.mark.parametrize(
    ("spoil", "words", "exit_code"),
    [
        (moved, "This computer is not recognized", 6),
        (revoked, "This license has been revoked", 5),
    ],
)
def test_status_reports_why_a_license_does_not_work(
    shell: Shell, spoil: Callable[[Room], None], words: str, exit_code: int
) -> None:
    activate(shell)
    spoil(shell.room)
    printed = shell("status")
    assert printed.out.splitlines()[0] == f"015.120.020.093  {words}"
    assert printed.exit == exit_code
    (row,) = shell("list", "--json").json["licenses"]
    assert row["state"] == row["error"]["code"]


def test_grace_is_reported_with_the_next_step(shell: Shell) -> None:
    activate(shell, check_in_by=NOW + DAY)
    shell.room.now += 2 * DAY
    printed = shell("check")
    assert printed.exit == 0
    assert printed.err.startswith(
        "! Check-in was due by 25 November 2026. Example Modeler keeps working for 13"
    )
    assert shell("check", "--json").json["reason"] == "grace"


@pytest.mark.parametrize(
    ("days", "words"), [(12, "It ends in 12 days. "), (1, "It ends in 1 day. "), (31, "")]
)
def test_the_end_is_announced_in_the_last_thirty_days(shell: Shell, days: int, words: str) -> None:
    activate(shell, valid_until=NOW + days * DAY)
    printed = shell("check")
    assert printed.exit == 0
    assert printed.err == (
        f"! {words}After you renew it, make an update request.\n" if words else ""
    )
    assert shell("check", "--json").json["reason"] == ("ends-soon" if words else None)


def test_prefer_sets_the_order(shell: Shell) -> None:
    from keyferry_protocol.activation import new_activation_code

    activate(shell)
    shell.patch.setenv("KEYFERRY_ACTIVATION_CODE", new_activation_code(OTHER))
    shell("request", OTHER)
    assert shell("prefer", OTHER).exit == 0
    rows = shell("list", "--json").json["licenses"]
    assert [(row["order"], row["license_number"]) for row in rows] == [(1, OTHER), (2, NUMBER)]


def test_an_install_succeeds_only_if_the_license_loads(shell: Shell) -> None:
    shell("request", NUMBER)
    shell.carried(request_file(), valid_from=END)
    printed = shell("install", "answer.response")
    assert printed.exit == 5
    assert "✓" not in printed.out + printed.err


def test_remove_erases_everything_of_a_license(shell: Shell) -> None:
    activate(shell)
    printed = shell("remove", NUMBER, stdin="y\n")
    assert printed.exit == 0
    assert "Removing it keeps the seat taken" in printed.err
    assert set(shell.room.files()) == {"user/clock.json"}
    assert not Path(shell.room.state_dirs.site.path, NUMBER).exists()


# Streams


def test_color_is_for_terminals_only(shell: Shell) -> None:
    activate(shell)
    assert "\x1b" not in shell("check").out
    shell.tty = True
    shell.patch.setenv("TERM", "xterm")
    shell.patch.delenv("NO_COLOR", raising=False)
    assert "\x1b[32m" in shell("check").out
    shell.patch.setenv("NO_COLOR", "")
    assert "\x1b" not in shell("check").out
    shell.patch.delenv("NO_COLOR")
    shell.patch.setenv("TERM", "dumb")
    assert "\x1b" not in shell("check").out


def test_an_old_code_page_gets_words_for_marks(shell: Shell) -> None:
    shell.room.machine = type(LAB_07)("LAB-07", "", "physical", {"os_id": ["a" * 32]})
    shell.encoding = "cp1252"
    printed = shell("request", NUMBER)
    assert printed.err.startswith("warn Little")
    assert printed.out.startswith("ok Request file saved")
    shell.carried(request_file(), licensee="Łódź Labs 株式会社")
    printed = shell("install", "answer.response")
    assert printed.out.startswith("ok License")
    assert "?ód? Labs" in printed.out
    assert shell("check", "cfd").err.startswith("FAIL This license does not include cfd")


def test_a_closed_pipe_prints_no_error(shell: Shell) -> None:
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", "from keyferry.cli.main import run; run()", "list"]
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, env=environ)
    os.close(write_end)
    assert b"Traceback" not in done.stderr
    assert done.returncode in (1, 120)


def test_help_of_every_command_ends_in_an_example(shell: Shell) -> None:
    assert all(name in shell("--help").out for name in COMMANDS)
    for name in COMMANDS:
        printed = shell(name, "--help")
        assert printed.exit == 0
        assert f"Example: keyferry {name}" in printed.out
        for option in ("--state-dir", "--keys", "--product", "--product-version", "--json"):
            assert option in printed.out


def test_the_bare_command_shows_its_help(shell: Shell) -> None:
    assert "Commands:" in shell().out
    assert shell("--version").out == f"keyferry {__version__}\n"
