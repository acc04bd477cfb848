"""`keyferry-admin request list --refused`: who was refused in the last 90 days, and why."""

from typing import Any

from keyferry_admin.stack import Stack
from keyferry_service.domain.refusals import Refusal, RefusalCode, RefusalRecord
from tests.service.admin.screens import GOLDEN, Pipe
from tests.support.samples import DAY, NOW, NUMBER

OTHER = "015120020101"
FULL = Refusal(RefusalCode.NO_SEATS_LEFT, facts={"n": 2, "moves_left": 3})


def refuse(stack: Stack, days_ago: int, name: str, number: str = NUMBER, **facts: Any) -> None:
    """Keep a refusal as the service does."""
    refusal = facts.get("refusal", FULL)
    ticket = f"{name:a<8}"[:8]
    at = NOW - days_ago * DAY
    stack.refusals.keep(RefusalRecord(number, at, "activate", name, ticket, refusal))


def test_refusals_are_listed_newest_first(run: Any, stack: Stack) -> None:
    run(f"license create --number {NUMBER} --seats 2")
    refuse(stack, 3, "LAB-08")
    refuse(stack, 0, "LAB-09", refusal=Refusal(RefusalCode.ENVIRONMENT_NOT_ALLOWED, "virtual"))
    refuse(stack, 89, "")
    refuse(stack, 90, "LAB-01")
    refuse(stack, 1, "LAB-77", OTHER)
    everyone = run("request list --refused").out
    assert everyone == (GOLDEN / "request-list-refused.txt").read_text()
    assert max(map(len, everyone.splitlines())) < 80
    rows = [
        line.split("\t") for line in run(f"request list {NUMBER} --refused", Pipe).out.splitlines()
    ]
    assert [row[2] for row in rows] == ["LAB-09", "LAB-08", ""]
    assert rows[1] == ["2026-11-21T09:47:00Z", NUMBER, "LAB-08", "no-seats-left", "LAB-08aa"]
    document = run(f"request list {NUMBER} --refused --json").json
    assert (document["license_number"], document["total"]) == (NUMBER, 3)
    assert document["refusals"][0] == {
        "at": "2026-11-24T09:47:00Z",
        "license_number": NUMBER,
        "machine_name": "LAB-09",
        "kind": "activate",
        "code": "environment-not-allowed",
        "variant": "virtual",
        "facts": {},
        "ticket": "LAB-09aa",
    }
    assert document["refusals"][1]["facts"] == {"n": 2, "moves_left": 3}


def test_one_page_of_refusals_without_all(run: Any, stack: Stack) -> None:
    for n in range(22):
        refuse(stack, n, f"LAB-{n:02}")
    listed = run("request list --refused").out
    assert "20 of 22 refusals in the last 90 days. All of them: --all." in listed
    assert "LAB-20" not in listed
    assert len(run("request list --refused --all --json").json["refusals"]) == 22


def test_nothing_was_refused(run: Any) -> None:
    run(f"license create --number {NUMBER}")
    assert "No refusal in the last 90 days." in run(f"request list {NUMBER} --refused").out
    assert run("request list --refused --json").json["refusals"] == []


def test_a_list_without_a_license_and_one_of_a_license_that_nobody_made(run: Any) -> None:
    for line, code, exit_code in (
        ("request list", "usage", 2),
        (f"request list {NUMBER} --refused", "no-such-license", 1),
    ):
        ran = run(f"{line} --json")
        assert (ran.exit, ran.json["error"]["code"]) == (exit_code, code)
