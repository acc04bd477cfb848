"""What a renewal gives a seat, for which seats there is none, and when it gives nothing new."""

from dataclasses import replace
from typing import Any

import pytest

from keyferry_protocol.response import ResponseBody
from keyferry_service.domain.ledger import response_of
from keyferry_service.domain.license import RegisteredDongle, Status
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.renew import Renewal, grants_the_same, renew
from tests.support.builders import LAB_07, Computer, a_key, a_license, a_seat
from tests.support.samples import DAY, NOW

DONGLE = a_key("dongle")
AT_A_DONGLE = Computer("LAB-07", dongle=DONGLE)
LICENSE = a_license(seats_used=1, seats_ever_used=1, revision=7)


def the_dongle(seat: int | None = 1) -> RegisteredDongle:
    return RegisteredDongle(DONGLE.keyid, DONGLE.alg, DONGLE.public, "Token", "1", seat)


def test_a_renewal_gives_todays_terms_and_leaves_the_machine_as_it_is() -> None:
    seat = a_seat()
    renewal = renew(LICENSE, seat, None, NOW)
    after = replace(LICENSE, revision=8, first_issued_at=NOW)
    renewed = seat.with_renewal(8, NOW, LICENSE.valid_until)
    assert renewal == Renewal(after, renewed, None, 7, seat.valid_until)
    assert renewal.serial == 8


def test_a_renewal_starts_no_trial_anew() -> None:
    begun = replace(LICENSE, trial_days=30, valid_until=None, first_issued_at=NOW - 10 * DAY)
    renewal = renew(begun, a_seat(), None, NOW)
    assert isinstance(renewal, Renewal)
    assert renewal.seat.valid_until == NOW + 20 * DAY


def test_the_seat_of_a_dongle_is_renewed_for_that_dongle() -> None:
    dongle = the_dongle()
    renewal = renew(LICENSE, a_seat(AT_A_DONGLE, protection="dongle"), dongle, NOW)
    assert isinstance(renewal, Renewal)
    assert renewal.dongle == dongle


@pytest.mark.parametrize(
    ("license", "seat", "refusal"),
    [
        pytest.param(
            {"status": Status.REVOKED},
            {"taken": False, "number": 4},
            Refusal(RefusalCode.NO_SUCH_SEAT, facts={"n": 4}),
            id="free, whatever else",
        ),
        pytest.param(
            {"status": Status.REVOKED},
            {"computer": replace(LAB_07, parts=("os_id",))},
            Refusal(RefusalCode.MACHINE_NOT_IDENTIFIED),
            id="recorded with too little to recognize its machine by",
        ),
        pytest.param(
            {"status": Status.SUSPENDED}, {}, Refusal(RefusalCode.LICENSE_SUSPENDED), id="suspended"
        ),
        pytest.param(
            {"status": Status.REVOKED, "protections": ("dongle",)},
            {},
            Refusal(RefusalCode.LICENSE_REVOKED),
            id="revoked",
        ),
        pytest.param(
            {"valid_until": NOW},
            {},
            Refusal(RefusalCode.LICENSE_EXPIRED, facts={"ended_at": NOW}),
            id="ended",
        ),
        pytest.param(
            {"protections": ("personal",)},
            {},
            Refusal(
                RefusalCode.PROTECTION_NOT_ALLOWED,
                facts={"chosen": "machine", "allowed": ["personal"]},
            ),
            id="bound to what is not allowed any more",
        ),
        pytest.param(
            {},
            {"computer": AT_A_DONGLE, "protection": "dongle", "dongle": None},
            Refusal(RefusalCode.DONGLE_NOT_REGISTERED),
            id="of a dongle that was removed",
        ),
        pytest.param(
            {},
            {"computer": AT_A_DONGLE, "protection": "dongle", "dongle": the_dongle(2)},
            Refusal(RefusalCode.NOT_ACTIVATED),
            id="of a dongle that has another seat by now",
        ),
    ],
)
def test_a_seat_is_not_renewed(
    license: dict[str, Any], seat: dict[str, Any], refusal: Refusal
) -> None:
    row = {**seat}
    dongle = row.pop("dongle", None)
    taken = a_seat(row.pop("computer", LAB_07), **row)
    assert renew(replace(LICENSE, **license), taken, dongle, NOW) == refusal


def test_a_machines_seat_asks_for_no_dongle() -> None:
    assert isinstance(renew(LICENSE, a_seat(), the_dongle(2), NOW), Renewal)


def a_response(now: int = NOW, **terms: Any) -> ResponseBody:
    renewal = renew(replace(LICENSE, **terms), a_seat(), None, now)
    assert isinstance(renewal, Renewal)
    return response_of(renewal, now)


@pytest.mark.parametrize(
    ("before", "after", "is_same"),
    [
        pytest.param({}, {"now": NOW + DAY}, True, id="a later day alone"),
        pytest.param({}, {"valid_until": NOW + 400 * DAY}, False, id="another end"),
        pytest.param({}, {"features": {}}, False, id="other features"),
        pytest.param({}, {"grace_days": 7}, False, id="another grace period"),
        pytest.param({}, {"lease_days": 90}, False, id="a check-in where there was none"),
        pytest.param({"lease_days": 90}, {}, False, id="no check-in where there was one"),
        pytest.param(
            {"lease_days": 90},
            {"lease_days": 90, "now": NOW + DAY - 1},
            True,
            id="a check-in not quite a day later",
        ),
        pytest.param(
            {"lease_days": 90},
            {"lease_days": 90, "now": NOW + DAY},
            False,
            id="a check-in a day later",
        ),
        pytest.param({"lease_days": 90}, {"lease_days": 60}, False, id="an earlier check-in"),
    ],
)
def test_a_renewal_says_whether_it_grants_the_same(
    before: dict[str, Any], after: dict[str, Any], is_same: bool
) -> None:
    assert grants_the_same(a_response(**before), a_response(**after)) is is_same
