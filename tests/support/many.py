"""License tables as full as a large vendor's, written row by row and not by requests."""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from typing import Any

from keyferry_service.adapters.items_dynamodb import Item, members
from keyferry_service.adapters.license_rows_dynamodb import LICENSE
from keyferry_service.domain.license import DeviceKey, LedgerEntry, LicenseRecord, Seat
from tests.support.builders import Computer, a_seat

Row = dict[str, Any]
_BATCH = 25  # the most items of one BatchWriteItem


def a_license_with_seats(license: LicenseRecord, taken: int) -> Iterator[Row]:
    """Its row, and of each taken seat all that an activation leaves behind, but one seat to go."""
    sold = replace(license, seats=1_000_000, seats_used=taken, seats_ever_used=taken)
    yield _row(license.number, LICENSE, replace(sold, next_seat=taken + 1, revision=taken))
    seat = a_seat(Computer("LAB-00"))
    for number in range(1, taken + 1):
        yield from _seat_rows(license.number, replace(seat, number=number, serial=number))


def many_licenses(license: LicenseRecord, count: int) -> Iterator[Row]:
    """The license itself and so many others, each as it was sold."""
    yield _row(license.number, LICENSE, replace(license, seats=1_000_000))
    for number in range(1, count):
        other = replace(license, number=f"{number:012}")
        yield _row(other.number, LICENSE, other)


def write(table: Any, rows: Iterator[Row]) -> None:
    """Put all rows into a table (boto3's resource)."""
    with table.batch_writer() as batch:
        for row in rows:
            batch.put_item(Item=row)


def write_items(dynamodb: Any, table: str, items: Iterator[Item]) -> None:
    """Put all items into a table (boto3's client)."""
    while batch := list(islice(items, _BATCH)):
        puts = [{"PutRequest": {"Item": item}} for item in batch]
        dynamodb.batch_write_item(RequestItems={table: puts})


def _seat_rows(number: str, seat: Seat) -> Iterator[Row]:
    name = sha256(str(seat.number).encode()).hexdigest()
    yield _row(number, f"seat#{seat.number}", seat)
    yield _row(number, f"key#{name[:16]}", DeviceKey(name[:16], seat.number))
    yield _row(number, f"answer#{name}", LedgerEntry(name, b"", seat.number, seat.since))
    yield {"pk": number, "sk": f"anchor#{name[:32]}", "seat": seat.number}


def _row(number: str, name: str, value: Any) -> Row:
    return {"pk": number, "sk": name, **members(value)}
