"""The figures of a vendor: known rows in, known numbers out."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from time import tzset
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyferry_admin.use_cases.figures.count import (
    Answer,
    Figure,
    Figures,
    Period,
    count_figures,
)
from keyferry_admin.use_cases.figures.words import REASONS, TITLES, change_in_words
from keyferry_protocol.response import RESPONSE_KINDS
from keyferry_service.adapters.refusals_dynamodb import KEPT_DAYS
from keyferry_service.domain.license import LicenseRecord, Status
from keyferry_service.domain.refusals import BEFORE_PROOF, Refusal, RefusalCode, RefusalRecord
from tests.support.builders import a_license
from tests.support.samples import DAY, NOW, NUMBER, PRODUCT

TODAY = date(2026, 11, 24)  # of NOW
WEEK = Period(date(2026, 11, 18), TODAY)
OTHER = "000000000001"


def at(day: str, time: str = "12:00:00") -> int:
    return int(datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC).timestamp())


def figures(
    licenses: list[LicenseRecord], answers: list[Answer] | None = None, **more: Any
) -> Figures:
    refusals, period = more.get("refusals", []), more.get("period", WEEK)
    return count_figures(licenses, answers or [], refusals, period, NOW)


def totals(figures: Figures) -> dict[str, int]:
    return {str(figure): figures.total(figure) for figure in Figure if figures.total(figure)}


def test_a_stack_without_licenses_has_no_figures() -> None:
    empty = figures([])
    assert (totals(empty), empty.seats, empty.ending, empty.products) == ({}, [], [], [])
    assert {empty.total_before(figure) for figure in Figure} == {0}


def test_each_kind_of_answer_is_a_figure_of_its_own() -> None:
    answers = [Answer(NUMBER, kind, NOW) for kind in RESPONSE_KINDS]
    counted = figures([a_license()], [*answers, Answer(NUMBER, "activate", NOW - DAY)])
    assert totals(counted) == {
        "activations": 2,
        "updates": 1,
        "deactivations": 1,
        "renewals": 1,
    }


@pytest.mark.parametrize(
    ("moment", "here", "before"),
    [
        pytest.param(at("2026-11-24", "23:59:59"), 1, 0, id="the last second"),
        pytest.param(at("2026-11-18", "00:00:00"), 1, 0, id="the first second"),
        pytest.param(at("2026-11-17", "23:59:59"), 0, 1, id="the second before it"),
        pytest.param(at("2026-11-11", "00:00:00"), 0, 1, id="the first second before"),
        pytest.param(at("2026-11-10", "23:59:59"), 0, 0, id="too early for both"),
        pytest.param(at("2026-11-25", "00:00:00"), 0, 0, id="after it"),
    ],
)
def test_a_period_has_whole_days_in_utc_and_one_as_long_before_it(
    moment: int, here: int, before: int
) -> None:
    counted = figures([a_license()], [Answer(NUMBER, "activate", moment)])
    assert counted.total(Figure.ACTIVATIONS) == here
    assert counted.total_before(Figure.ACTIVATIONS) == before
    assert len(counted.period) == len(counted.period.before) == 7


@pytest.fixture(params=["Pacific/Kiritimati", "America/Los_Angeles"])
def far_from_utc(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        tzset()
        yield
    tzset()


@pytest.mark.usefixtures("far_from_utc")
def test_the_computers_time_zone_changes_no_day() -> None:
    late, early = at("2026-11-20", "23:30:00"), at("2026-11-20", "00:30:00")
    counted = figures([a_license()], [Answer(NUMBER, "activate", each) for each in (late, early)])
    assert counted.of_day(Figure.ACTIVATIONS, date(2026, 11, 20), PRODUCT) == 2


def test_moves_are_counted_on_the_days_that_the_licenses_remember() -> None:
    moved = a_license(moves={"2026-11-24": 2, "2026-11-17": 1, "2025-12-01": 4})
    counted = figures([moved, a_license(number=OTHER, moves={"2026-11-24": 1})])
    assert counted.total(Figure.MOVES) == 3
    assert counted.total_before(Figure.MOVES) == 1
    assert counted.of_day(Figure.MOVES, TODAY, PRODUCT) == 3


def test_moves_of_more_than_a_year_ago_are_not_known() -> None:
    year = figures([a_license()], period=Period.last_days(TODAY, 200))
    assert year.total_before(Figure.MOVES) is None
    assert year.total_before(Figure.ACTIVATIONS) == 0
    assert year.is_known(Figure.MOVES, year.period)
    assert not year.is_known(Figure.MOVES, Period(date(2025, 11, 23), TODAY))
    assert year.is_known(Figure.MOVES, Period(date(2025, 11, 24), TODAY))


def refused(number: str, code: RefusalCode, at: int) -> RefusalRecord:
    return RefusalRecord(number, at, "activate", "LAB-07", "12345678", Refusal(code))


def test_refusals_are_counted_by_code_the_most_frequent_first() -> None:
    full, gone = RefusalCode.NO_SEATS_LEFT, RefusalCode.LICENSE_REVOKED
    kept = [
        refused(NUMBER, gone, NOW - DAY),
        *[refused(NUMBER, full, NOW)] * 2,
        refused(OTHER, full, NOW - 6 * DAY),
        refused(OTHER, gone, NOW - 7 * DAY),
        refused("000000000002", full, NOW),  # of no license that was asked for
    ]
    counted = figures([a_license(), a_license(number=OTHER)], refusals=kept)
    assert counted.reasons == [("no-seats-left", 3), ("license-revoked", 1)]
    assert counted.total(Figure.REFUSALS) == 4
    assert counted.total_before(Figure.REFUSALS) == 1
    assert counted.of_day(Figure.REFUSALS, TODAY, PRODUCT) == 2


def test_refusals_are_known_as_long_as_they_are_stored() -> None:
    whole = Period.last_days(TODAY, KEPT_DAYS)
    assert figures([], period=whole).is_known(Figure.REFUSALS, whole)
    longer = Period.last_days(TODAY, KEPT_DAYS + 1)
    assert not figures([], period=longer).is_known(Figure.REFUSALS, longer)
    assert figures([], period=whole).total_before(Figure.REFUSALS) is None


def test_each_refusal_that_is_stored_has_its_reason_in_words() -> None:
    assert set(REASONS) == set(RefusalCode) - set(BEFORE_PROOF)
    assert set(TITLES) == set(Figure)


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (119, 100, "+19% from 100"),
        (95, 100, "−5% from 100"),
        (0, 1_010, "−100% from 1,010"),
        (7, 7, "the same as before"),
        (7, 0, "before: none"),
        (7, None, "before: not known"),
    ],
)
def test_a_change_in_words(now: int, before: int | None, words: str) -> None:
    assert change_in_words(now, before) == words


def test_an_answer_counts_for_the_product_that_its_license_has_today() -> None:
    viewer = a_license(number=OTHER, product="Example Viewer")
    answers = [Answer(NUMBER, "activate", NOW), *[Answer(OTHER, "activate", NOW)] * 2]
    counted = figures([a_license(), viewer], answers)
    assert counted.products == ["Example Modeler", "Example Viewer"]
    assert counted.total(Figure.ACTIVATIONS, "Example Viewer") == 2
    assert counted.of_day(Figure.ACTIVATIONS, TODAY, "Example Modeler") == 1
    only = figures([viewer], answers)
    assert (only.products, totals(only)) == (["Example Viewer"], {"activations": 2})


@pytest.mark.parametrize(
    ("terms", "is_counted"),
    [
        pytest.param({}, True, id="a year to go"),
        pytest.param({"valid_until": None}, True, id="without an end"),
        pytest.param({"status": Status.SUSPENDED}, True, id="suspended, which may end again"),
        pytest.param({"status": Status.REVOKED}, False, id="revoked"),
        pytest.param({"valid_until": NOW}, False, id="ended this second"),
        pytest.param({"trial_days": 30}, True, id="a trial that nobody began"),
        pytest.param(
            {"trial_days": 30, "first_issued_at": NOW - 31 * DAY}, False, id="a past trial"
        ),
    ],
)
def test_seats_in_use_are_those_of_licenses_that_can_be_used(
    terms: dict[str, Any], is_counted: bool
) -> None:
    (seats,) = figures([a_license(seats=5, seats_used=3, **terms)]).seats
    expected = (1, 3, 5) if is_counted else (0, 0, 0)
    assert (seats.licenses, seats.in_use, seats.sold) == expected


@pytest.mark.parametrize(
    ("ends_at", "within"),
    [
        pytest.param(NOW, (0, 0, 0), id="ended"),
        pytest.param(NOW + 1, (1, 1, 1), id="in a second"),
        pytest.param(at("2026-12-24", "23:59:59"), (1, 1, 1), id="30 days"),
        pytest.param(at("2026-12-25", "00:00:00"), (0, 1, 1), id="31 days"),
        pytest.param(at("2027-02-22", "23:59:59"), (0, 0, 1), id="90 days"),
        pytest.param(at("2027-02-23", "00:00:00"), (0, 0, 0), id="91 days"),
        pytest.param(None, (0, 0, 0), id="never"),
    ],
)
def test_licenses_end_within_30_60_or_90_days(
    ends_at: int | None, within: tuple[int, int, int]
) -> None:
    counted = figures([a_license(valid_until=ends_at)])
    assert tuple(len(counted.ending_within(days)) for days in (30, 60, 90)) == within


def test_the_license_that_ends_first_comes_first() -> None:
    later = a_license(valid_until=NOW + 9 * DAY)
    sooner = replace(later, number=OTHER, trial_days=5, first_issued_at=NOW - DAY)
    ending = figures([later, sooner, replace(later, status=Status.REVOKED, number="2")]).ending
    assert [(each.license.number, each.days_left) for each in ending] == [(OTHER, 4), (NUMBER, 9)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([NUMBER, OTHER, "no license of ours"]),
            st.sampled_from(RESPONSE_KINDS),
            st.integers(NOW - 30 * DAY, NOW + DAY),
        ),
        max_size=30,
    ),
    st.integers(1, 20),
)
def test_days_and_products_add_up_to_the_total(rows: list[tuple[str, str, int]], days: int) -> None:
    licenses = [a_license(), a_license(number=OTHER, product="Example Viewer")]
    period = Period.last_days(TODAY, days)
    counted = figures(licenses, [Answer(*row) for row in rows], period=period)
    for figure in Figure:
        total = counted.total(figure)
        assert total == sum(counted.total(figure, product) for product in counted.products)
        assert total == sum(
            counted.of_day(figure, day, product) for day in period for product in counted.products
        )
    ours = [at for number, _, at in rows if number in (NUMBER, OTHER)]
    assert sum(totals(counted).values()) == sum(
        period.starts_at <= at <= period.ends_at for at in ours
    )
