"""The rows that events are made from, as a stream brings them and as the tables keep them."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keyferry_service.adapters.emails_dynamodb import suppressed_key
from keyferry_service.adapters.items_dynamodb import Item, from_item, to_item
from keyferry_service.adapters.ledger_dynamodb import ANSWER, RENEWAL, entry_from_item
from keyferry_service.adapters.refusals_dynamodb import REFUSALS_PREFIX, records_in
from keyferry_service.adapters.suppressions_dynamodb import Suppression
from keyferry_service.adapters.tickets_dynamodb import ticket_from_item
from keyferry_service.domain.change import Change
from keyferry_service.domain.event import (
    REFUSED,
    Event,
    event_of_bounce,
    event_of_change,
    event_of_refusal,
    events_of_entry,
)
from keyferry_service.domain.refusals import Refusal, RefusalRecord
from keyferry_service.domain.ticket import Ticket, ticket_prefix

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LEDGER = (ANSWER, RENEWAL)
_LICENSE_NUMBER = 12  # digits


def events_in_record(record: Mapping[str, Any]) -> tuple[Event, ...]:
    """The events of the row that a record of a stream says was written; none of a deleted one."""
    image = record["dynamodb"].get("NewImage")
    return () if image is None else tuple(events_in_row(_with_bytes(image)))


def events_in_row(item: Item) -> Iterator[Event]:
    """The events of one row, in whichever table; most rows have none."""
    key, name = item["pk"]["S"], item.get("sk", {}).get("S", "")
    if name.startswith(_LEDGER):
        yield from events_of_entry(entry_from_item(item))
    elif name.startswith("change#"):
        yield event_of_change(key, from_item(Change, item))
    elif key.startswith(suppressed_key("")):
        row = from_item(Suppression, item)
        named = (row.address_sha256, row.ticket)
        yield event_of_bounce(row.license_number, row.reason, row.detail, row.since, named)
    elif key.startswith("ticket#"):
        ticket = ticket_from_item(item, now=0)  # its event is true when it has ended, too
        if ticket is not None and ticket.refusal is not None:
            yield _event_of_ticket(ticket, ticket.refusal)
    elif key.startswith(REFUSALS_PREFIX):
        yield from map(_event_of_record, records_in(item))


def _event_of_ticket(ticket: Ticket, refusal: Refusal) -> Event:
    record = ticket.refusal_record
    if record is not None:
        return _event_of_record(record)
    return event_of_refusal(refusal.code, ticket.uploaded_at or 0, ticket_prefix(ticket.id))


def _event_of_record(record: RefusalRecord) -> Event:
    """The same event as from its ticket, which ends long before the record does."""
    code, number = record.refusal.code, record.license_number
    return event_of_refusal(code, record.at, record.ticket, number, record.kind)


def _with_bytes(value: Any) -> Any:
    """An item as boto3's client has it. Lambda brings bytes as base64."""
    match value:
        case {"B": str(text)}:
            return {"B": b64decode(text)}
        case dict():
            return {name: _with_bytes(member) for name, member in value.items()}
        case list():
            return [_with_bytes(member) for member in value]
    return value


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a table: how many were read, their events, and the last license among them."""

    rows: int
    events: tuple[Event, ...]
    last_number: str | None


class StoredEvents:
    """Makes the events of some time again, from the rows that the tables still have."""

    def __init__(self, dynamodb: "DynamoDBClient", licenses: str, tickets: str) -> None:
        self._dynamodb = dynamodb
        self._licenses = licenses
        self._tickets = tickets

    def count_rows(self) -> int:
        """How many rows both tables have, as DynamoDB counted within the last six hours."""
        tables = (self._licenses, self._tickets)
        read = self._dynamodb.describe_table
        return sum(read(TableName=table)["Table"]["ItemCount"] for table in tables)

    def pages(self, first: int, end: int, from_number: str | None) -> Iterator[Page]:
        """The events from `first` until before `end`. Scans both tables: for the vendor alone.

        `from_number` is the license to go on with, in the order that the table happens to have.
        """
        sent: set[str] = set()  # a refusal is on its ticket and, for longer, in a row of its day
        for page in self._scans(first, end, from_number):
            events = {event.id: event for item in page["Items"] for event in events_in_row(item)}
            new = [e for e in events.values() if first <= e.time < end and e.id not in sent]
            sent |= {event.id for event in new if event.type == REFUSED}
            last = _number_in(page.get("LastEvaluatedKey", {}))
            yield Page(page["ScannedCount"], tuple(new), last)

    def _scans(self, first: int, end: int, from_number: str | None) -> Iterator[Any]:
        """The pages of both tables, with the rows that may have events of this time."""
        values = to_item({":first": first, ":last": end - 1})
        licenses: Any = {
            "TableName": self._licenses,
            "FilterExpression": "issued_at BETWEEN :first AND :last OR"
            " #at BETWEEN :first AND :last",
            "ExpressionAttributeNames": {"#at": "at"},
            "ExpressionAttributeValues": values,
        }
        if from_number is not None:  # no row's name begins with "!", so all its rows follow
            licenses["ExclusiveStartKey"] = to_item({"pk": from_number, "sk": "!"})
        yield from self._scan(licenses)
        tickets: Any = {
            "TableName": self._tickets,
            "FilterExpression": "since BETWEEN :first AND :last OR"
            " uploaded_at BETWEEN :first AND :last OR begins_with(pk, :refusals)",
            "ExpressionAttributeValues": values | to_item({":refusals": REFUSALS_PREFIX}),
        }
        yield from self._scan(tickets)

    def _scan(self, scan: Any) -> Iterator[Any]:
        while True:
            page = self._dynamodb.scan(**scan)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            scan["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _number_in(key: Item) -> str | None:
    """The license that a key of the `Licenses` table is of; None for another row's."""
    number: str = key.get("pk", {}).get("S", "")
    return number if "sk" in key and number.isdigit() and len(number) == _LICENSE_NUMBER else None
