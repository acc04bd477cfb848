"""`keyferry-admin events replay`: the events of a day, again, with the same ids."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import replay_events
from keyferry_service.adapters.bus_eventbridge import Bus
from keyferry_service.adapters.events_dynamodb import StoredEvents, events_in_row
from keyferry_service.adapters.feedback_ses import Reason
from keyferry_service.adapters.items_dynamodb import to_item
from keyferry_service.adapters.refusals_dynamodb import Refusals
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.ticket import Ticket
from keyferry_service.domain.upload import Upload
from tests.service.admin.screens import GOLDEN
from tests.service.admin.test_mail import hold_back
from tests.support.builders import LAB_07, a_request
from tests.support.samples import DAY, NOW

TODAY = "2026-11-24"
NUMBERS = [f"{number:012}" for number in (7, 42, 815)]


class Bridge:
    """EventBridge: what it took, and what happens at each call."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.before: Callable[[int], None] = lambda call: None
        self.refuses = 0  # so many entries, from now on
        self.calls = 0

    def answer(self, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        self.calls += 1
        self.before(self.calls)
        entries = json.loads(params["body"])["Entries"]
        refused = entries[: self.refuses]
        self.refuses -= len(refused)
        self.events += [json.loads(entry["Detail"]) for entry in entries[len(refused) :]]
        error = {"ErrorCode": "InternalFailure", "ErrorMessage": "Later."}
        results = [error for _ in refused] + [{"EventId": "1"} for _ in entries[len(refused) :]]
        return SimpleNamespace(status_code=200), {
            "FailedEntryCount": len(refused),
            "Entries": results,
        }

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.events]


