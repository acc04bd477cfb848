"""One command changes many licenses: it shows the change, asks once, and can be run again."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.retries import Conflict
from keyferry_service.domain.license import LicenseRecord, Status
from tests.service.admin.screens import GOLDEN
from tests.service.admin.test_find import sell
from tests.support.samples import DAY

EXTEND = "license extend --ends-before 2027-01-01 --until +1y"
EARLY, LATE = 1_797_811_199, 1_798_761_599  # 20 and 31 December 2026, their last seconds


@pytest.fixture
def shop(stack: Stack) -> Stack:
    """Four licenses that end this year, one of them revoked, and a longer one."""
    sell(stack, 1, licensee="Acme", valid_until=EARLY)
    sell(stack, 2, licensee="Acme", valid_until=LATE, features={"export": True})
    sell(stack, 3, licensee="Borealis", valid_until=LATE)
    sell(stack, 4, licensee="Acme", valid_until=LATE, status=Status.REVOKED)
    sell(stack, 5, licensee="Acme", valid_until=LATE + 400 * DAY, seats=3)
    return stack


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A user at the terminal who types this when asked."""

    def types(text: str) -> None:
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("builtins.input", lambda: text)

    return types


def state(stack: Stack) -> dict[int, LicenseRecord]:
    return {int(license.number): license for license in stack.licenses.all()}


def test_it_shows_the_change_and_asks_once(run: Any, shop: Stack, typed: Any) -> None:
    before = state(shop)
    typed("no")
    assert run(EXTEND).exit == 1
    assert state(shop) == before
    typed("y")
    text = run(EXTEND).out
    assert text == (GOLDEN / "license-extend-many.txt").read_text()
    assert [state(shop)[number].valid_until for number in (1, 2, 3)] == [
        EARLY + 365 * DAY,
        LATE + 365 * DAY,
        LATE + 365 * DAY,
    ]
    assert [(number, state(shop)[number]) for number in (4, 5)] == [(4, before[4]), (5, before[5])]


