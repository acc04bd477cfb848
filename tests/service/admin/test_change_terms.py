"""What becomes of terms, which of them contradict each other, which changes take rights away."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from keyferry_admin.errors.licenses import BadTerms, LicenseChanged
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import change_license, licenses
from keyferry_admin.use_cases.change_terms import reduces_rights, with_terms, write_terms
from keyferry_admin.use_cases.terms import Period
from keyferry_service.domain.license import LicenseRecord
from tests.support.samples import DAY, NOW, NUMBER, PRODUCT


def a_license(**terms: Any) -> LicenseRecord:
    return LicenseRecord(NUMBER, bytes(32), PRODUCT, valid_from=NOW, **terms)


def a_trial(**terms: Any) -> LicenseRecord:
    """A trial of 30 days, of which 10 are over."""
    return a_license(trial_days=30, first_issued_at=NOW - 10 * DAY, **terms)


def end_of(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, 23, 59, 59, tzinfo=UTC).timestamp())


@pytest.mark.parametrize("started", [None, NOW - 10 * DAY])
def test_a_trial_that_is_sold_ends_when_it_was_sold_to(started: int | None) -> None:
    trial = a_license(trial_days=30, first_issued_at=started)
    year = end_of(2027, 11, 24)
    sold = with_terms(trial, {"trial_days": None, "valid_until": year}, NOW)
    assert (sold.trial_days, sold.ends_at) == (None, year)
    assert with_terms(trial, {"trial_days": None}, NOW).ends_at is None
    assert not reduces_rights(trial, sold, NOW)


@pytest.mark.parametrize("trial", [a_trial(), a_license(trial_days=30)], ids=["used", "unused"])
@pytest.mark.parametrize("until", [NOW + 300 * DAY, None], ids=["a date", "never"])
def test_a_new_end_that_a_trial_would_not_reach_is_refused(
    trial: LicenseRecord, until: int | None
) -> None:
    with pytest.raises(BadTerms, match="a trial of 30 days") as refused:
        with_terms(trial, {"valid_until": until}, NOW)
    assert "--trial none --until DATE" in refused.value.next_step


def test_a_trial_can_end_sooner_or_take_longer() -> None:
    assert with_terms(a_trial(), {"valid_until": NOW + DAY}, NOW).ends_at == NOW + DAY
    assert with_terms(a_trial(), {"trial_days": 60}, NOW).ends_at == NOW + 50 * DAY


def test_every_term_that_can_be_missing_can_be_removed() -> None:
    full = a_license(
        lease_days=90,
        valid_until=NOW + DAY,
        maintenance_until=NOW + DAY,
        trial_days=30,
        features={"solver": True, "threads": 16},
    )
    none = dict.fromkeys(("lease_days", "valid_until", "maintenance_until", "trial_days"))
    bare = with_terms(full, {**none, "features": {"threads": None}}, NOW)
    assert bare == a_license(features={"solver": True})


def test_features_that_are_not_named_stay() -> None:
    before = a_license(features={"solver": True, "threads": 16})
    after = with_terms(before, {"features": {"threads": 32, "export": True}}, NOW)
    assert after.features == {"solver": True, "threads": 32, "export": True}


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"grace_days": 7}, "has no lease"),
        ({"grace_days": 7, "lease_days": None}, "has no lease"),
        ({"valid_until": NOW - 1}, "The license would have ended already"),
        ({"trial_days": 9}, "The license would have ended already"),
        ({"maintenance_until": NOW - 1}, "Maintenance would have ended already"),
        ({"features": {"export": None}}, "no feature export"),
        ({"seats": 0}, "number of seats"),
        ({"valid_until": Period(years=9999)}, "later than the year 9999"),
    ],
    ids=str,
)
def test_terms_that_contradict_one_another_or_have_passed_are_refused(
    terms: dict[str, Any], sentence: str
) -> None:
    before = a_license(first_issued_at=NOW - 10 * DAY)
    with pytest.raises(BadTerms, match=sentence):
        with_terms(before, terms, NOW)


def test_grace_can_change_where_there_is_a_lease_or_comes_one() -> None:
    assert with_terms(a_license(lease_days=90), {"grace_days": 7}, NOW).grace_days == 7
    with_terms(a_license(), {"grace_days": 7, "lease_days": 90}, NOW)


def test_a_new_license_has_no_conflicting_terms_either(stack: Stack) -> None:
    for terms in ({"grace_days": 7}, {"maintenance_until": NOW - 1}):
        with pytest.raises(BadTerms):
            licenses.create(stack.licenses, PRODUCT, NOW, NUMBER, **terms)  # type: ignore[arg-type]
    assert stack.licenses.get(NUMBER) is None


@pytest.mark.parametrize(
    ("present", "period", "then"),
    [
        pytest.param(None, Period(years=1), end_of(2027, 11, 24), id="no end: from today"),
        pytest.param(NOW - DAY, Period(days=30), end_of(2026, 12, 24), id="ended: from today"),
        pytest.param(end_of(2027, 5, 31), Period(years=1), end_of(2028, 5, 31), id="from its end"),
        pytest.param(end_of(2027, 5, 31), Period(days=30), end_of(2027, 6, 30), id="30 days"),
        pytest.param(end_of(2028, 2, 29), Period(years=1), end_of(2029, 2, 28), id="29 February"),
        pytest.param(end_of(2028, 2, 29), Period(years=4), end_of(2032, 2, 29), id="and again"),
    ],
)
def test_a_period_counts_from_the_present_end_or_today(
    present: int | None, period: Period, then: int
) -> None:
    before = a_license(valid_until=present, maintenance_until=present)
    after = with_terms(before, {"valid_until": period, "maintenance_until": period}, NOW)
    assert (after.valid_until, after.maintenance_until) == (then, then)


@pytest.mark.parametrize(
    ("terms", "takes_away"),
    [
        ({"seats": 1}, True),
        ({"seats": 3}, False),
        ({"valid_until": NOW + 1}, True),
        ({"valid_until": NOW + 2 * DAY}, False),
        ({"valid_until": None}, False),
        ({"trial_days": 30, "valid_until": None}, False),
        ({"maintenance_until": NOW}, True),
        ({"lease_days": 30}, True),
        ({"lease_days": 90, "grace_days": 13}, True),
        ({"lease_days": None, "grace_days": 13}, False),
        ({"lease_days": 91}, False),
        ({"moves_per_year": 3}, True),
        ({"features": {"solver": True, "threads": 17, "export": True}}, False),
        ({"features": {"solver": True, "threads": 15}}, True),
        ({"features": {"threads": 16}}, True),
        ({"edition": "Basic"}, False),
        ({"licensee": "Acme Holding"}, False),
        ({"product": "Other"}, True),
        ({"protections": ("machine", "dongle")}, True),
        ({"protections": ("dongle", "personal", "machine")}, False),
        ({"environments": ("physical", "virtual")}, False),
        ({"environments": ()}, True),
    ],
    ids=str,
)
def test_which_changes_reduce_rights(terms: dict[str, Any], takes_away: bool) -> None:
    before = a_license(
        seats=2,
        valid_until=NOW + DAY,
        lease_days=90,
        features={"solver": True, "threads": 16},
    )
    assert reduces_rights(before, replace(before, **terms), NOW) is takes_away


def test_a_shorter_trial_reduces_rights_and_a_longer_one_does_not() -> None:
    for trial in (a_trial(), a_license(trial_days=30)):
        assert reduces_rights(trial, replace(trial, trial_days=29), NOW)
        assert not reduces_rights(trial, replace(trial, trial_days=31), NOW)


def test_terms_are_written_over_a_license_that_was_used_in_the_meantime(stack: Stack) -> None:
    before = licenses.create(stack.licenses, PRODUCT, NOW, NUMBER, valid_until=NOW + DAY).license
    used = change_license.allow_move(stack.licenses, NUMBER)
    after = with_terms(before, {"seats": 5}, NOW)
    written = write_terms(stack.licenses, before, after)
    assert written == replace(used, seats=5, revision=2)
    assert licenses.find(stack.licenses, NUMBER) == written


def test_terms_that_someone_else_changed_are_not_written_over(stack: Stack) -> None:
    before = licenses.create(stack.licenses, PRODUCT, NOW, NUMBER, valid_until=NOW + DAY).license
    extended = change_license.change(
        stack.licenses, NUMBER, lambda license: replace(license, valid_until=NOW + 9 * DAY)
    )
    with pytest.raises(LicenseChanged):
        write_terms(stack.licenses, before, with_terms(before, {"valid_until": NOW + 5 * DAY}, NOW))
    assert licenses.find(stack.licenses, NUMBER) == extended


def test_terms_that_the_license_has_already_are_not_written(stack: Stack) -> None:
    before = licenses.create(stack.licenses, PRODUCT, NOW, NUMBER).license
    assert write_terms(stack.licenses, before, with_terms(before, {"seats": 1}, NOW)) == before
    assert licenses.find(stack.licenses, NUMBER).revision == 0
