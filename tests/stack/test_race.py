"""Many machines at one license at the same moment, on the real stack: its counts stay exact."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import keyferry
from keyferry_admin import licenses
from keyferry_protocol.keys import KeySet
from keyferry_service.licenses_dynamodb import Licenses
from tests.conftest import ROOT, RunningStack, start, stop, wait_until_ready
from tests.journeys import a_machine, carry, client, download

SEATS = 10
MACHINES = 40


class Room:
    """A license and a room full of offline machines that want it."""

    def __init__(self, stack: RunningStack, folder: Path, seats: int) -> None:
        self.stack = stack
        self.folder = folder
        self.licenses = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
        self.keys = KeySet.from_json((stack.run / "keys.json").read_bytes())
        self.product = stack.license["product"]
        made = licenses.create(self.licenses, self.product, int(time.time()), seats=seats)
        self.number, self.code = made.license.number, made.activation_code

    def place(self, machine: int) -> dict[str, Any]:
        folder = self.folder / str(machine)
        return {"product": self.product, "machine": a_machine(machine), "state_dir": folder}

    def request(self, machine: int, kind: str) -> bytes:
        code = self.code if kind == "activate" else None
        return keyferry.make_request(
            self.number, code, keys=self.keys, kind=kind, **self.place(machine)
        )

    def install(self, machine: int, response: bytes) -> None:
        keyferry.install_response(response, self.keys, **self.place(machine))

    def count(self) -> tuple[int, int]:
        """Seats that are taken by their rows, and by the license's own count."""
        license = self.licenses.get(self.number)
        assert license is not None
        return sum(seat.taken for seat in self.licenses.seats(self.number)), license.seats_used

    def serial(self, response: bytes) -> int:
        return keyferry.verify_response(response, self.keys).serial


@dataclass(frozen=True)
class Outcome:
    """What a race came to; `taken` and `given_back` are seats in the rows, and as counted."""

    won: int
    refusals: frozenset[str]
    taken: tuple[int, int]
    given_back: tuple[int, int]
    serials: tuple[int, ...]


EXACT = Outcome(
    won=SEATS,
    refusals=frozenset({"no-seats-left"}),
    taken=(SEATS, SEATS),
    given_back=(0, 0),
    serials=tuple(range(1, 2 * SEATS + 1)),
)


def race(room: Room, machines: int) -> Outcome:
    """All activate at once, then all who won give back at once."""
    seen = carry(room.stack, [room.request(n, "activate") for n in range(machines)])
    won = [n for n in range(machines) if seen[n]["state"] == "ready"]
    responses = [download(seen[n]) for n in won]
    taken = room.count()
    for machine, response in zip(won, responses, strict=True):
        room.install(machine, response)
    given = carry(room.stack, [room.request(n, "deactivate") for n in won])
    receipts = [download(ticket) for ticket in given]
    return Outcome(
        won=len(won),
        refusals=frozenset(seen[n]["refusal"]["code"] for n in range(machines) if n not in won),
        taken=taken,
        given_back=room.count(),
        serials=tuple(sorted(room.serial(file) for file in [*responses, *receipts])),
    )


@pytest.mark.timeout(300)
def test_forty_machines_get_exactly_ten_seats(stack: RunningStack, tmp_path: Path) -> None:
    assert race(Room(stack, tmp_path, SEATS), MACHINES) == EXACT


@contextmanager
def changed(folder: Path, edits: list[tuple[str, str, str]]) -> Iterator[RunningStack]:
    """A stack of its own with our files edited in its artifacts; each old text must be found."""
    build = folder / "build"
    shutil.copytree(ROOT / ".local" / "build", build, ignore=shutil.ignore_patterns("__pycache__"))
    for name, old, new in edits:
        text = (build / name).read_text()
        assert text.count(old) == 1, f"{old!r} is not once in {name}; this test must follow it"
        (build / name).write_text(text.replace(old, new))
    process = start(folder, "--build", str(build))
    try:
        yield wait_until_ready(process, folder)
    finally:
        stop(process)


APP = "functions/process_request/app.py"
TABLE = "shared/python/keyferry_service/licenses_dynamodb.py"
CLAIM = "        items += [self._lead_body(number, row, grant.seat) for row in grant.body_rows]\n"
# The lock of a process only saves work, and these decisions overlap whatever else goes on here.
AT_ONCE = [
    (APP, "with locks[request.license_number]:", "with suppress():"),
    (TABLE, CLAIM, f"{CLAIM}        __import__('time').sleep(0.3)\n"),
]
GUARD = '"#revision = :read"'
UNGUARDED = (TABLE, GUARD, '"#revision = :read OR attribute_exists(pk)"')


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("edits", "is_exact"),
    [
        pytest.param(AT_ONCE, True, id="guarded: exact"),
        pytest.param([*AT_ONCE, UNGUARDED], False, id="without the revision: lost"),
    ],
)
def test_it_is_the_revision_that_decides_the_race(
    tmp_path: Path, edits: list[tuple[str, str, str]], is_exact: bool
) -> None:
    """So the test above can fail: with the guard out of the artifact, seats are counted wrong."""
    with changed(tmp_path, edits) as stack:
        outcome = race(Room(stack, tmp_path / "room", SEATS), SEATS + 1)
    assert (outcome == EXACT) is is_exact
    assert (outcome.given_back == EXACT.given_back) is is_exact
