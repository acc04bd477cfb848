"""Installing a folder or archive: a report on every file, and an exit by the newest of ours."""

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from keyferry.list_licenses import list_licenses
from keyferry.vendor import read_vendor
from keyferry.wizard.session import Session
from keyferry_protocol.activation import new_activation_code
from keyferry_protocol.keys import Ed25519Signer
from tests.support.desk import Desk, desk
from tests.support.offline import LAB_09, OTHER, Room
from tests.support.samples import CODE, NOW, NUMBER
from tests.support.terminal import Printed, Shell

__all__ = ["desk"]
USB = Path("drive")


@pytest.fixture
def here(shell: Shell) -> Shell:
    """A computer with an activated license, whose response is `old` on its USB drive."""
    USB.mkdir()
    shell("request", NUMBER, "--output", "first.request")
    shell.carried("first.request", "drive/old")
    assert shell("install", "drive/old").exit == 0
    return shell


def update(shell: Shell, name: str, **changes: Any) -> None:
    """Ask for an update, and put its response on the drive."""
    shell("update", NUMBER, "--output", f"{name}.request")
    shell.carried(f"{name}.request", f"drive/{name}", **changes)


def other_license(shell: Shell, name: str, **changes: Any) -> None:
    shell.patch.setenv("KEYFERRY_ACTIVATION_CODE", new_activation_code(OTHER))
    shell("request", OTHER, "--output", f"{name}.request")
    shell.carried(f"{name}.request", f"drive/{name}", **changes)
    shell.patch.setenv("KEYFERRY_ACTIVATION_CODE", CODE)


def another_computers(shell: Shell, name: str, folder: Path) -> None:
    other = Room(folder / name, machine=LAB_09)
    (USB / name).write_bytes(other.answer(other.request()))


def outcomes(printed: Printed) -> dict[str, tuple[str, str | None]]:
    members = printed.json if printed.json["ok"] else printed.json["error"]
    return {file["name"]: (file["outcome"], file["code"]) for file in members["files"]}


def test_every_file_of_a_drive_is_reported(here: Shell, tmp_path: Path) -> None:
    update(here, "new")
    other_license(here, "second", seat=4)
    another_computers(here, "lab-09", tmp_path)
    here.carried("new.request", "drive/viewer", product="Example Viewer")
    here.room.signers = (Ed25519Signer(b"x" * 32),)
    here.carried("new.request", "drive/forged")
    (USB / "notes.txt").write_text("buy milk")
    (USB / "own.request").write_bytes(Path("new.request").read_bytes())
    printed = here("install", "drive", "--json")
    assert printed.exit == 0
    assert outcomes(printed) == {
        "old": ("already", None),
        "new": ("installed", None),
        "second": ("installed", None),
        "lab-09": ("not-ours", None),
        "viewer": ("other-product", "wrong-product"),
        "forged": ("not-genuine", "not-genuine"),
    }
    seats = {file["name"]: file.get("seat") for file in printed.json["files"]}
    assert (seats["second"], seats["forged"]) == (4, None)
    assert here.room.folder().state().max_serial == 2, "the newest wins"


def test_the_report_says_the_same_in_sentences(here: Shell, tmp_path: Path) -> None:
    update(here, "new")
    for n in range(5):
        another_computers(here, f"lab-{n}", tmp_path)
    here("install", "drive/new")
    printed = here("install", "drive")
    assert printed.exit == 0
    assert printed.out.splitlines() == [
        "✓ This response file is installed already. License 015.120.020.093 is active on LAB-07",
        "  Example Modeler Professional for Nordhaven Pilot Plant; ends 30 November 2027",
        "  Seat 1. Note this number: if this computer is lost, a new one may need it.",
        "  old: older than the response that is installed",
        "  lab-0: for another computer, or not requested here",
        "  lab-1: for another computer, or not requested here",
        "  lab-2: for another computer, or not requested here",
        "  2 more files are for other computers, or not requested here",
    ]


