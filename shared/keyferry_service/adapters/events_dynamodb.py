"""The rows that events are made from, as a stream brings them and as the tables keep them."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keyferry_service.adapters.items_dynamodb import Item, from_item, to_item
from keyferry_service.adapters.ledger_dynamodb import entry_from_item
from keyferry_service.adapters.suppressions_dynamodb import Suppression
from keyferry_service.adapters.tickets_dynamodb import suppressed_key, ticket_from_item
from keyferry_service.domain.change import Change
from keyferry_service.domain.event import (
    Event,
    event_of_bounce,
    event_of_change,
    event_of_refusal,
    events_of_entry,
)
from keyferry_service.domain.ticket import TicketState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LEDGER = ("answer#", "renewal#")
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
        if ticket is not None and ticket.state is TicketState.REFUSED:
            yield event_of_refusal(ticket)


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
        for table, times in (
            (self._licenses, ("issued_at", "at")),
            (self._tickets, ("since", "uploaded_at")),
        ):
            scan: Any = {
                "TableName": table,
                "FilterExpression": " OR ".join(
                    f"#{name} BETWEEN :first AND :last" for name in times
                ),
                "ExpressionAttributeNames": {f"#{name}": name for name in times},
                "ExpressionAttributeValues": to_item({":first": first, ":last": end - 1}),
            }
            if from_number is not None and table == self._licenses:
                # No row's name is before "a"; all rows of the license follow.
                scan["ExclusiveStartKey"] = to_item({"pk": from_number, "sk": "!"})
            for page in self._scan(scan):
                events = (event for item in page["Items"] for event in events_in_row(item))
                yield Page(
                    page["ScannedCount"],
                    tuple(event for event in events if first <= event.time < end),
                    _number_in(page.get("LastEvaluatedKey", {})),
                )

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
