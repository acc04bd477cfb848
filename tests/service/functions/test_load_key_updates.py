"""An update that the load key signed, through the real handlers: what it brings and takes."""

from dataclasses import replace
from typing import Any

import pytest

from keyferry_admin.use_cases import change_license
from keyferry_protocol.response import Response, verify_response
from tests.support.builders import LAB_07, LAB_08, Computer, a_request, a_request_file
from tests.support.samples import DAY, NUMBER
from tests.support.world import KEYS, World

CHANGED = replace(LAB_07, changed=("tpm_key", "smbios_uuid", "board_serial"))


def update(world: World, computer: Computer = LAB_07, **changes: Any) -> str:
    """Hand in an update by whoever runs the application there; the ticket."""
    return world.activate(
        a_request_file(computer, "update", signers=(computer.load_key,), **changes)
    )


def response(world: World, ticket: str) -> Response:
    return verify_response(world.response(ticket), KEYS)


def code(world: World, ticket: str) -> str:
    return str(world.ticket(ticket)["refusal"]["code"])


def the_seat(world: World) -> Any:
    (seat,) = world.licenses.seats(NUMBER)
    return seat


def test_it_brings_todays_terms_for_the_seat_as_it_is(world: World) -> None:
    world.sell(moves_per_year=0)
    first = response(world, world.activate(a_request_file(LAB_07)))
    before, until = the_seat(world), world.now + 700 * DAY
    change_license.change(world.licenses, NUMBER, lambda old: replace(old, valid_until=until))
    world.now += DAY
    answer = response(world, update(world, replace(LAB_07, changed=("mac",))))
    assert (answer.kind, answer.seat, answer.bound_to) == ("update", 1, first.bound_to)
    assert (answer.license.valid_until, answer.serial) == (until, first.serial + 2)
    assert the_seat(world) == replace(
        before, serial=answer.serial, valid_until=until, last_response_at=world.now
    )


def test_the_administrator_then_updates_as_if_it_had_not_been(world: World) -> None:
    world.sell()
    first = response(world, world.activate(a_request_file(LAB_07)))
    update(world)
    own = a_request_file(LAB_07, "update", last_serial=first.serial)
    assert response(world, world.activate(own)).serial == first.serial + 2
    assert the_seat(world).copies == 0


@pytest.mark.attack
def test_it_binds_nothing_anew(world: World) -> None:
    world.sell()
    world.activate(a_request_file(LAB_07))
    rows = world.rows("Licenses")
    assert code(world, update(world, CHANGED)) == "needs-administrator"
    elsewhere = update(world, machine=a_request(LAB_08).machine)
    assert code(world, elsewhere) == "needs-administrator"
    assert world.rows("Licenses") == rows
    by_the_administrator = world.activate(a_request_file(CHANGED, "update", last_serial=1))
    assert world.ticket(by_the_administrator)["state"] == "ready"


@pytest.mark.attack
@pytest.mark.parametrize("kind", ["activate", "deactivate"])
def test_it_takes_and_gives_nothing(world: World, kind: str) -> None:
    world.sell(seats=2)
    world.activate(a_request_file(LAB_07))
    file = a_request_file(LAB_07, kind, id="f" * 32, signers=(LAB_07.load_key,))
    assert code(world, world.activate(file)) == "not-authentic"


def test_it_ends_with_the_seat(world: World) -> None:
    world.sell()
    world.activate(a_request_file(LAB_07))
    change_license.release_seat(world.licenses, NUMBER, 1)
    assert code(world, update(world)) == "not-activated"
    other = replace(LAB_07, installation=9)
    unknown = a_request_file(
        LAB_07, "update", load_key=other.load_key.public, signers=(other.load_key,)
    )
    assert code(world, world.activate(unknown)) == "not-authentic"
