"""The high-water mark: what raises it, and the only event that lowers it fairly."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyferry import KeyferryError
from keyferry.store.clock import Clock
from keyferry.store.clock_file import read_clock
from tests.support.offline import Room
from tests.support.samples import DAY, NOW

YEAR = 365 * DAY


def mark(room: Room) -> int:
    return read_clock(room.state_dirs.user).mark


def code(room: Room) -> str:
    with pytest.raises(KeyferryError) as excinfo:
        room.load()
    return excinfo.value.code


def test_the_mark_is_the_latest_observed_time(room: Room) -> None:
    room.activate()
    room.now = NOW + 5 * DAY
    room.load()
    assert mark(room) == NOW + 5 * DAY
    room.now = NOW + 4 * DAY
    room.load()
    assert mark(room) == NOW + 5 * DAY
    room.now = NOW + 4 * DAY - 1
    assert code(room) == "clock-rolled-back"


def test_a_clock_that_is_behind_does_not_stop_time(room: Room) -> None:
    room.activate(check_in_by=NOW + DAY, grace_days=0)
    room.now = NOW + DAY
    assert code(room) == "check-in-overdue"
    room.now = NOW + DAY - 7200  # not far enough behind to count as set back
    assert code(room) == "check-in-overdue"


def test_load_writes_the_mark_at_most_once_in_ten_minutes(room: Room) -> None:
    room.activate()
    room.load()
    before = room.files()
    room.now += 599
    room.load()
    assert room.files() == before
    room.now += 1
    room.load()
    assert mark(room) == NOW + 600


def test_a_later_issue_date_raises_the_mark(room: Room) -> None:
    response = room.answer(room.request(), issued_at=NOW + DAY)
    room.install(response)
    assert mark(room) == NOW + DAY
    room.now = NOW - 1
    assert code(room) == "clock-rolled-back"


def test_an_update_corrects_a_wrong_mark(room: Room) -> None:
    room.activate()
    room.now = NOW + 100 * DAY  # a dead battery, in the other direction
    room.load()
    room.now = NOW + DAY
    assert code(room) == "clock-rolled-back"
    room.install(room.answer(room.request("update")))
    assert room.load().check()
    assert mark(room) == NOW + DAY
    assert read_clock(room.state_dirs.user).lowered == 99 * DAY
    assert read_clock(room.state_dirs.user).at_request == {}


def test_holding_back_a_response_gains_no_day(room: Room) -> None:
    room.activate(check_in_by=NOW + 30 * DAY, grace_days=0)
    room.now = NOW + DAY
    kept_back = room.answer(room.request("update"), check_in_by=NOW + 31 * DAY, grace_days=0)
    room.now = NOW + 29 * DAY
    room.load()
    room.now = NOW + DAY  # the clock is set back, to start the month again
    with pytest.raises(KeyferryError) as excinfo:
        room.install(kept_back)
    assert excinfo.value.code == "clock-rolled-back"
    assert mark(room) == NOW + 29 * DAY


def test_another_users_response_lowers_nothing(room: Room) -> None:
    room.activate()
    response = room.answer(room.request("update"))
    clock = Path(room.state_dirs.user.path) / "clock.json"
    clock.write_text(f'{{"mark": {NOW + YEAR}, "lowered": 0, "at_request": {{}}}}')
    with pytest.raises(KeyferryError) as excinfo:
        room.install(response)
    assert excinfo.value.code == "clock-rolled-back"
    assert mark(room) == NOW + YEAR


def test_writing_the_same_request_again_keeps_its_first_time(room: Room) -> None:
    room.activate()
    room.request("update")
    noted = read_clock(room.state_dirs.user).at_request
    room.now += 6 * DAY
    room.load()
    room.request("update")
    assert read_clock(room.state_dirs.user).at_request == noted


@given(
    st.integers(0, 400),
    st.lists(st.tuples(st.sampled_from(["see", "ask", "install"]), st.integers(0, 400))),
)
def test_no_schedule_lowers_the_mark_below_the_time_that_must_have_passed(
    start: int, steps: list[tuple[str, int]]
) -> None:
    """Every day really passes and is observed; responses are installed at any time."""
    today, clock, requests = start, Clock().advanced_to(start), dict[str, int]()
    for index, (step, days) in enumerate(steps):
        if step == "see":
            today += days % 7
            clock = clock.advanced_to(today)
        elif step == "ask":
            clock = clock.advanced_to(today).with_note(str(index))
            requests[str(index)] = today
        elif requests:
            sha = list(requests)[days % len(requests)]
            clock = clock.after_response(sha, issued_at=requests.pop(sha))
        assert clock.mark == today, "an honest clock is never moved"


def test_the_mark_is_lowered_by_the_documented_formula() -> None:
    clock = Clock(mark=1000, lowered=50, at_request={"a": 900})
    lowered = clock.after_response("a", issued_at=300)
    assert lowered == Clock(mark=450, lowered=600, at_request={})  # 300 + 1000 + 50 - 900
    assert clock.after_response("a", issued_at=2000).mark == 2000
    assert clock.after_response("a", issued_at=950).mark == 1000
    assert clock.after_response("b", issued_at=300) == clock


def test_a_note_includes_what_was_subtracted_from_the_mark() -> None:
    assert Clock(mark=1000, lowered=50).with_note("a").at_request == {"a": 1050}
