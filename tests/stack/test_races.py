"""Many machines at one license at the same moment, on the real stack: its counts stay exact."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from keyferry_admin.use_cases import change_license
from keyferry_service.domain.license import Status
from tests.stack.crowd import Counts, Crowd, refusals, responses
from tests.support.running_stack import ROOT, RunningStack, start, stop, wait_until_ready

pytestmark = pytest.mark.timeout(300)
FEW = 24  # where the vendor or another file of the same machine races against each


@pytest.fixture
def machines(pytestconfig: pytest.Config) -> int:
    """So many that no function takes all of them at once."""
    number: int = pytestconfig.getoption("machines")
    return number


@pytest.mark.parametrize("share", [0, 0.25, 1])
def test_many_machines_get_exactly_the_seats_that_were_sold(
    stack: RunningStack, round_number: int, machines: int, share: float
) -> None:
    seats = max(1, int(share * machines))
    crowd = Crowd(stack, seats=seats)
    given_up = crowd.dead_letters()
    answers = crowd.all_answered([crowd.file(machine) for machine in range(machines)])
    won = responses(answers)
    assert refusals(answers) == ["no-seats-left"] * (machines - seats)
    assert sorted(response.seat for response in won) == list(range(1, seats + 1))
    assert sorted(response.serial for response in won) == list(range(1, seats + 1))
    assert crowd.counts() == Counts(taken=seats, used=seats, ledger=seats, revision=seats)
    assert crowd.ledger() == {r.request_sha256: r.envelope.body for r in won}
    assert crowd.dead_letters() == given_up


def test_one_file_sent_many_times_is_one_seat_and_one_answer(
    stack: RunningStack, round_number: int, machines: int
) -> None:
    crowd = Crowd(stack, seats=machines)
    given_up = crowd.dead_letters()
    answers = crowd.all_answered([crowd.file(1)] * machines)
    bodies = [response.envelope.body for response in responses(answers)]
    assert len(bodies) == machines
    assert set(bodies) == set(crowd.ledger().values())
    assert crowd.counts() == Counts(taken=1, used=1, ledger=1, revision=1)
    assert crowd.dead_letters() == given_up


def test_one_machine_with_many_requests_keeps_to_its_one_seat(
    stack: RunningStack, round_number: int
) -> None:
    crowd = Crowd(stack, seats=FEW)
    answers = crowd.all_answered([crowd.file(1, id=f"{n:032x}") for n in range(FEW)])
    won = responses(answers)
    assert {response.seat for response in won} == {1}
    assert sorted(response.serial for response in won) == list(range(1, FEW + 1))
    assert crowd.counts() == Counts(taken=1, used=1, ledger=FEW, revision=FEW)


def test_nothing_is_answered_after_a_license_was_revoked(
    stack: RunningStack, round_number: int
) -> None:
    crowd = Crowd(stack, seats=2 * FEW)
    tickets = crowd.send([crowd.file(machine) for machine in range(FEW)])
    while crowd.license().revision == 0:  # so that some are answered, and some are on their way
        time.sleep(0.01)
    last = change_license.set_status(crowd.licenses, crowd.number, Status.REVOKED).revision
    too_late = crowd.send([crowd.file(FEW)])
    answers = crowd.answers([*tickets, *too_late])
    won = len(responses(answers))
    assert sorted(response.serial for response in responses(answers)) == list(range(1, last))
    assert refusals(answers) == ["license-revoked"] * (FEW + 1 - won)
    assert crowd.counts() == Counts(taken=won, used=won, ledger=won, revision=won + 1)


def test_a_seat_that_the_vendor_releases_goes_to_one_machine_alone(
    stack: RunningStack, round_number: int
) -> None:
    """The license is full all the time: whoever comes too early is refused, nobody is too many."""
    crowd = Crowd(stack, seats=FEW)
    before = responses(crowd.all_answered([crowd.file(machine) for machine in range(FEW)]))
    with ThreadPoolExecutor(1) as vendor:
        released = [
            vendor.submit(change_license.release_seat, crowd.licenses, crowd.number, response.seat)
            for response in before
        ]
        answers = crowd.all_answered([crowd.file(FEW + machine) for machine in range(FEW)])
        freed_at = [future.result()[0].revision for future in released]
    won = responses(answers)
    assert refusals(answers) == ["no-seats-left"] * (FEW - len(won))
    assert sorted(r.seat for r in won) == list(range(FEW + 1, FEW + 1 + len(won)))
    taken_at = [response.serial for response in won]
    assert sorted([*freed_at, *taken_at]) == list(range(FEW + 1, 2 * FEW + 1 + len(won)))
    for serial in taken_at:  # at that moment more seats had been freed than taken
        assert sum(t <= serial for t in taken_at) <= sum(f < serial for f in freed_at)
    assert crowd.counts() == Counts(len(won), len(won), FEW + len(won), 2 * FEW + len(won))


def test_a_machine_that_gives_back_and_updates_at_once_has_no_seat_in_the_end(
    stack: RunningStack, round_number: int
) -> None:
    crowd = Crowd(stack, seats=FEW)
    crowd.all_answered([crowd.file(machine) for machine in range(FEW)])
    files = [
        crowd.file(machine, kind) for machine in range(FEW) for kind in ("update", "deactivate")
    ]
    answers = crowd.all_answered(files)
    updates, receipts = answers[::2], responses(answers[1::2])
    assert len(receipts) == FEW
    for update, receipt in zip(updates, receipts, strict=True):
        assert update == "not-activated" or update.serial < receipt.serial  # type: ignore[union-attr]
    answered = len(responses(answers))
    assert sorted(r.serial for r in responses(answers)) == list(range(FEW + 1, FEW + 1 + answered))
    assert crowd.counts() == Counts(0, 0, ledger=FEW + answered, revision=FEW + answered)


SEATS = 10


@dataclass(frozen=True)
class Outcome:
    """What a race came to."""

    won: int
    refusals: frozenset[str]
    taken: Counts
    given_back: Counts
    serials: tuple[int, ...]


EXACT = Outcome(
    won=SEATS,
    refusals=frozenset({"no-seats-left"}),
    taken=Counts(SEATS, SEATS, SEATS, SEATS),
    given_back=Counts(0, 0, 2 * SEATS, 2 * SEATS),
    serials=tuple(range(1, 2 * SEATS + 1)),
)


def race(crowd: Crowd, machines: int) -> Outcome:
    """All activate at once, then all who won release at once."""
    answers = crowd.all_answered([crowd.file(machine) for machine in range(machines)])
    won = [machine for machine in range(machines) if not isinstance(answers[machine], str)]
    taken = crowd.counts()
    receipts = crowd.all_answered([crowd.file(machine, "deactivate") for machine in won])
    return Outcome(
        won=len(won),
        refusals=frozenset(refusals(answers)),
        taken=taken,
        given_back=crowd.counts(),
        serials=tuple(sorted(r.serial for r in responses([*answers, *receipts]))),
    )


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


ANSWER = "shared/python/keyferry_service/use_cases/answer_request.py"
DECISIONS = "shared/python/keyferry_service/adapters/decisions_dynamodb.py"
ROWS = "shared/python/keyferry_service/adapters/license_rows_dynamodb.py"
CLAIM = (
    "        items += [self._put_anchor_index(number, row, grant.seat) "
    "for row in grant.anchor_keys]\n"
)
# The lock of a process only saves work, and these decisions overlap whatever else goes on here.
AT_ONCE = [
    (
        ANSWER,
        "if not lock.acquire(blocking=False):",
        "lock = RLock()\n                if not lock.acquire():",
    ),
    (DECISIONS, CLAIM, f"{CLAIM}        __import__('time').sleep(0.3)\n"),
]
GUARD = '"#revision = :read"'
UNGUARDED = (ROWS, GUARD, '"#revision = :read OR attribute_exists(pk)"')


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
    """So the tests above can fail: with the guard out of the artifact, seats are counted wrong."""
    with changed(tmp_path, edits) as stack:
        outcome = race(Crowd(stack, seats=SEATS), SEATS + 1)
    assert (outcome == EXACT) is is_exact
    assert (outcome.given_back == EXACT.given_back) is is_exact
