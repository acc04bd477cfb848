"""How many machines can run at once, whatever their owner does."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keyferry_protocol.request import Request
from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.decide import decide
from keyferry_service.domain.ledger import entry_for, response_to
from keyferry_service.domain.license import DeviceKey, LedgerEntry, LicenseRecord, Seat
from keyferry_service.domain.request_context import Snapshot, anchor_keys
from tests.support.builders import SERVICE_KEY, Computer, a_license, a_request
from tests.support.samples import DAY, NOW, NUMBER

COMPUTERS = [Computer(f"PC-{number}") for number in range(7)]


@dataclass
class Service:
    """The tables of one license, and every machine that ran on its responses."""

    license: LicenseRecord
    seats: dict[int, Seat] = field(default_factory=dict)
    keys: dict[str, DeviceKey] = field(default_factory=dict)
    anchors: dict[str, int] = field(default_factory=dict)
    ledger: dict[str, LedgerEntry] = field(default_factory=dict)
    runs_until: dict[str, float] = field(default_factory=dict)  # by computer; patched ones lie
    now: int = NOW

    def ask(self, request: Request, computer: str) -> bool:
        snapshot = self.look_up(request)
        decision = decide(request, snapshot, [SERVICE_KEY], self.now)
        if isinstance(decision, Grant):
            self.write(request, decision)
        elif not isinstance(decision, LedgerEntry):
            return False
        if request.kind == "deactivate":  # an unpatched application stops as it asks
            return True
        lease = self.license.lease_days
        end = float("inf") if lease is None else self.now + (lease + self.license.grace_days) * DAY
        if isinstance(decision, Grant):
            self.runs_until[computer] = end
        return True

    def look_up(self, request: Request) -> Snapshot:
        key = self.keys.get(request.device_keyid)
        anchors = {self.anchors[row] for row in anchor_keys(request) if row in self.anchors}
        named = anchors | ({key.seat} if key else set()) | {request.replaces_seat}
        return Snapshot(
            license=self.license,
            device_key=key,
            ledger_entry=self.ledger.get(request.sha256),
            anchor_seats=frozenset(anchors),
            seats={number: seat for number, seat in self.seats.items() if number in named},
        )

    def write(self, request: Request, grant: Grant) -> None:
        assert grant.read_revision == self.license.revision
        assert grant.serial > self.license.revision
        assert grant.is_new is (grant.seat.number not in self.seats)
        self.license = grant.license
        self.seats[grant.seat.number] = grant.seat
        if grant.device_key is not None:
            self.keys[grant.device_key.keyid] = grant.device_key
        self.anchors |= dict.fromkeys(grant.anchor_keys, grant.seat.number)
        entry = entry_for(response_to(request, grant, self.now), grant)
        assert entry.request_sha256 not in self.ledger
        self.ledger[entry.request_sha256] = entry
        taken = [seat for seat in self.seats.values() if seat.taken]
        assert len(taken) == self.license.seats_used <= self.license.seats

    def running(self) -> int:
        return sum(end > self.now for end in self.runs_until.values())


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("activate", "activate", "reinstall", "replace", "update", "copy", "deactivate"),
                *("update by the load key", "copy by the load key"),
            ]
        ),
        st.integers(0, len(COMPUTERS) - 1),
        st.integers(1, 3),  # the seat to replace, or the computer whose state folder is copied
        st.sampled_from([0, 0, 1, 40, 300, 364]),  # days until then
    ),
    max_size=40,
)

REQUEST_OF = {
    "reinstall": "activate",
    "replace": "activate",
    "copy": "update",
    "update by the load key": "update",
    "copy by the load key": "update",
}


def play(service: Service, steps: Any) -> Any:
    """Each step as a hostile owner would take it; yields after each."""
    computers = list(COMPUTERS)
    for count, (step, which, seat, days) in enumerate(steps):
        service.now += days * DAY
        computer = computers[which]
        if step == "reinstall":
            computer = computers[which] = computer.reinstalled()
        kind = REQUEST_OF.get(step, step)
        owner = computers[seat] if step.startswith("copy") else computer
        request = a_request(
            owner,
            kind,
            signers=(owner.load_key,) if step.endswith("load key") else None,
            id=f"{count:032x}",
            created_at=service.now,
            replaces_seat=seat if step == "replace" else None,
            machine=a_request(computer).machine,
        )
        stops = kind == "deactivate" and service.ask(request, computer.name)
        if stops:
            service.runs_until.pop(computer.name, None)
        elif kind != "deactivate":
            service.ask(request, computer.name)
        yield


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, seats=st.integers(1, 3), moves=st.integers(0, 3))
def test_without_a_lease_each_year_adds_at_most_its_moves(
    steps: Any, seats: int, moves: int
) -> None:
    service = Service(a_license(seats=seats, moves_per_year=moves, valid_until=None))
    first = None
    for _ in play(service, steps):
        first = service.license.first_issued_at
        if first is not None:
            years = (service.now - first) // (365 * DAY) + 1
            assert service.running() <= seats + moves * years


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, seats=st.integers(1, 3), moves=st.integers(0, 3))
def test_with_a_lease_at_most_a_years_moves_run_beside_the_seats(
    steps: Any, seats: int, moves: int
) -> None:
    terms = {"lease_days": 335, "grace_days": 30, "valid_until": None}
    service = Service(a_license(seats=seats, moves_per_year=moves, **terms))
    for _ in play(service, steps):
        assert service.running() <= seats + moves


@pytest.mark.parametrize(
    ("days", "may_move"), [(0, False), (300, False), (364, False), (365, False), (366, True)]
)
def test_a_move_counts_until_the_machine_that_left_has_stopped(days: int, may_move: bool) -> None:
    terms = {"lease_days": 335, "grace_days": 30, "valid_until": None}
    service = Service(a_license(moves_per_year=1, **terms))
    service.ask(a_request(COMPUTERS[0]), "first")
    service.now += DAY // 2  # from noon on the day of the move to any time of another day
    service.ask(a_request(COMPUTERS[1], replaces_seat=1), "second")
    service.now += days * DAY - DAY // 2
    assert service.ask(a_request(COMPUTERS[2], replaces_seat=1), "third") is may_move
    assert service.running() <= 2


def test_the_bound_can_be_reached() -> None:
    service = Service(a_license(seats=1, moves_per_year=2, valid_until=None))
    for number in range(5):
        request = a_request(COMPUTERS[number], replaces_seat=1 if number else None)
        service.ask(request, COMPUTERS[number].name)
    assert service.running() == 3


def test_a_state_folder_copied_to_another_machine_takes_a_move_to_run_there() -> None:
    service = Service(a_license(seats=1, moves_per_year=1, valid_until=None))
    owner, *others = COMPUTERS
    service.ask(a_request(owner), owner.name)
    answered = [
        service.ask(a_request(owner, "update", machine=a_request(other).machine), other.name)
        for other in others[:2]
    ]
    assert answered == [True, False]
    assert service.running() == 2


@pytest.mark.parametrize("request_", [a_request(), a_request(COMPUTERS[1])])
def test_repeating_a_request_changes_nothing(request_: Request) -> None:
    service = Service(a_license())
    service.ask(request_, "any")
    before = replace(service.license)
    assert service.ask(request_, "any")
    assert service.license == before
    assert len(service.ledger) == 1
    assert service.license.number == NUMBER
