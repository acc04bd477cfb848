"""The seat that a computer had is carried into its next request, and that is said before."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keyferry import Machine, parse_request
from keyferry.store.folder import DEVICE_KEY, KEYS
from keyferry.vendor import read_vendor
from keyferry.wizard.session import Session
from keyferry_protocol.keys import Ed25519Signer
from tests.support.desk import Desk, desk
from tests.support.offline import LAB_07, LAB_09, Room
from tests.support.samples import CODE, NUMBER
from tests.support.terminal import Shell

__all__ = ["desk"]
# More than half of LAB-07 was replaced: only its disks are left.
REBUILT = replace(
    LAB_09,
    components={**LAB_09.components, "disk_serial": LAB_07.components["disk_serial"]},
)
GUEST = Machine("VM-3", "Debian 12", "virtual", {"os_id": ["8f2b9d3e6a514c07b1d0e4f5a6978812"]})


def keys_lost(room: Room) -> None:
    for name in KEYS:
        os.unlink(room.folder().path(name))


def device_key_damaged(room: Room) -> None:
    Path(room.folder().path(DEVICE_KEY)).write_bytes(b"?")
    room.machine = REBUILT


def state_carried_to_new_parts(room: Room) -> None:
    keys_lost(room)
    room.machine = REBUILT


def keys_kept_with_new_parts(room: Room) -> None:
    room.machine = REBUILT


def deactivated(room: Room) -> None:
    response = room.folder().installed_bytes() or b""
    room.request("deactivate")
    room.folder().write("installed.response", response)
    room.machine = REBUILT


def forged(room: Room) -> None:
    state_carried_to_new_parts(room)
    other = Room(room.state, signers=(Ed25519Signer(b"x" * 32),), serial=7)
    room.folder().write("installed.response", other.answer(room.request(), seat=9))
    os.unlink(room.folder().path("pending.request"))
    keys_lost(room)


def copied(room: Room) -> None:
    keys_lost(room)
    room.machine = LAB_09


@pytest.mark.parametrize(
    ("happening", "seat"),
    [
        pytest.param(state_carried_to_new_parts, 2, id="the keys are gone, and the parts are new"),
        pytest.param(device_key_damaged, 2, id="the device key is damaged, and the parts are new"),
        pytest.param(keys_lost, None, id="the service finds the seat by the machine's anchors"),
        pytest.param(keys_kept_with_new_parts, None, id="the service finds it by the device key"),
        pytest.param(deactivated, None, id="it was given back"),
        pytest.param(forged, None, id="the response is not genuine"),
        pytest.param(copied, None, id="the folder was copied to another computer"),
    ],
)
def test_a_request_names_the_seat_that_the_service_would_not_find(
    room: Room, happening: Callable[[Room], None], seat: int | None
) -> None:
    room.activate(seat=2)
    happening(room)
    request = parse_request(room.request())
    assert request.replaces_seat == seat
    assert request.choose_seat is (seat is None)


def test_a_machine_without_an_anchor_names_its_seat_after_its_keys_are_lost(room: Room) -> None:
    room.machine = GUEST
    room.activate(seat=3, environments=("physical", "virtual"))
    keys_lost(room)
    assert parse_request(room.request()).replaces_seat == 3


def test_another_protection_names_no_seat_and_a_typed_seat_wins(room: Room) -> None:
    room.activate(seat=2)
    state_carried_to_new_parts(room)
    assert parse_request(room.request(protection="personal")).replaces_seat is None
    assert parse_request(room.request(replaces_seat=5)).replaces_seat == 5


def test_the_same_request_is_written_again_and_its_response_installs(room: Room) -> None:
    room.activate(seat=2)
    state_carried_to_new_parts(room)
    first = room.request()
    assert room.request() == first
    room.install(room.answer(first, seat=2))
    assert room.load().check()
    assert parse_request(room.request()).replaces_seat is None, "its own key again"


def test_the_person_is_told_before_the_code_is_asked_for(shell: Shell) -> None:
    shell.room.activate(seat=2)
    state_carried_to_new_parts(shell.room)
    shell.patch.delenv("KEYFERRY_ACTIVATION_CODE")
    printed = shell("request", NUMBER, "--output", "own.request", stdin=f"{CODE}\n")
    warned_at = printed.err.index("replaces seat 2")
    prompted_at = printed.err.index("Activation code")
    assert warned_at < prompted_at
    assert "keyferry remove 015.120.020.093" in printed.err
    assert "Replaces seat 2" in shell("inspect", "own.request").out
    os.unlink("own.request")
    shell("cancel", NUMBER)
    assert shell("remove", NUMBER, "--yes").exit == 0
    shell("request", NUMBER, "--output", "own.request", stdin=f"{CODE}\n")
    assert parse_request(Path("own.request").read_bytes()).replaces_seat is None


def test_the_wizard_tells_it_where_the_request_is_sent(desk: Desk) -> None:
    desk.room.activate(seat=2)
    state_carried_to_new_parts(desk.room)
    vendor = read_vendor(desk.keys)
    assert vendor is not None
    session = Session(desk.room.installation, vendor)
    session.press("begin:install", "list", {})
    session.press("next", "what", {"what": "install"})
    session.press("next", "number", {"number": NUMBER})
    session.press("next", "protection", {"protection": "machine"})
    session.press("next", "code", {"code": CODE})
    session.press("next", "who", {"who": "machine"})
    page = session.page()
    assert page.screen == "send"
    assert any("replaces seat 2" in line for line in page.text)
    assert any("Replaces seat 2" in " ".join(pair) for pair in page.data.inside)
