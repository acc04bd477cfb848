"""Somebody who holds the activation code and wants more machines than were sold.

The bounds: k seats, m moves a year, r times that the vendor helped. Tested elsewhere: machines that
ask at the same moment (tests/service/functions/test_answering.py,
`test_a_batch_of_one_license_never_oversells`; on the real stack tests/stack/test_races.py).
"""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from keyferry_admin.use_cases import change_license
from keyferry_protocol.activation import activation_key
from keyferry_protocol.matching import is_same_machine
from keyferry_protocol.response import Response, verify_response
from tests.support.builders import (
    ACTIVATION,
    LAB_07,
    LAB_08,
    Computer,
    a_key,
    a_request,
    a_request_file,
)
from tests.support.samples import BARE_CODE, DAY, NUMBER
from tests.support.world import KEYS, World

pytestmark = pytest.mark.attack

SEATS, MOVES = 2, 3
YEAR = 366 * DAY


class Eve:
    """Has the code, as many machines as she likes, and copies every state and response."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.machines: list[Computer] = []
        self.keys: list[Computer] = []  # whose device key is believed to hold a seat
        self.responses: list[Response] = []
        self.requests = 0

    def ask(self, computer: Computer, kind: str = "activate", **changes: Any) -> bool:
        """Hand in a new request; whether it was answered."""
        self.requests += 1
        changes |= {"id": f"{self.requests:032x}", "created_at": self.world.now}
        ticket = self.world.activate(a_request_file(computer, kind, **changes))
        if self.world.ticket(ticket)["state"] != "ready":
            return False
        self.responses.append(verify_response(self.world.response(ticket), KEYS))
        return True

    def another(self) -> Computer:
        self.machines.append(Computer(f"EVE-{len(self.machines)}"))
        return self.machines[-1]

    def running(self) -> int:
        """On how many of her machines the application would start now."""
        return sum(map(self._runs, self.machines))

    def _runs(self, machine: Computer) -> bool:
        components = machine.components("machine")
        return any(
            is_same_machine(one.bound_to.components, components)
            and (one.check_in_by is None or self.world.now < one.check_in_by + one.grace_days * DAY)
            for one in self.responses
            if not one.is_receipt
        )


def activates(eve: Eve) -> bool:
    computer = eve.another()
    taken = eve.ask(computer)
    eve.keys += [computer] * taken
    return taken


def gives_back_and_activates_another(eve: Eve) -> bool:
    if eve.keys:
        eve.ask(eve.keys.pop(0), "deactivate")
    return activates(eve)


def says_that_a_machine_is_lost(eve: Eve) -> bool:
    computer = eve.another()
    taken = any(eve.ask(computer, replaces_seat=n) for n in range(1, SEATS + 1))
    eve.keys = [*eve.keys[taken:], *[computer] * taken]
    return taken


def updates_from_another_machine(eve: Eve) -> bool:
    """The device key copied over: the seat is bound anew, and she keeps the old response."""
    computer, machine_of_request = eve.another(), a_request().machine
    machine = replace(
        machine_of_request, name=computer.name, components=computer.components("machine")
    )
    return any(eve.ask(key, "update", machine=machine) for key in eve.keys)


WAYS = [
    gives_back_and_activates_another,
    says_that_a_machine_is_lost,
    updates_from_another_machine,
]


def exhaust(eve: Eve, *ways: Callable[[Eve], bool], patience: int = 3) -> None:
    """Take all seats, then go these ways until none leads on."""
    while activates(eve):
        pass
    failures = 0
    draw = random.Random(7)
    while failures < patience * len(ways):
        failures = 0 if draw.choice(ways)(eve) else failures + 1


@pytest.fixture
def eve(world: World) -> Eve:
    world.sell(seats=SEATS, moves_per_year=MOVES, valid_until=None)
    return Eve(world)


def test_without_a_move_she_runs_as_many_machines_as_there_are_seats(eve: Eve) -> None:
    exhaust(eve, activates)
    assert eve.running() == SEATS


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_move_ends_at_seats_and_moves(eve: Eve, way: Callable[[Eve], bool]) -> None:
    exhaust(eve, way)
    assert eve.running() == SEATS + MOVES


def test_all_ways_together_end_at_seats_and_moves_and_another_year_adds_its_moves(
    eve: Eve,
) -> None:
    exhaust(eve, *WAYS)
    assert eve.running() == SEATS + MOVES
    eve.world.now += YEAR
    exhaust(eve, *WAYS)
    assert eve.running() == SEATS + 2 * MOVES


def test_each_help_of_the_vendor_adds_one_machine(eve: Eve) -> None:
    assert activates(eve)
    change_license.release_seat(eve.world.licenses, NUMBER, 1)  # she said that it was lost
    change_license.allow_move(eve.world.licenses, NUMBER)
    exhaust(eve, *WAYS)
    assert eve.running() == SEATS + MOVES + 2


def test_with_a_lease_more_than_a_year_adds_no_machine(world: World) -> None:
    world.sell(seats=SEATS, moves_per_year=MOVES, valid_until=None, lease_days=30, grace_days=14)
    eve = Eve(world)
    most = 0
    for _ in range(5):
        exhaust(eve, *WAYS, patience=1)
        most = max(most, eve.running())
        assert eve.running() <= SEATS + MOVES
        world.now += 88 * DAY
    assert most == SEATS + MOVES
    assert eve.running() == 0  # nobody updated: all leases and their grace are over


def test_no_request_pushes_the_serial_so_far_that_the_license_ends(eve: Eve) -> None:
    assert eve.ask(LAB_07, last_serial=2**53 - 1)
    assert eve.world.license().revision == 1_000_001


def test_who_took_all_seats_with_a_stolen_code_loses_them_to_a_new_code(eve: Eve) -> None:
    world = eve.world
    thieves = [eve.another(), eve.another()]
    assert all(map(eve.ask, thieves))
    full = world.ticket(world.activate(a_request_file(LAB_07)))["refusal"]
    assert full["code"] == "no-seats-left"
    assert [seat["machine_name"] for seat in full["seats"]] == ["EVE-0", "EVE-1"]
    renewed = change_license.replace_code(world.licenses, NUMBER)
    for seat in (1, 2):
        change_license.release_seat(world.licenses, NUMBER, seat)
    activation = activation_key(renewed.activation_code, NUMBER)
    for computer in (LAB_07, LAB_08):
        ours = a_request_file(computer, activation=activation, id=f"{computer.name[-2:]:0>32}")
        assert world.ticket(world.activate(ours))["state"] == "ready"
    for thief in thieves:
        anew = world.activate(a_request_file(thief, id="f" * 32))
        assert world.ticket(anew)["refusal"]["code"] == "not-authentic"
        update = world.activate(a_request_file(thief, "update", id="e" * 32))
        assert world.ticket(update)["refusal"]["code"] == "not-activated"


def test_a_code_proves_nothing_for_another_license(world: World) -> None:
    """Its key is derived from the number too: codes of many licenses open no other."""
    assert activation_key(BARE_CODE, "015120020094").public != ACTIVATION.public
    world.sell()
    other = a_request_file(LAB_07, activation=activation_key(BARE_CODE, "015120020094"))
    assert world.ticket(world.activate(other))["refusal"]["code"] == "not-authentic"


def test_a_stolen_device_key_updates_and_frees_its_own_seat_and_no_other(world: World) -> None:
    world.sell(seats=3)
    world.activate(a_request_file(LAB_07))
    world.activate(a_request_file(LAB_08))
    stolen = LAB_07.device
    files = {
        "activate a machine": a_request_file(LAB_07, signers=(stolen,), id="1" * 32),
        "with a guess": a_request_file(LAB_07, activation=a_key("guess"), id="2" * 32),
        "another's update": a_request_file(
            LAB_08, "update", signers=(stolen,), device_key=LAB_08.device.public
        ),
    }
    for file in files.values():
        assert world.ticket(world.activate(file))["refusal"]["code"] == "not-authentic"
    world.activate(a_request_file(LAB_07, "deactivate"))
    assert [seat.machine_name for seat in world.licenses.seats(NUMBER) if seat.taken] == ["LAB-08"]