@pytest.fixture
def bridge(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Bridge:
    """The bus of a stack that has events; no test waits for it."""
    bridge, client = Bridge(), boto3.client("events")
    client.meta.events.register("before-call.eventbridge.PutEvents", bridge.answer)
    monkeypatch.setattr(Stack, "bus", Bus(client, "keyferry", "keyferry"))
    monkeypatch.setattr(replay_events, "WAITS_S", (0, 0))
    return bridge


@pytest.fixture
def sold(run: Any, stack: Stack) -> None:
    """Three licenses of today, and one change of yesterday."""
    for number in NUMBERS:
        assert run(f"license create --number {number} --product X --new-product").exit == 0
    change = {"revision": 1, "at": NOW - DAY, "who": "", "what": "change", "subject": ""}
    boto3.client("dynamodb").put_item(
        TableName=stack.output("LicensesTable"),
        Item=to_item(
            {"pk": NUMBERS[0], "sk": "change#2026-11-23T09:47:00Z#0000000000000001"}
            | change
            | {"before": {}, "after": {}, "undoes": None}
        ),
    )


def page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a scan end after each row."""
    scan = StoredEvents._scan

    def one_by_one(self: StoredEvents, call: Any) -> Iterator[Any]:
        return scan(self, {**call, "Limit": 1})

    monkeypatch.setattr(StoredEvents, "_scan", one_by_one)


@pytest.mark.usefixtures("sold")
def test_the_events_of_the_day_and_of_no_other(run: Any, bridge: Bridge) -> None:
    ran = run(f"events replay {TODAY}")
    assert (ran.exit, ran.out) == (0, (GOLDEN / "events-replay.txt").read_text())
    assert sorted(event["subject"] for event in bridge.events) == NUMBERS
    assert {event["data"]["what"] for event in bridge.events} == {"create"}
    assert run("events replay 2026-11-23 --json").json == {
        "ok": True,
        "day": "2026-11-23",
        "events": 1,
        "rows": 7,
    }


@pytest.mark.usefixtures("sold")
def test_an_event_has_the_id_that_it_had_from_the_stream(
    run: Any, stack: Stack, bridge: Bridge
) -> None:
    run(f"events replay {TODAY}")
    rows = boto3.client("dynamodb").scan(TableName=stack.output("LicensesTable"))["Items"]
    streamed = {event.id for row in rows for event in events_in_row(row)}
    assert len(bridge.ids) == 3
    assert set(bridge.ids) < streamed


def test_what_the_tickets_table_has_comes_once(
    run: Any, stack: Stack, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal is on its ticket for a week, and in a row of its day for ninety."""
    page_by_page(monkeypatch)
    hold_back(stack, "anna@example.com", Reason.BOUNCE, "General", NOW)
    ticket = Ticket("t" * 43, NOW + DAY).with_upload(Upload("t" * 43, "k", "v", NOW))
    for id, code in (("a" * 43, RefusalCode.MOVE_LIMIT), ("b" * 43, RefusalCode.NOT_AUTHENTIC)):
        refused = Ticket(id, NOW + DAY).with_upload(Upload(id, "k", "v", NOW))
        refused = refused.refused(a_request(LAB_07), Refusal(code))
        stack.tickets.add(refused)
        if refused.refusal_record is not None:
            kept = Refusals(boto3.client("dynamodb"), stack.output("TicketsTable"))
            kept.keep(refused.refusal_record)
    stack.tickets.add(ticket)  # not answered yet
    assert run(f"events replay {TODAY}").exit == 0
    assert sorted((event["type"], event["data"].get("code", "")) for event in bridge.events) == [
        ("keyferry.email.bounced", ""),
        ("keyferry.request.refused", "move-limit"),
        ("keyferry.request.refused", "not-authentic"),
    ]


@pytest.mark.usefixtures("sold")
def test_ctrl_c_says_how_to_go_on_and_nothing_is_missing_then(
    run: Any, bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_by_page(monkeypatch)

    def interrupt(call: int) -> None:
        if call == 3:
            raise KeyboardInterrupt

    bridge.before = interrupt
    ran = run(f"events replay {TODAY} --json")
    error = ran.json["error"]
    assert (ran.exit, error["code"], error["events"]) == (130, "interrupted", 2)
    number = error["next_license_number"]
    assert error["next_step"] == (
        f"To go on, run keyferry-admin events replay {TODAY} --from {number}"
    )
    assert run(f"events replay {TODAY} --from {number}").exit == 0
    assert {event["subject"] for event in bridge.events} == set(NUMBERS)
    assert len(set(bridge.ids)) == 3


@pytest.mark.usefixtures("sold")
def test_what_aws_refuses_says_how_to_go_on(run: Any, bridge: Bridge) -> None:
    def expired(call: int) -> None:
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "Old."}}, "PutEvents")

    bridge.before = expired
    ran = run(f"events replay {TODAY}")
    assert ran.exit == 1
    assert "0 events of 2026-11-24 put on the bus so far (replay-stopped)" in ran.err
    assert ran.err.endswith(f"To go on, run keyferry-admin events replay {TODAY}\n")


@pytest.mark.usefixtures("sold")
def test_what_the_bus_does_not_take_at_first_is_tried_again(run: Any, bridge: Bridge) -> None:
    bridge.refuses = 3
    assert run(f"events replay {TODAY}").exit == 0
    assert len(bridge.ids) == 3
    bridge.refuses = 100
    ran = run(f"events replay {TODAY}")
    assert ran.exit == 1
    assert "The event bus did not take 3 events: 0 events of" in ran.err


def test_a_stack_without_events_says_how_to_have_them(run: Any) -> None:
    ran = run(f"events replay {TODAY} --json")
    assert (ran.exit, ran.json["error"]["code"]) == (1, "events-off")
    assert "docs/operations/events.md" in ran.json["error"]["next_step"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "Missing argument 'DAY'"),
        ("yesterday", "no day like"),
        ("2026-02-30", "no day like"),
        ("2026-11-25", "in the future"),
        ("1969-12-31", "before 1970"),
        (f"{TODAY} --from 12", "--from"),
    ],
)
@pytest.mark.usefixtures("bridge")
def test_a_day_that_is_none_is_refused(run: Any, line: str, reason: str) -> None:
    ran = run(f"events replay {line}")
    assert ran.exit == 2
    assert reason in ran.err


def test_an_empty_stack_has_no_events(run: Any, bridge: Bridge) -> None:
    assert run(f"events replay {TODAY} --json").json["events"] == 0
    assert bridge.calls == 0