def test_several_files_are_installed_like_a_folder_the_lowest_serial_first(
    here: Shell, tmp_path: Path
) -> None:
    update(here, "new")
    other_license(here, "second", seat=4)
    another_computers(here, "for LAB-09", tmp_path)
    (USB / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    with zipfile.ZipFile(USB / "all.zip", "w") as archive:
        archive.write(USB / "second", "second")
    names = ("photo.jpg", "new", "for LAB-09", "old", "all.zip")
    printed = here("install", *(f"drive/{name}" for name in names), "--json")
    assert printed.exit == 0
    assert outcomes(printed) == {
        "drive/photo.jpg": ("not-genuine", "unreadable-response"),
        "new": ("installed", None),
        "for LAB-09": ("not-ours", None),
        "old": ("already", None),
        "second": ("installed", None),
    }
    assert [one["serial"] for one in printed.json["installed"]] == [1, 2, 3]


def test_of_several_files_none_of_which_is_a_response_the_first_says_why(here: Shell) -> None:
    for name, data in (("photo.jpg", b"\xff\xd8\xff"), ("empty", b"")):
        (USB / name).write_bytes(data)
    printed = here("install", "drive/photo.jpg", "drive/empty", "--json")
    assert (printed.exit, printed.json["error"]["code"]) == (1, "unreadable-response")


def test_standard_input_is_read_by_itself(here: Shell) -> None:
    printed = here("install", "drive/old", "-", "--json")
    assert (printed.exit, printed.json["error"]["code"]) == (2, "usage")
    assert "Use - by itself" in printed.json["error"]["detail"]


def test_copies_of_one_file_are_reported_once(here: Shell) -> None:
    (USB / "copy").write_bytes((USB / "old").read_bytes())
    with zipfile.ZipFile("drive/keyferry-responses.zip", "w") as archive:
        archive.write("drive/old", "015120020093-7f3a-1.response")
    assert len(outcomes(here("install", "drive", "--json"))) == 1


# The exit is that of the newest file of each license of this computer


def test_an_older_file_beside_the_newest_changes_no_exit(here: Shell) -> None:
    update(here, "new")
    assert here("install", "drive").exit == 0
    assert here("install", "drive").exit == 0


def test_only_older_files_are_told_as_that(here: Shell) -> None:
    update(here, "new")
    update_folder = Path("elsewhere")
    update_folder.mkdir()
    os.rename("drive/new", update_folder / "new")
    here("install", "elsewhere")
    update(here, "newer")
    here("install", "drive/newer")
    os.remove("drive/newer")
    os.rename(update_folder / "new", "drive/new")
    printed = here("install", "drive", "--json")
    assert printed.exit == 1
    assert printed.json["error"]["code"] == "older-response"
    assert set(outcomes(printed).values()) == {("older", "older-response")}


def test_the_worst_of_two_licenses_is_the_exit_and_the_good_one_is_installed(here: Shell) -> None:
    other_license(here, "second", valid_until=NOW)
    update(here, "new")
    printed = here("install", "drive", "--json")
    assert printed.exit == 5
    assert printed.json["error"]["code"] == "expired"
    (document,) = [d for d in printed.json["error"]["installed"] if not d["already"]]
    assert document["license_number"] == NUMBER
    assert outcomes(printed)["second"] == ("installed", "expired"), "it was stored all the same"
    text = here("install", "drive")
    assert text.err.startswith("X This license ended on 24 November 2026 (expired)")


def test_an_ended_license_is_healed_by_the_newer_file_beside_it(here: Shell) -> None:
    update(here, "ended", valid_until=NOW)
    os.rename("drive/ended", "ended")
    assert here("install", "ended").exit == 5
    os.rename("ended", "drive/ended")
    update(here, "new")
    assert here("install", "drive").exit == 0


@pytest.mark.parametrize(
    ("lay", "code", "exit_code"),
    [
        pytest.param(["lab-1"], "wrong-machine", 6, id="one of another computer"),
        pytest.param(["lab-1", "lab-2"], "not-requested", 1, id="two of other computers"),
        pytest.param(["viewer", "viewer-2"], "wrong-product", 1, id="two of another product"),
        pytest.param(["viewer", "lab-1"], "not-requested", 1, id="one of each"),
    ],
)
def test_without_a_file_of_this_computer_nothing_changes(
    here: Shell, tmp_path: Path, lay: list[str], code: str, exit_code: int
) -> None:
    os.remove("drive/old")
    here("update", NUMBER, "--output", "update.request")
    for name in lay:
        if name.startswith("viewer"):
            here.carried("update.request", f"drive/{name}", product="Example Viewer")
        else:
            another_computers(here, name, tmp_path)
    before = here.room.files()
    printed = here("install", "drive", "--json")
    assert (printed.json["error"]["code"], printed.exit) == (code, exit_code)
    assert sorted(outcomes(printed)) == sorted(lay)
    assert here.room.files() == before


def test_a_receipt_and_a_new_response_come_on_one_drive(here: Shell) -> None:
    here("deactivate", NUMBER, "--yes", "--output", "end.request")
    here.carried("end.request", "drive/receipt")
    other_license(here, "second")
    printed = here("install", "drive", "--json")
    assert printed.exit == 0
    assert outcomes(printed) == {
        "old": ("not-ours", None),
        "receipt": ("installed", None),
        "second": ("installed", None),
    }


# What the page's zips are


def zipped(entries: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize(("n", "words"), [(1, "only a request file"), (3, "only request files")])
def test_a_zip_of_requests_is_told_as_requests(shell: Shell, n: int, words: str) -> None:
    shell("request", NUMBER, "--output", "own.request")
    data = Path("own.request").read_bytes()
    Path("requests.zip").write_bytes(zipped({f"{k}.request": data for k in range(n)}))
    printed = shell("install", "requests.zip", "--json")
    assert printed.json["error"]["code"] == "wrong-type"
    assert words in printed.json["error"]["detail"]
    assert "page" in printed.json["error"]["next_step"]


def wizard_of(desk: Desk) -> Session:
    vendor = read_vendor(desk.keys)
    assert vendor is not None
    return Session(desk.room.installation, vendor)


def rooms_zip(desk: Desk) -> bytes:
    """The zip of the page for a whole room: two licenses of this computer, one of another's."""
    room = desk.room
    other = Room(desk.home / "elsewhere", machine=LAB_09)
    second = room.request(number=OTHER, code=new_activation_code(OTHER))
    return zipped(
        {
            "lab-09.response": other.answer(other.request()),
            "a.response": room.answer(room.request()),
            "b.response": room.answer(second),
        }
    )


def test_the_wizard_installs_the_very_zip_that_it_offers(desk: Desk) -> None:
    path = desk.downloads / "keyferry-responses.zip"
    path.write_bytes(rooms_zip(desk))
    session = wizard_of(desk)
    session.press("begin:install", "list", {})
    session.press("next", "what", {"what": "response"})
    (field, *_) = session.page().fields
    assert [option.value for option in field.options] == [str(path)]
    assert field.options[0].label == f"{path}, with 2 files for this computer"
    session.press("next", "response", {"response": str(path)})
    assert session.page().screen == "active", session.page().problems
    assert "lab-09.response: for another computer, or not requested here" in session.page().text
    assert [row.state for row in list_licenses(desk.room.installation)] == ["active", "active"]


def test_the_windows_form_takes_the_zip_too(desk: Desk) -> None:
    session = wizard_of(desk)
    data = rooms_zip(desk)
    session.press("begin:install", "list", {})
    session.press("next", "what", {"what": "response"})
    session.press("next", "response", {"upload": data.decode("latin-1")})
    assert session.page().screen == "active", session.page().problems


def test_the_wizard_tells_a_zip_of_requests_as_requests(desk: Desk) -> None:
    data = zipped({"own.request": desk.room.request()})
    session = wizard_of(desk)
    session.press("begin:install", "list", {})
    session.press("next", "what", {"what": "response"})
    session.press("next", "response", {"upload": data.decode("latin-1")})
    (problem,) = session.page().problems
    assert "only a request file" in problem.text


def test_a_folder_of_folders_is_said_not_to_be_searched(shell: Shell) -> None:
    """Such as the folder that the vendor's renewals were written to."""
    Path("renewals/Acme").mkdir(parents=True)
    printed = shell("install", "renewals")
    assert printed.exit == 1
    assert "The folders in it were not searched." in printed.err
