"""A renewal answers no request: it fits the machine's keys, and replaces what is installed."""

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from keyferry import KeyferryError, Token, parse_request, verify_response
from keyferry.request import find_pending
from keyferry.store.clock_file import read_clock
from keyferry.store.folder import DEACTIVATE, PENDING
from keyferry.times import long_date
from keyferry_protocol.keys import Ed25519Signer
from tests.support.offline import LAB_07, LAB_09, Room
from tests.support.samples import DAY, NOW, NUMBER
from tests.support.terminal import Shell


def refused(room: Room, data: bytes) -> str:
    """The code with which an install is refused; nothing may change by it."""
    before = room.files()
    with pytest.raises(KeyferryError) as excinfo:
        room.install(data)
    assert room.files() == before
    return excinfo.value.code


def test_a_renewal_needs_no_request(room: Room) -> None:
    response = room.activate()
    installed = room.install(room.renewal(response, features={"threads": 64}))
    assert (installed.kind, installed.already) == ("renewal", False)
    assert room.load().check("threads").value == 64


def test_it_ends_the_waiting_of_the_request_that_was_answered_before_it(room: Room) -> None:
    room.activate()
    request = room.request("update")
    answer = room.answer(request)
    room.install(room.renewal(answer))
    assert find_pending(NUMBER, room.state_dirs) is None
    assert refused(room, answer) == "not-requested"


def test_it_leaves_every_other_request_waiting(room: Room) -> None:
    response = room.activate()
    request = room.request("update")
    room.install(room.renewal(response))
    room.install(room.answer(request))
    assert room.load().serial == 3


def test_the_note_of_the_answered_request_counts_for_it(room: Room) -> None:
    room.activate(valid_until=None)
    room.now = NOW + 400 * DAY
    room.load()
    room.now = NOW
    request = room.request("update")
    room.install(room.renewal(room.answer(request)))
    assert read_clock(room.state_dirs.user).mark == NOW


def test_another_machine_does_not_install_it(room: Room, tmp_path: Path) -> None:
    response = room.renewal(room.activate())
    assert refused(Room(tmp_path / "another", machine=LAB_09), response) == "wrong-machine"
    assert refused(Room(tmp_path / "without its keys"), response) == "not-requested"


@pytest.mark.parametrize("name", ["device_key", "load_key"])
def test_both_keys_must_be_the_machines(room: Room, name: str) -> None:
    response = room.activate()
    other = {name: Ed25519Signer(b"o" * 32).public}
    bound_to = replace(verify_response(response, room.keys).bound_to, **other)
    assert refused(room, room.renewal(response, bound_to=bound_to)) == "not-requested"


def test_it_must_be_newer_than_what_was_installed(room: Room) -> None:
    first = room.activate()
    older = room.renewal(first)
    room.install(room.answer(room.request("update")))
    request = room.request("update")
    late = room.renewal(room.answer(request), serial=1)
    for data in (older, late):
        assert refused(room, data) == "older-response"
    assert room.folder().has(PENDING), "a late renewal leaves the request waiting"


def test_after_a_deactivation_no_renewal_brings_the_license_back(room: Room) -> None:
    response = room.activate()
    kept = room.files()
    deactivation = room.request("deactivate")
    assert refused(room, room.renewal(response)) == "not-requested"
    for name, data in kept.items():  # even where a copy of the keys is put back
        (room.state / name).write_bytes(data)
    room.folder().write(DEACTIVATE, deactivation)
    with pytest.raises(KeyferryError) as excinfo:
        room.install(room.renewal(response))
    assert excinfo.value.code == "not-requested"


def test_it_must_fit_machine_and_environment(room: Room) -> None:
    data = room.renewal(room.activate())
    room.machine = replace(LAB_07, environment="container")
    assert refused(room, data) == "environment-not-allowed"
    room.machine = LAB_09
    assert refused(room, data) == "wrong-machine"


def test_for_a_dongle_the_token_signs(room: Room, tmp_path: Path) -> None:
    key = Ed25519Signer(b"t" * 32)
    room.dongle = Token(key.public, "SoftToken", "1", key.sign)
    data = room.renewal(room.activate("dongle"))
    another = Room(tmp_path / "another", machine=LAB_09, dongle=room.dongle)
    assert another.install(data).kind == "renewal"
    room.dongle = None
    assert refused(room, data) == "dongle-missing"


def test_of_a_folder_each_machine_takes_its_own_and_the_newest_stays(shell: Shell) -> None:
    room = shell.room
    response = room.activate()
    other = Room(room.state / "other", machine=LAB_09)
    Path("drive").mkdir()
    later, sooner = room.renewal(response, serial=9), room.renewal(response, serial=7)
    Path("drive/a.response").write_bytes(later)
    Path("drive/b.response").write_bytes(sooner)
    Path("drive/c.response").write_bytes(other.renewal(other.activate(), serial=8))
    document = shell("install", "drive", "--json").json
    assert [each["serial"] for each in document["installed"]] == [7, 9]
    assert room.load().serial == 9
    assert parse_request(room.request("update")).last_serial == 9


@pytest.mark.parametrize("source", ["plant.zip", "plant", "plant/here.response"])
def test_each_machine_takes_its_own_from_the_plants_zip_and_says_before_and_after(
    shell: Shell, tmp_path: Path, source: str
) -> None:
    here = shell.room.activate()
    other = Room(tmp_path / "other")
    other.machine = LAB_09
    ends = {"valid_until": NOW + 3 * 365 * DAY}
    Path("plant").mkdir()
    renewals = {
        "other.response": other.renewal(other.activate(), **ends),
        "here.response": shell.room.renewal(here, **ends),
    }
    with zipfile.ZipFile("plant.zip", "w") as archive:
        for name, data in renewals.items():
            (Path("plant") / name).write_bytes(data)
            archive.writestr(name, data)
    before = shell.room.files()
    printed = shell("install", source)
    assert printed.exit == 0
    was = verify_response(here, shell.room.keys).license.valid_until
    assert was is not None
    now = long_date(ends["valid_until"])
    assert "License 015.120.020.093 is renewed and active on LAB-07\n" in printed.out
    assert f"; ends {now} (was {long_date(was)})" in printed.out
    assert shell.room.files() != before
    again = shell("install", source)
    assert (again.exit, "(was" in again.out) == (0, False)
