"""Trial, lease and grace the whole way: sold, answered by the real handlers, lived offline."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keyferry_admin.use_cases import change_license
from keyferry_protocol.response import verify_response
from tests.service.functions.offline import OfflineCommandLine
from tests.support.journeys import a_machine
from tests.support.samples import DAY, NOW, NUMBER
from tests.support.world import KEYS, World

Computers = Callable[[int], OfflineCommandLine]


@pytest.fixture
def computer(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Computers:
    def make(number: int) -> OfflineCommandLine:
        return OfflineCommandLine(world, a_machine(number), tmp_path / f"{number}", capsys)

    return make


def test_the_first_issue_of_a_trial_sets_its_term_for_all_seats(
    world: World, computer: Computers
) -> None:
    world.sell(trial_days=30, valid_until=None, seats=2)
    world.now += 100 * DAY  # a trial that lies in a drawer does not run
    begun = world.now
    first, second = computer(1), computer(2)
    response = world.response(world.activate(first.request()))
    assert verify_response(response, KEYS).license.trial
    first.install(response)
    world.now += 10 * DAY
    assert "ends 3 April 2027" in second.carry().out  # 30 days after 4 March, not after the 14th
    for one in (first, second):
        assert one.run("check", "--json").json["expires"] == "2027-04-03T09:47:00Z"
    world.now = begun + 30 * DAY - 1
    assert [one.run("check").exit for one in (first, second)] == [0, 0]
    world.now += 1
    for one in (first, second):
        result = one.run("check")
        assert result.exit == 5
        assert "This license ended on 3 April 2027" in result.err


def test_a_trial_that_is_over_is_refused_until_the_vendor_prolongs_it(
    world: World, computer: Computers
) -> None:
    world.sell(trial_days=30, valid_until=None)
    one = computer(1)
    one.carry()
    world.now += 31 * DAY
    file = one.request("update")
    refusal = world.ticket(world.activate(file))["refusal"]
    assert refusal["code"] == "license-expired"
    assert refusal["title"] == "This license ended on 24 December 2026"
    change_license.change(world.licenses, NUMBER, lambda license: replace(license, trial_days=60))
    one.install(world.response(world.activate(file)))
    assert one.run("check", "--json").json["expires"] == "2027-01-23T09:47:00Z"


def test_a_lease_is_overdue_then_forgiven_then_over_and_an_update_lifts_it(
    world: World, computer: Computers
) -> None:
    world.sell(lease_days=30, grace_days=14)
    one = computer(1)
    one.carry()
    world.now = NOW + 30 * DAY - 1
    result = one.run("check", "--json")
    assert (result.exit, result.json["reason"]) == (0, None)

    world.now = NOW + 31 * DAY
    result = one.run("check", "--json")
    assert (result.exit, result.json["ok"], result.json["reason"]) == (0, True, "grace")
    assert result.json["expires"] == "2027-01-07T09:47:00Z"
    assert one.run("check").err.strip() == (
        "! Check-in was due by 24 December 2026. Example Modeler keeps working for 13 more days. "
        "Make an update request."
    )
    assert "Check-in overdue, 13 days left" in one.run("status").out

    world.now = NOW + 44 * DAY
    result = one.run("check", "--json")
    assert (result.exit, result.json["error"]["code"]) == (5, "check-in-overdue")
    result = one.run("check")
    assert result.exit == 5
    assert "This license was due to check in by 24 December 2026" in result.err
    assert "make an update request here and take it to the page." in result.err

    one.carry("update")
    result = one.run("check", "--json")
    assert (result.exit, result.json["reason"]) == (0, None)
    assert "Check in by 6 February 2027" in one.run("status").out


def test_an_update_in_the_days_of_grace_begins_the_next_lease(
    world: World, computer: Computers
) -> None:
    world.sell(lease_days=30, grace_days=14)
    one = computer(1)
    one.carry()
    world.now = NOW + 40 * DAY
    file = one.request("update")
    assert one.run("check", "--json").json["reason"] == "grace"  # while the file is on its way
    one.install(world.response(world.activate(file)))
    assert one.run("check", "--json").json["reason"] is None
    assert "Check in by 2 February 2027" in one.run("status").out
