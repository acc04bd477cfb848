"""What a refusal has besides its code: which of its sentences applies, and the facts in it."""

from dataclasses import replace
from typing import Any

import pytest

from keyferry_protocol.request import Request
from keyferry_service.domain.decide import decide
from keyferry_service.domain.license import DeviceKey, LicenseRecord, Seat
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.request_context import Snapshot
from tests.support.builders import LAB_07, LAB_08, SERVICE_KEY, a_license, a_request, a_seat
from tests.support.samples import DAY, NOW

TODAY = "2026-11-24"
TOMORROW_IN_A_YEAR = 1_827_100_800  # 2027-11-25T00:00:00Z, when today's moves no longer count
FULL = a_license(seats_used=1, seats_ever_used=1)


@pytest.mark.parametrize(
    ("request_", "license", "seat", "variant", "facts"),
    [
        pytest.param(a_request(), None, None, "", {}, id="no such license: nothing at all"),
        pytest.param(
            a_request(trusts=("0123456789abcdef",)),
            a_license(),
            None,
            "",
            {"product": "Example Modeler"},
            id="keys too old: of which product a newer version is needed",
        ),
        pytest.param(
            a_request(),
            a_license(valid_until=NOW),
            None,
            "",
            {"ended_at": NOW},
            id="expired: when it ended, and that is the first second without it",
        ),
        pytest.param(
            a_request(),
            a_license(trial_days=30, first_issued_at=NOW - 31 * DAY),
            None,
            "",
            {"ended_at": NOW - DAY},
            id="expired: when a trial's term ended",
        ),
        pytest.param(
            a_request(product=replace(a_request().product, name="Viewer")),
            a_license(),
            None,
            "",
            {"licensed": "Example Modeler", "requested": "Viewer"},
            id="another product: both names",
        ),
        pytest.param(
            a_request(protection="personal"),
            a_license(protections=("machine", "dongle")),
            None,
            "",
            {"chosen": "personal", "allowed": ["machine", "dongle"]},
            id="protection not allowed: what was chosen, and what may be",
        ),
        pytest.param(
            a_request(protection="personal"),
            a_license(),
            a_seat(),
            "other-seat",
            {"protection": "machine"},
            id="protection of its seat: which it is",
        ),
        pytest.param(
            a_request(replace(LAB_07, environment="virtual")),
            a_license(),
            None,
            "virtual",
            {},
            id="a virtual machine is called that",
        ),
        pytest.param(
            a_request(replace(LAB_07, environment="container")),
            a_license(),
            None,
            "container",
            {},
            id="a container is called that",
        ),
        pytest.param(
            a_request(LAB_08, replaces_seat=5),
            FULL,
            None,
            "",
            {"n": 5, "moves_left": 4},
            id="no such seat: the number that was asked for",
        ),
        pytest.param(
            a_request(LAB_08),
            replace(FULL, moves={TODAY: 4}),
            None,
            "",
            {"n": 1, "moves_left": 0, "next_move_at": TOMORROW_IN_A_YEAR},
            id="no seats left: how many there are, and when one may be moved",
        ),
        pytest.param(
            a_request(LAB_08, replaces_seat=1),
            replace(FULL, moves={TODAY: 4}),
            a_seat(),
            "",
            {"next_move_at": TOMORROW_IN_A_YEAR},
            id="move limit: when a move is possible again",
        ),
        pytest.param(
            a_request(LAB_08, replaces_seat=1),
            replace(FULL, moves_per_year=0),
            a_seat(),
            "",
            {"next_move_at": None},
            id="move limit: never, where the license allows no moves",
        ),
    ],
)
def test_the_facts_of_a_refusal(
    request_: Request,
    license: LicenseRecord | None,
    seat: Seat | None,
    variant: str,
    facts: dict[str, Any],
) -> None:
    """The seat, where there is one, is the one that the request's key leads to."""
    key = DeviceKey(request_.device_keyid, seat.number) if seat else None
    rows = Snapshot(license, key, seats={seat.number: seat} if seat else {})
    decision = decide(request_, rows, [SERVICE_KEY], NOW)
    assert isinstance(decision, Refusal)
    assert (decision.variant, decision.facts) == (variant, facts)


def test_a_refusal_is_stored_as_it_is() -> None:
    refusal = Refusal(RefusalCode.PROTECTION_NOT_ALLOWED, "other-seat", {"protection": "dongle"})
    document = refusal.as_json()
    assert document == {
        "code": "protection-not-allowed",
        "variant": "other-seat",
        "facts": {"protection": "dongle"},
    }
    assert Refusal.from_json(document) == refusal


def test_the_seats_in_use_are_listed_by_their_last_response_and_may_be_offered() -> None:
    refusal = Refusal(RefusalCode.NO_SEATS_LEFT, facts={"n": 2})
    seats = [a_seat(LAB_07, 1, last_response_at=NOW), a_seat(LAB_08, 2, renewed_at=NOW)]
    listed = refusal.with_seats(seats)
    assert listed.facts == {
        "n": 2,
        "seats": [
            {
                "seat": 2,
                "machine_name": "LAB-08",
                "since": NOW - DAY,
                "last_answered": NOW - DAY,
                "renewed_at": NOW,
            },
            {
                "seat": 1,
                "machine_name": "LAB-07",
                "since": NOW - DAY,
                "last_answered": NOW,
                "renewed_at": None,
            },
        ],
    }
    assert listed.offering_seats().facts == {**listed.facts, "choose_seat": True}
    assert listed.without_seats == refusal


def test_a_refusal_lists_fifty_seats_at_most() -> None:
    seats = [a_seat(number=number) for number in range(1, 60)]
    refusal = Refusal(RefusalCode.NO_SEATS_LEFT).with_seats(seats)
    assert [each["seat"] for each in refusal.facts["seats"]] == list(range(1, 51))
