"""Refusals as they are kept for the vendor, in the `Tickets` table: a row a license and day."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from keyferry_service.adapters.items_dynamodb import Item, plain, to_item
from keyferry_service.adapters.retries import ConditionFailed, translate_conflicts
from keyferry_service.adapters.ticket_rows_dynamodb import add_once
from keyferry_service.domain.license import DAY, day_of
from keyferry_service.domain.refusals import Refusal, RefusalRecord

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_DAYS = 90
REFUSALS_PER_LICENSE = 20  # a day; more of one day tell nothing new
REFUSALS_PREFIX = "refusals#"


class Refusals:
    """Reads and writes the rows; knows their keys and conditions, and no rules."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def keep(self, record: RefusalRecord) -> None:
        """Keep a refusal, however often this is repeated, unless its day is full.

        A plain update: it cancels no transaction, and none cancels it.
        """
        update = add_once(
            self._table,
            _row_key(record.license_number, record.at),
            "refusals",
            _to_text(record),
            REFUSALS_PER_LICENSE,
            (record.at // DAY + 1 + KEPT_DAYS) * DAY,
        )
        with suppress(ConditionFailed), translate_conflicts():
            self._dynamodb.update_item(**update)

    def of_license(self, number: str, now: int) -> list[RefusalRecord]:
        """The refusals of a license in the last 90 days, the newest first."""
        days = range(now - KEPT_DAYS * DAY, now + 1, DAY)
        request: Any = {"Keys": [to_item({"pk": _row_key(number, at)}) for at in days]}
        items: list[Item] = []
        while request is not None:
            reply: Any = self._dynamodb.batch_get_item(RequestItems={self._table: request})
            items += reply["Responses"].get(self._table, [])
            request = reply.get("UnprocessedKeys", {}).get(self._table)
        return _newest_first(items, now)

    def all(self, now: int) -> list[RefusalRecord]:
        """The refusals of every license in the last 90 days, the newest first.

        Scans the table: for the vendor alone.
        """
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(pk, :beginning) AND expires_at > :now",
            ExpressionAttributeValues=to_item({":beginning": REFUSALS_PREFIX, ":now": now}),
        )
        return _newest_first([item for page in pages for item in page["Items"]], now)


def _row_key(number: str, at: int) -> str:
    return f"{REFUSALS_PREFIX}{number}#{day_of(at)}"


def _newest_first(items: list[Item], now: int) -> list[RefusalRecord]:
    records = [record for item in items for record in records_in(item)]
    recent = [record for record in records if record.at > now - KEPT_DAYS * DAY]
    return sorted(recent, key=lambda record: (-record.at, record.license_number, record.ticket))


def records_in(item: Item) -> Iterator[RefusalRecord]:
    """The refusals of one row, in no order."""
    row = plain(item)
    number = row["pk"].removeprefix(REFUSALS_PREFIX).partition("#")[0]
    for text in row["refusals"]:
        members = json.loads(text)
        refusal = Refusal.from_json(members.pop("refusal"))
        yield RefusalRecord(license_number=number, refusal=refusal, **members)


def _to_text(record: RefusalRecord) -> str:
    """A record as a member of its row's set: the same text for the same record."""
    members = {
        "at": record.at,
        "kind": record.kind,
        "machine_name": record.machine_name,
        "ticket": record.ticket,
        "refusal": record.refusal.as_json(),
    }
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
