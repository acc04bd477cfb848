"""What is said about a clock: both dates, and only advice that can help."""

from pathlib import Path

import pytest

from keyferry import KeyferryError
from keyferry.store.clock_file import read_clock
from keyferry.store.lock import LOAD_WAIT_S, Lock
from keyferry.vendor import Vendor
from keyferry.wizard.computer import Computer
from keyferry.wizard.screen_data import screen_data
from tests.support.offline import END, Room
from tests.support.samples import DAY, NOW, NUMBER
from tests.support.terminal import Shell

YEAR = 365 * DAY
IN_2019 = 1_546_500_000


def refused(room: Room, install: bytes = b"") -> KeyferryError:
    with pytest.raises(KeyferryError) as excinfo:
        room.install(install) if install else room.load()
    return excinfo.value


def mark(room: Room) -> int:
    return read_clock(room.state_dirs.user).mark


@pytest.mark.parametrize("installs", [True, False], ids=["install", "load"])
def test_a_clock_before_the_issue_date_is_wrong_and_no_update_can_help(
    room: Room, installs: bool
) -> None:
    if installs:
        file = room.answer(room.request())
        room.now = IN_2019
        error = refused(room, file)
    else:
        room.activate()
        room.now = IN_2019
        error = refused(room)
    assert error.code == "clock-rolled-back"
    assert str(error) == (
        "This computer's clock says 3 January 2019, but license 015.120.020.093 was issued on"
        " 24 November 2026."
    )
    assert error.next_step == "Set the clock to the correct date and time."


def test_a_clock_behind_the_mark_may_be_right(room: Room) -> None:
    room.activate()
    room.now = NOW + 100 * DAY
    room.load()
    room.now = NOW + 2 * DAY
    error = refused(room)
    assert "says 26 November 2026, but a license was used here on 4 March 2027" in str(error)
    assert "make an update request" in error.next_step
    room.install(room.answer(room.request("update")))
    assert room.load().check(), "as the sentence promised"


EXPIRED = {"valid_until": END}
OVERDUE = {"check_in_by": NOW + 30 * DAY, "grace_days": 0}


@pytest.mark.parametrize(
    ("terms", "code", "words", "first"),
    [
        pytest.param(
            {},
            "expired",
            "ended on 30 November 2027. This computer's clock says 23 November 2030.",
            "If 23 November 2030 is today's date, renew the license",
            id="it ended",
        ),
        pytest.param(
            OVERDUE,
            "check-in-overdue",
            "due to check in by 24 December 2026. This computer's clock says 23 November 2030.",
            "If 23 November 2030 is today's date, make an update request",
            id="a lease",
        ),
    ],
)
def test_a_first_install_with_a_clock_far_ahead_says_what_the_clock_says(
    room: Room, terms: dict[str, int], code: str, words: str, first: str
) -> None:
    room.now = NOW + 4 * YEAR
    end = {"valid_until": None} if terms else {}
    error = refused(room, room.answer(room.request(), issued_at=NOW, **terms, **end))
    assert error.code == code
    assert words in str(error)
    assert error.next_step.startswith(first)
    assert error.next_step.endswith("If it is not, set this computer's clock.")


def test_a_license_that_has_not_begun_says_what_the_clock_says(room: Room) -> None:
    error = refused(room, room.answer(room.request(), valid_from=NOW + 10 * DAY))
    assert str(error) == (
        "License 015.120.020.093 starts on 4 December 2026."
        " This computer's clock says 24 November 2026."
    )
    assert "clock" in error.next_step


def test_an_install_that_is_late_by_years_warns_of_the_clock(shell: Shell) -> None:
    shell.room.now = NOW + 4 * YEAR
    shell("request", NUMBER)
    (request,) = Path.cwd().glob("*.request")
    file = shell.carried(request.name, issued_at=NOW, valid_until=None)
    printed = shell("install", str(file))
    assert printed.exit == 0
    assert (
        "clock says 23 November 2030, but this file was issued on 24 November 2026" in printed.err
    )
    assert "clock" not in shell("install", str(file)).err, "it is installed already"


def test_an_install_in_time_warns_of_nothing(shell: Shell) -> None:
    shell("request", NUMBER)
    (request,) = Path.cwd().glob("*.request")
    file = shell.carried(request.name)
    shell.room.now += 29 * DAY
    assert shell("install", str(file)).err == ""


@pytest.mark.parametrize("answers", [{}, {"already": "yes"}])
def test_the_wizard_warns_of_the_clock_too(room: Room, answers: dict[str, str]) -> None:
    room.now = NOW + 4 * YEAR
    room.install(room.answer(room.request(), issued_at=NOW, valid_until=None))
    computer = Computer(room.installation, Vendor(id="acme"))
    text = screen_data("active", {"written": NUMBER, **answers}, computer).text
    assert any("23 November 2030" in line for line in text) is (not answers)


@pytest.mark.parametrize(
    ("used", "now", "words", "step"),
    [
        pytest.param(0, IN_2019, "when a license was issued", "Set the clock.", id="in 2019"),
        pytest.param(
            100, IN_2019, "when a license was used", "Set the clock.", id="before the issue date"
        ),
        pytest.param(
            100,
            NOW + 2 * DAY,
            "when a license was used",
            "make an update request",
            id="behind the mark",
        ),
    ],
)
def test_the_doctor_advises_an_update_only_where_it_helps(
    shell: Shell, used: int, now: int, words: str, step: str
) -> None:
    shell.room.activate()
    shell.room.now = NOW + used * DAY
    shell.room.load()
    shell.room.now = now
    checks = shell("doctor", "--json").json["checks"]
    (clock,) = [check for check in checks if check["name"] == "clock"]
    assert words in clock["text"]
    assert step in clock["next_step"]


@pytest.mark.parametrize("command", ["check", "status"])
def test_commands_show_both_dates(shell: Shell, command: str) -> None:
    shell.room.activate()
    shell.room.now = IN_2019
    printed = shell(command)
    assert printed.exit == 8
    text = printed.out + printed.err
    assert "3 January 2019" in text
    assert "24 November 2026" in " ".join(text.split())


# An application that stays open


def test_each_question_advances_the_mark_in_memory(room: Room) -> None:
    room.activate()
    now = NOW
    license = room.load_with_clock(lambda: now)
    for hours in (30, 60, 90):
        now = NOW + hours * 3600
        assert license.check()
    now = NOW + 40 * 3600  # more than a day behind the last question
    assert license.check().code == "clock-rolled-back"
    now = NOW + 90 * 3600
    assert license.check("solver")


def test_an_open_application_stores_the_mark_once_in_ten_minutes(room: Room) -> None:
    room.activate()
    now = NOW
    license = room.load_with_clock(lambda: now)
    for seconds, stored in ((0, 0), (599, 0), (600, 600), (1100, 600), (1200, 1200), (900, 1200)):
        now = NOW + seconds
        assert license.check()
        assert mark(room) == NOW + stored


def test_a_state_that_cannot_be_written_stops_no_open_application(room: Room) -> None:
    room.activate()
    now = NOW
    license = room.load_with_clock(lambda: now)
    now = NOW + 3600
    with Lock(room.state_dirs.user):
        assert license.check(), "the lock is taken"
    now = NOW + 7200
    (Path(room.state_dirs.user.path) / "clock.json").write_text("{")
    assert license.check(), "the file is damaged"


def test_load_waits_for_the_lock_only_briefly(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LOAD_WAIT_S == 0.05
    room.activate()
    room.now += DAY
    with Lock(room.state_dirs.user):
        before = room.files()
        assert room.load().check()
        assert room.files() == before
