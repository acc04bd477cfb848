"""From written rows to events on the bus, through the real function and the filters of the streams.

ministack brings each batch once, whatever the function reports, so `bring` plays what Lambda does:
https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
"""

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from ministack.services import lambda_svc  # type: ignore[import-untyped]

from keyferry_admin.use_cases import change_license
from keyferry_protocol.components import LICENSABLE_ENVIRONMENTS
from keyferry_service.adapters.events_dynamodb import events_in_row
from keyferry_service.domain.event import REFUSED, TYPES, Event
from keyferry_service.domain.license import Status
from tests.service.functions.test_mail_feedback import NO_USER, a_notice, tags
from tests.stack.test_template import RESOURCES
from tests.support.builders import LAB_07, LAB_08, Computer, a_request_file
from tests.support.samples import CODE, NUMBER
from tests.support.world import World, an_event
from tests.unit.docs.test_schemas import conforms

__all__ = ["tags"]  # the fixture

Record = dict[str, Any]
_ROWS: list[dict[str, Any]] = []  # played once, since that takes longer than the tests


@dataclass
class Bus:
    """EventBridge, as the function sees it: what it took, and which entries it does not take."""

    taken: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0
    refuses: Callable[[dict[str, Any]], bool] = lambda _: False

    def answer(self, params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        entries = json.loads(params["body"])["Entries"]
        self.calls += 1
        assert 1 <= len(entries) <= 10
        assert sum(len(entry["Detail"]) for entry in entries) < 256 * 1024
        results = []
        for entry in entries:
            event = json.loads(entry["Detail"])
            assert (entry["EventBusName"], entry["Source"]) == ("keyferry", "keyferry")
            assert entry["DetailType"] == event["type"]
            if self.refuses(event):
                results.append({"ErrorCode": "ThrottlingException", "ErrorMessage": "Slow down."})
            else:
                self.taken.append(event)
                results.append({"EventId": str(len(self.taken))})
        failed = sum("ErrorCode" in result for result in results)
        return SimpleNamespace(status_code=200), {"FailedEntryCount": failed, "Entries": results}

    def ids(self) -> Counter[str]:
        return Counter(event["id"] for event in self.taken)


@pytest.fixture
def bus(world: World) -> Iterator[Bus]:
    bus, hooks = Bus(), world.service["events"].meta.events
    hooks.register("before-call.eventbridge.PutEvents", bus.answer)
    yield bus
    hooks.unregister("before-call.eventbridge.PutEvents", bus.answer)


@pytest.fixture
def rows(world: World, tags: list[str]) -> list[dict[str, Any]]:
    """All rows of a time in which everything happened of which there is an event."""
    if not _ROWS:
        _ROWS.extend(_play(world, tags))
    return deepcopy(_ROWS)


def _play(world: World, tags: list[str]) -> list[dict[str, Any]]:
    world.sell(seats=1, contact="contact@example.org", environments=LICENSABLE_ENVIRONMENTS)
    ticket = world.activate(a_request_file(LAB_07), "anna@example.org")
    assert world.send(ticket) == []
    assert world.handle("mail_feedback", a_notice(tags[-1], **NO_USER)) == []
    world.activate(a_request_file(LAB_08))  # no seats left
    world.activate(b"no request")
    world.activate(a_request_file(Computer("LAB-09"), replaces_seat=1))
    change_license.change(world.licenses, NUMBER, lambda each: replace(each, seats=2))
    change_license.set_status(world.licenses, NUMBER, Status.SUSPENDED)
    return [*world.rows("Licenses"), *world.rows("Tickets")]


def events_of(rows: list[dict[str, Any]], beginning: str) -> list[Event]:
    of_kind = [row for row in rows if row["pk"]["S"].startswith(beginning)]
    return [event for row in of_kind for event in events_in_row(row)]


def a_record(row: dict[str, Any], number: int = 1, name: str = "INSERT", **old: Any) -> Record:
    """What the stream says of a written row; bytes are base64 in it."""
    record: Record = deepcopy(an_event("publish_events")["Records"][0])
    keys = {key: row[key] for key in ("pk", "sk") if key in row}
    image = {} if name == "REMOVE" else {"NewImage": as_json(row)}
    before = {"OldImage": as_json({**row, **old})} if name != "INSERT" else {}
    record["eventName"] = name
    record["dynamodb"] = {"Keys": keys, "SequenceNumber": str(10**20 + number), **image, **before}
    return record


def as_json(value: Any) -> Any:
    """An item's bytes as Lambda brings them."""
    match value:
        case bytes():
            return b64encode(value).decode()
        case dict():
            return {name: as_json(member) for name, member in value.items()}
        case list():
            return [as_json(member) for member in value]
    return value


def records_of(rows: list[dict[str, Any]]) -> list[Record]:
    """What the streams bring of these rows."""
    written = [row for row in rows if not row["pk"]["S"].startswith("refusals#")]
    return [a_record(row, number) for number, row in enumerate(written)]


def bring(world: World, records: list[Record], tries: int = 30) -> list[Record]:
    """Bring a batch as Lambda does, until nothing fails; the records that it gives up."""
    for _ in range(tries):
        try:
            reply = world.handlers["publish_events"]({"Records": records}, world.context)
        except Exception:
            if len(records) == 1:
                continue  # tried again until the tries are used up
            half = len(records) // 2  # splitting a batch uses up no try
            return bring(world, records[:half]) + bring(world, records[half:])
        failed = [each["itemIdentifier"] for each in reply["batchItemFailures"]]
        if not failed:
            return []
        lowest = min(map(int, failed))
        records = [r for r in records if int(r["dynamodb"]["SequenceNumber"]) >= lowest]
    return records


def test_everything_that_happened_is_one_event_of_its_type(
    world: World, rows: list[dict[str, Any]], bus: Bus
) -> None:
    assert bring(world, records_of(rows)) == []
    assert Counter(event["type"] for event in bus.taken) == {
        "keyferry.license.changed": 3,
        "keyferry.request.answered": 2,
        "keyferry.request.refused": 2,
        "keyferry.seat.replaced": 1,
        "keyferry.email.bounced": 1,
    }
    for event in bus.taken:
        assert conforms(event, "event.schema.json"), event
        assert event["source"] == "urn:keyferry:stack:keyferry"


def test_an_event_carries_no_secret_and_names_nobody(
    world: World, rows: list[dict[str, Any]], bus: Bus
) -> None:
    """Neither in itself nor by an id: a ticket's is the way to its response."""
    bring(world, records_of(rows))
    text = json.dumps(bus.taken)
    tickets = [row["id"]["S"] for row in rows if row["pk"]["S"].startswith("ticket#")]
    assert len(tickets) == 4
    named = [
        "example.org",
        "Nordhaven",
        "LAB-0",
        "assumed-role",
        *tickets,
        *(t[:8] for t in tickets),
    ]
    assert not [name for name in (CODE, *named) if name in text]


def test_what_is_brought_twice_has_the_same_ids(
    world: World, rows: list[dict[str, Any]], bus: Bus
) -> None:
    records = records_of(rows)
    bring(world, records)
    once = bus.ids()
    bring(world, records[::-1])
    assert bus.ids() == once + once
    assert set(once.values()) == {1}


def test_a_kept_refusal_is_the_very_event_that_its_ticket_was(rows: list[dict[str, Any]]) -> None:
    tickets = [event for event in events_of(rows, "ticket#") if event.type == REFUSED]
    (kept,) = events_of(rows, "refusals#")
    assert kept == next(event for event in tickets if event.license_number is not None)
    assert len(tickets) == 2  # the other one names no license, and is not kept


def test_none_is_lost_while_the_bus_takes_only_some(
    world: World, rows: list[dict[str, Any]], bus: Bus
) -> None:
    bring(world, records_of(rows))
    expected, bus.taken = set(bus.ids()), []
    tries: Counter[str] = Counter()

    def refuses(event: dict[str, Any]) -> bool:
        tries[event["id"]] += 1
        return tries[event["id"]] < 3

    bus.refuses = refuses
    assert bring(world, records_of(rows)) == []
    assert set(bus.ids()) == expected
    assert "events not taken" in world.log.getvalue()


def test_what_the_bus_never_takes_is_given_up_alone(
    world: World, rows: list[dict[str, Any]], bus: Bus
) -> None:
    bus.refuses = lambda event: event["type"] == "keyferry.email.bounced"
    (given_up, *_) = bring(world, records_of(rows))
    assert given_up["dynamodb"]["Keys"]["pk"]["S"].startswith("suppressed#")
    assert len(bus.ids()) == 8


def test_a_row_that_nobody_can_read_holds_up_no_other(
    world: World, rows: list[dict[str, Any]], bus: Bus
) -> None:
    damaged = {
        "pk": {"S": NUMBER},
        "sk": {"S": f"answer#{'0' * 64}"},
        "body_zlib": {"B": b"damaged"},
    }
    half = len(rows) // 2
    (given_up,) = bring(world, records_of([*rows[:half], damaged, *rows[half:]]))
    assert given_up["dynamodb"]["Keys"]["sk"] == damaged["sk"]
    assert len(bus.ids()) == 9


def test_a_bus_that_cannot_be_reached_fails_the_batch(
    world: World, rows: list[dict[str, Any]], bus: Bus
) -> None:
    def refused(**_: Any) -> Any:
        error = {"Error": {"Code": "InternalException", "Message": "Later."}}
        return SimpleNamespace(status_code=400), error

    hooks = world.service["events"].meta.events
    hooks.register_first("before-call.eventbridge.PutEvents", refused)
    records = records_of(rows)
    try:
        with pytest.raises(world.service["events"].exceptions.ClientError):
            world.handlers["publish_events"]({"Records": records}, world.context)
    finally:
        hooks.unregister("before-call.eventbridge.PutEvents", refused)
    assert bring(world, records) == []
    assert len(bus.ids()) == 9


def test_hundreds_of_rows_go_in_tens(world: World, rows: list[dict[str, Any]], bus: Bus) -> None:
    (change,) = [row for row in rows if row.get("revision") == {"N": "3"} and "what" in row][:1]
    many = [{**change, "revision": {"N": str(number)}} for number in range(100)]
    assert bring(world, records_of(many)) == []
    assert (bus.calls, len(bus.ids())) == (10, 100)


def test_a_deleted_row_is_no_event(world: World, rows: list[dict[str, Any]], bus: Bus) -> None:
    assert bring(world, [a_record(row, name="REMOVE") for row in rows]) == []
    assert not bus.taken


def passes(record: Record, table: str) -> bool:
    """Whether the filter of a table's stream, as the template has it, lets a record through."""
    mapping = RESOURCES["PublishEventsFunction"]["Properties"]["Events"][table]["Properties"]
    filters = {"FilterCriteria": mapping["FilterCriteria"]}
    return bool(lambda_svc._apply_filter_criteria([record], filters))


def test_the_filters_let_through_each_row_that_is_an_event_and_no_other(
    world: World, rows: list[dict[str, Any]]
) -> None:
    kinds = set()
    for row in rows:
        events = list(events_in_row(row))
        kinds |= {event.type for event in events}
        table = "Licenses" if "sk" in row else "Tickets"
        is_ticket = row["pk"]["S"].startswith("ticket#")
        if row["pk"]["S"].startswith("refusals#"):
            assert not passes(a_record(row), table)  # its tickets have said it before
            continue
        written = a_record(row, name="MODIFY", state={"S": "awaiting-upload"})
        record = written if is_ticket else a_record(row)
        assert passes(record, table) is bool(events), row
    assert kinds == set(TYPES) - {"keyferry.seat.renewed"}
    assert passes(a_record({"pk": {"S": NUMBER}, "sk": {"S": "renewal#1#9"}}), "Licenses")


def test_the_filters_stop_what_happens_to_a_row_later(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        table = "Licenses" if "sk" in row else "Tickets"
        assert not passes(a_record(row, name="REMOVE"), table)
        if row["pk"]["S"].startswith("ticket#"):
            assert not passes(a_record(row, name="MODIFY"), table)  # its mail was sent
    again = [row for row in rows if row["pk"]["S"].startswith("suppressed#")]
    assert [passes(a_record(row, name="MODIFY"), "Tickets") for row in again] == [True]
