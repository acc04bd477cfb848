"""The rows of the `Licenses` table: their keys and conditions, read in batches and scans."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, TypeVar

from keyferry_service.adapters.items_dynamodb import (
    Item,
    from_item,
    members,
    set_attributes,
    to_item,
)
from keyferry_service.adapters.retries import FIRST_WAIT_S, MAX_WAIT_S
from keyferry_service.domain.license import DongleSeat, LicenseRecord, Seat, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LICENSE = "license"
AT_ONCE = 4  # calls of a command, which leave the table to the requests
_BATCH = 100  # the most rows of one BatchGetItem
# What a decision may change of a license; the rest is the vendor's.
DECIDED = ("revision", "seats_used", "seats_ever_used", "next_seat", "moves", "first_issued_at")

T = TypeVar("T")


class LicenseRows:
    """Reads rows by their keys and writes them on conditions, for `Licenses` and `Decisions`."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def read_seats(self, number: str, seats: set[int]) -> dict[int, Seat]:
        """Those of these seats that exist."""
        rows = self._rows([row_key(number, f"seat#{seat}") for seat in sorted(seats)])
        return {seat.number: seat for seat in (from_item(Seat, row) for row in rows)}

    def _scan(self, segments: int, **scan: Any) -> Iterator[Item]:
        """What a scan leads to, in no order; the next page of each segment is read meanwhile."""

        def read(place: dict[str, Any]) -> tuple[dict[str, Any], Any]:
            return place, self._dynamodb.scan(TableName=self._table, **scan, **place)

        places: list[dict[str, Any]] = [{}]
        if segments > 1:
            places = [{"Segment": each, "TotalSegments": segments} for each in range(segments)]
        with ThreadPoolExecutor(segments) as pool:
            reading = {pool.submit(read, place) for place in places}
            while reading:
                done, reading = wait(reading, return_when=FIRST_COMPLETED)
                for future in done:
                    place, page = future.result()
                    if last := page.get("LastEvaluatedKey"):
                        reading.add(pool.submit(read, place | {"ExclusiveStartKey": last}))
                    yield from page["Items"]

    def _rows(self, keys: list[Item], attributes: Iterable[str] = ()) -> Iterator[Item]:
        """The rows with these keys, in no order; if some are named, only these attributes."""
        projection = only(attributes)

        def read(portion: list[Item]) -> list[Item]:
            rows, wait_s = list[Item](), FIRST_WAIT_S
            while portion:
                request: Any = {"Keys": portion, "ConsistentRead": True, **projection}
                reply = self._dynamodb.batch_get_item(RequestItems={self._table: request})
                rows += reply["Responses"].get(self._table, [])
                unprocessed: Any = reply.get("UnprocessedKeys", {}).get(self._table, {"Keys": []})
                portion = unprocessed["Keys"]
                if portion:  # the table is busy
                    time.sleep(random.uniform(0, wait_s))
                    wait_s = min(2 * wait_s, MAX_WAIT_S)
            return rows

        return _at_once(read, [keys[at : at + _BATCH] for at in range(0, len(keys), _BATCH)])

    def _query(self, number: str, beginning: str) -> Any:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :number AND begins_with(sk, :beginning)",
            "ExpressionAttributeValues": to_item({":number": number, ":beginning": beginning}),
            "ConsistentRead": True,
        }

    def _if_unchanged(self, number: str, revision: int, values: Mapping[str, Any]) -> Any:
        update = set_attributes(values)
        update["ConditionExpression"] = "#revision = :read"  # so what was decided still holds
        update["ExpressionAttributeValues"] |= to_item({":read": revision})
        return {"TableName": self._table, "Key": row_key(number, LICENSE), **update}

    def _update_dongle(self, number: str, dongle: DongleSeat) -> Any:
        return self._update(number, f"dongle#{dongle.keyid}", set_attributes(members(dongle)))

    def _put_once(self, item: Item) -> Any:
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _update(self, number: str, row: str, update: Mapping[str, Any]) -> Any:
        return {"Update": {"TableName": self._table, "Key": row_key(number, row), **update}}


def _at_once(read: Callable[[T], list[Item]], parts: Sequence[T]) -> Iterator[Item]:
    """The rows of every part; a single one, as of a request, needs no thread."""
    if len(parts) < 2:
        yield from (row for part in parts for row in read(part))
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from (row for rows in pool.map(read, parts) for row in rows)


def only(attributes: Iterable[str]) -> dict[str, Any]:
    """The part of a read that leaves out other attributes; of no attributes, nothing."""
    names = {f"#{name}": name for name in attributes}
    if not names:
        return {}
    return {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}


def read_license(item: Item | None) -> LicenseRecord | None:
    """The license of an item of the table."""
    if not item:
        return None
    full: Any = item.get("full_licensee", {}).get("S")
    licensee = {"licensee": full} if full else {}
    return from_item(LicenseRecord, item, status=Status(item["status"]["S"]), **licensee)


def row_key(number: str, row: str) -> Item:
    return to_item({"pk": number, "sk": row})