def test_a_period_is_added_once_however_often_it_is_run(
    run: Any, shop: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse, change = {f"{2:012}"}, Licenses.change

    def throttled(self: Licenses, before: LicenseRecord, *more: Any) -> None:
        if before.number in refuse:
            error = {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded."}}
            raise ClientError(error, "TransactWriteItems")  # type: ignore[arg-type]
        change(self, before, *more)

    monkeypatch.setattr(Licenses, "change", throttled)
    error = run(f"{EXTEND} --yes --json").json["error"]
    assert (error["code"], error["exit"]) == ("some-failed", 1)
    assert error["done"] == [f"{1:012}", f"{3:012}"]
    assert [(each["name"], each["code"]) for each in error["failed"]] == [(f"{2:012}", "aws-busy")]
    refuse.clear()
    again = run(f"{EXTEND} --yes --json").json
    assert (again["done"], again["failed"]) == ([f"{2:012}"], [])
    assert run(f"{EXTEND} --yes --json").json["done"] == []
    ends = {state(shop)[number].valid_until for number in (1, 2, 3)}
    assert ends == {EARLY + 365 * DAY, LATE + 365 * DAY}


@pytest.mark.parametrize(
    "line",
    [
        "license extend --licensee acme --until +1y",
        "license extend --ends-before 2028-01-01 --until +1y",
        "license change --where-licensee acme --maintenance-until +1y",
        "license change --where-licensee acme --until +30d",
    ],
)
def test_a_period_that_a_second_run_would_add_again_is_refused(
    run: Any, shop: Stack, line: str
) -> None:
    before = state(shop)
    error = run(f"{line} --yes --json").json["error"]
    assert (error["code"], error["exit"]) == ("not-repeatable", 2)
    assert state(shop) == before


def test_a_second_run_finds_nothing_to_do(run: Any, shop: Stack) -> None:
    line = (
        "license change --where-licensee acme --where-ends-before 2030-01-01 --seats 9"
        " --feature export=none --licensee Acme-Holding --yes --shorten --json"
    )
    assert run(line).json["done"] == [f"{1:012}", f"{2:012}", f"{5:012}"]
    after = state(shop)
    assert (after[2].seats, after[2].features, after[2].licensee) == (9, {}, "Acme-Holding")
    again = run(line).json
    assert (again["done"], len(again["unchanged"])) == ([], 4)
    assert state(shop) == after


def test_a_conflict_with_one_does_not_stop_the_others(
    run: Any, shop: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = Licenses.change

    def contended(self: Licenses, before: LicenseRecord, *more: Any) -> None:
        if before.number == f"{1:012}":
            raise Conflict("It changes all the time.")
        change(self, before, *more)

    monkeypatch.setattr(Licenses, "change", contended)
    monkeypatch.setattr("time.sleep", lambda _: None)
    ran = run("license suspend --licensee acme --yes --shorten")
    assert ran.exit == 1
    assert "000000000001: The license keeps being changed by others (license-changed)" in ran.err
    assert "2 changed, 1 unchanged, 1 failed (some-failed)" in ran.err
    assert [number for number, each in state(shop).items() if each.status is Status.SUSPENDED] == [
        2,
        5,
    ]
    assert [each.what for each in shop.licenses.changes(f"{2:012}")] == ["create", "suspend"]


def test_what_cannot_change_is_told_and_the_rest_changes(run: Any, shop: Stack) -> None:
    sell(shop, 6, licensee="Acme", trial_days=30)
    ran = run("license extend --licensee acme --until 2029-11-30 --yes")
    assert ran.exit == 1
    assert "000000000006: The license is a trial of 30 days" in ran.err
    assert "3 changed, 1 unchanged, 1 failed" in ran.err


def test_a_quiet_script_shortens_none_of_many_without_shorten(run: Any, shop: Stack) -> None:
    before = state(shop)
    line = "license extend --licensee acme --until 2027-03-01 --yes"
    error = run(f"{line} --json").json["error"]
    assert error["code"] == "takes-rights-away"
    assert [each["license_number"] for each in error["changes"]] == [f"{5:012}"]
    assert state(shop) == before
    assert run(f"{line} --shorten").exit == 0


@pytest.mark.parametrize("command", ["suspend", "revoke"])
def test_a_quiet_script_stops_none_of_many_without_shorten(
    run: Any, shop: Stack, command: str
) -> None:
    """Filters find them, so that the script has named none of them."""
    before = state(shop)
    error = run(f"license {command} --licensee acme --yes --json").json["error"]
    assert error["code"] == "takes-rights-away"
    assert [each["license_number"] for each in error["changes"]] == [
        f"{number:012}" for number in (1, 2, 5)
    ]
    assert state(shop) == before
    assert run(f"license {command} --licensee acme --yes --shorten").exit == 0
    assert run(f"license {command} {3:012} --yes").exit == 0  # named, and so meant


def test_who_takes_rights_away_from_one_of_many_types_its_number(
    run: Any, shop: Stack, typed: Any
) -> None:
    line = "license extend --licensee acme --until 2027-03-01"
    before = state(shop)
    for wrong in ("y", "1", f"{1:012}"):
        typed(wrong)
        assert run(line).exit == 1
        assert state(shop) == before
    typed(f"{5:012}")
    ran = run(line)
    assert "Type the number of the license that loses rights to extend them: " in ran.out
    assert ran.exit == 0


def test_suspend_says_how_far_it_reaches(run: Any, shop: Stack, typed: Any) -> None:
    old = licenses.find(shop.licenses, f"{5:012}")
    shop.licenses.change(old, replace(old, seats_used=2, valid_until=None, revision=1))
    typed("no")
    prompt = run("license suspend --licensee acme").out
    assert "It takes rights away from 3 licenses, in use on 2 seats." in prompt
    assert "Those of 1 license never have to, and go on without end." in prompt
    assert prompt.endswith("Type how many licenses lose rights to suspend them: ")
    typed("3")
    assert run("license suspend --licensee acme").exit == 0
    assert run("license resume --licensee acme --yes --json").json["done"] == [
        f"{1:012}",
        f"{2:012}",
        f"{5:012}",
    ]


def test_a_plan_shows_twenty_and_its_document_all(run: Any, stack: Stack) -> None:
    for number in range(30):
        sell(stack, number, licensee="Acme")
    line = "license change --where-licensee acme --seats 2 --dry-run"
    text = run(line).out
    assert "30 would change, 0 unchanged, 0 cannot change." in text
    assert "  30  Seats: 2 (was 1)" in text
    assert "and 10 more; --dry-run --json shows all." in text
    document = run(f"{line} --json").json
    assert len(document["changes"]) == 30
    assert document["changes"][7] == {
        "license_number": f"{7:012}",
        "changes": {"seats": {"before": 1, "after": 2}},
    }
    assert {license.seats for license in stack.licenses.all()} == {1}
    one = run(f"license change {7:012} --seats 2 --dry-run --json").json
    assert one["changes"] == [document["changes"][7]]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("license suspend --yes", "usage"),
        ("license extend 000000000001 --licensee acme --until never --yes", "usage"),
        ("license change --seats 2 --yes", "usage"),
        ("license extend --licensee acme --until 2029-11-30", "not-confirmed"),
        ("license extend --licensee acme --until 2020-11-30 --yes", "some-failed"),
    ],
)
def test_a_command_for_many_that_cannot_be_meant(
    run: Any, shop: Stack, line: str, code: str
) -> None:
    before = state(shop)
    assert run(f"{line} --json").json["error"]["code"] == code
    assert state(shop) == before


def test_filters_that_find_nothing_change_nothing(run: Any, shop: Stack) -> None:
    ran = run("license suspend --licensee dorado --yes")
    assert (ran.exit, ran.out) == (0, "✓ 0 changed, 0 unchanged\n")
