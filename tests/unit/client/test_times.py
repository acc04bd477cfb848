"""Moments as people read them, from the first that a file can name to the last."""

import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyferry.store.clock import MAX_TIME
from keyferry.times import (
    as_datetime,
    local_time,
    local_time_with_zone,
    long_date,
    seconds,
    short_date,
)
from keyferry_protocol.encoding import format_time, parse_time

FIRST = parse_time("0001-01-01T00:00:00Z")


@pytest.fixture(params=["UTC", "Asia/Tokyo", "America/New_York"], scope="module", autouse=True)
def _zone(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("moment", "date"),
    [
        pytest.param(FIRST, "1 January 1", id="the first"),
        pytest.param(MAX_TIME, "31 December 9999", id="the last"),
    ],
)
def test_the_ends_of_the_calendar_are_shown_everywhere(moment: int, date: str) -> None:
    assert long_date(moment) == date
    for text in (local_time(moment), local_time_with_zone(moment)):
        assert text.startswith(f"{date}, ")


@given(st.integers(FIRST, MAX_TIME))
def test_every_moment_that_a_file_can_name_is_shown(moment: int) -> None:
    assert seconds(as_datetime(moment)) == parse_time(format_time(moment)) == moment
    assert as_datetime(moment).isoformat() == f"{format_time(moment)[:-1]}+00:00"
    assert local_time_with_zone(moment).startswith(local_time(moment))
    assert short_date(moment).split()[::2] == long_date(moment).split()[::2]
