"""An answer costs the same whether a license has one seat or many, a vendor one license or many."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest

from keyferry_service.domain.license import YEAR_DAYS, day_of
from tests.support import many
from tests.support.builders import LAB_07, LAB_08, a_license, a_request_file
from tests.support.samples import DAY, NOW
from tests.support.world import World

MOST_ROWS = 18  # in one call: docs/format.md names them all
LONGER = 1.01  # larger numbers have more digits
LARGEST_ROW = 16 * 1024  # bytes, of the 400 KB that a row may have


@dataclass
class Meter:
    """The calls of a table's client, how many rows each names, and all bytes there and back."""

    calls: list[tuple[str, int]] = field(default_factory=list)
    size: int = 0

    def sent(self, model: Any, params: Any, **_: Any) -> None:
        body = params["body"]
        self.calls.append((model.name, body.count(b'"pk": {')))
        self.size += len(body)

    def received(self, http_response: Any, **_: Any) -> None:
        self.size += len(http_response.content)


def cost(world: World, rows: Iterator[many.Row]) -> Meter:
    """What one machine's files take once the table is so full: of each kind one, and a move."""
    many.write(boto3.resource("dynamodb").Table("Licenses"), rows)
    meter = Meter()
    world.activate(a_request_file(LAB_08))  # so that the service's keys are known for a minute
    messages = [
        world.upload(world.open_ticket(), file)
        for file in (
            a_request_file(LAB_07),
            a_request_file(LAB_07, "update"),
            a_request_file(LAB_07.reinstalled()),
            a_request_file(LAB_07.reinstalled(), "deactivate"),
        )
    ]
    events = world.service["dynamodb"].meta.events
    events.register("before-call", meter.sent)
    events.register("after-call", meter.received)
    try:
        for message in messages:
            assert world.process(message) == []
    finally:
        events.unregister("before-call", meter.sent)
        events.unregister("after-call", meter.received)
    return meter


@pytest.mark.parametrize(
    ("few", "lots"),
    [
        pytest.param(
            many.a_license_with_seats(a_license(), 1),
            many.a_license_with_seats(a_license(), 200),
            id="a license with 1 seat, with 200",
        ),
        pytest.param(
            many.many_licenses(a_license(), 1),
            many.many_licenses(a_license(), 200),
            id="1 license, 200",
        ),
    ],
)
def test_an_answer_costs_the_same_however_full_the_table_is(
    world: World, few: Iterator[many.Row], lots: Iterator[many.Row]
) -> None:
    first = cost(world, few)
    empty(world)
    then = cost(world, lots)
    assert then.calls == first.calls
    assert max(rows for _, rows in then.calls) <= MOST_ROWS
    assert then.size <= LONGER * first.size


def test_the_license_row_stays_small_however_many_seats_there_are(
    world: World,
) -> None:
    """Of all its attributes only the moves are a list: a day each, and only the last year's."""
    days = [day_of(NOW - days * DAY) for days in range(3 * YEAR_DAYS)]
    license = a_license(
        seats=10**6 + 1,
        seats_used=10**6,
        seats_ever_used=10**6 + 1,  # so that the next one is a move
        next_seat=10**9,
        moves_per_year=10**9,
        moves=dict.fromkeys(days, 10**5),
    )
    world.licenses.create(license)
    world.activate(a_request_file(LAB_07))
    row = world.dynamodb.get_item(
        TableName="Licenses", Key={"pk": {"S": license.number}, "sk": {"S": "license"}}
    )["Item"]
    assert len(row["moves"]["M"]) <= YEAR_DAYS + 1
    assert len(json.dumps(row, default=str)) <= LARGEST_ROW


def empty(world: World) -> None:
    table = boto3.resource("dynamodb").Table("Licenses")
    with table.batch_writer() as batch:
        for row in world.rows("Licenses"):
            if row["pk"]["S"] != "keys":
                batch.delete_item(Key={name: row[name]["S"] for name in ("pk", "sk")})
