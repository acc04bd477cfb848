"""How often the desk's commands call AWS: once for many licenses, here for ten of 21."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.parsers import BaseJSONParser

from keyferry_admin.stack import Stack
from keyferry_service.adapters import license_rows_dynamodb, licenses_dynamodb
from keyferry_service.adapters.items_dynamodb import Item, members, to_item
from tests.service.admin.screens import Pipe
from tests.support.builders import a_license, a_seat
from tests.support.samples import DAY, NOW

SOLD, AT_ONCE = 21, 10
SCANNED = {"DescribeStacks": 1, "Scan": 4}  # the segments of the index


def write(stack: Stack, rows: list[Item]) -> None:
    for first in range(0, len(rows), 25):
        puts = [{"PutRequest": {"Item": row}} for row in rows[first : first + 25]]
        table = stack.output("LicensesTable")
        boto3.client("dynamodb").batch_write_item(RequestItems={table: puts})


def rows_of(number: int, seats: int, product: str = "Modeler") -> Iterator[Item]:
    """A license that was sold long ago, each of whose seats got a response since."""
    license = a_license(
        number=f"{number:012}",
        activation_public=number.to_bytes(32, "big"),
        product=product,
        valid_from=NOW - 300 * DAY,
        seats=seats,
        seats_used=seats,
        next_seat=seats + 1,
        first_issued_at=NOW - 200 * DAY,
    )
    yield to_item({"pk": license.number, "sk": "license", **members(license)})
    for seat in range(1, seats + 1):
        taken = replace(a_seat(), number=seat, last_response_at=NOW - 9 * DAY, machine_name="LAB-3")
        yield to_item({"pk": license.number, "sk": f"seat#{seat}", **members(taken)})


@pytest.fixture
def shop(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr(license_rows_dynamodb, "_BATCH", AT_ONCE)
    monkeypatch.setattr(licenses_dynamodb, "_FIRST_LOOK", AT_ONCE)
    monkeypatch.setattr(licenses_dynamodb, "_MANY_SEATS", AT_ONCE)
    write(stack, [row for number in range(SOLD) for row in rows_of(number, seats=1)])
    return stack


@pytest.fixture
def calls(shop: Stack) -> Iterator[Counter[str]]:
    tally = Counter[str]()

    def note(model: Any, **_: Any) -> None:
        tally[model.name] += 1

    shop.session.register("before-call", note)
    yield tally
    shop.session.unregister("before-call", note)


def test_a_page_of_the_list_reads_the_index_and_the_use_of_what_it_shows(
    run: Any, calls: Counter[str]
) -> None:
    assert "1 to 10 of 21 licenses." in run("license list --rows 10").out
    assert calls == SCANNED | {"BatchGetItem": 1}


def test_the_whole_list_reads_the_use_of_many_licenses_at_once(
    run: Any, calls: Counter[str]
) -> None:
    assert len(run("license list", Pipe).out.splitlines()) == SOLD
    assert calls == SCANNED | {"BatchGetItem": 3}


def test_what_is_unused_is_told_by_the_seats_of_many_licenses_at_once(
    run: Any, calls: Counter[str]
) -> None:
    ran = run("license list --unused-since 2026-08-01")
    assert ran.out.endswith("No license matches.\n")
    assert "Reading seats" in ran.err  # a bar, on a terminal
    assert calls == SCANNED | {"BatchGetItem": 3 + 3}


def test_a_computer_is_found_by_the_seats_of_many_licenses_at_once(
    run: Any, calls: Counter[str]
) -> None:
    ran = run("seat list --computer lab-3", Pipe)
    assert len(ran.out.splitlines()) == SOLD
    assert ran.err == ""
    assert calls == SCANNED | {"BatchGetItem": 3 + 3}


def test_a_license_with_very_many_seats_is_a_query_of_its_own(
    run: Any, shop: Stack, calls: Counter[str]
) -> None:
    write(shop, list(rows_of(SOLD, seats=AT_ONCE + 1)))
    calls.clear()
    ran = run("seat list --computer lab-3")
    assert ran.out.endswith("\n32 seats.\n")
    assert "Reading seats" in ran.err
    assert calls == SCANNED | {"BatchGetItem": 3 + 3, "Query": 1}
    assert run("license list --unused-since 2026-08-01").out.endswith("No license matches.\n")


def test_a_new_license_takes_four_calls(run: Any, calls: Counter[str]) -> None:
    assert run("license create --product Modeler").exit == 0
    once = ("DescribeStacks", "GetCallerIdentity", "Scan", "TransactWriteItems")
    assert calls == dict.fromkeys(once, 1)


def test_a_product_is_looked_for_in_some_licenses_and_then_in_all(
    shop: Stack, calls: Counter[str]
) -> None:
    write(shop, list(rows_of(SOLD, seats=0, product="Viewer")))
    licenses = shop.licenses
    calls.clear()
    assert licenses.has_product("Modeler")
    assert calls == {"Scan": 1}
    assert licenses.has_product("Viewer")
    assert not licenses.has_product("Modeller")
    assert calls == {"Scan": 1 + 2 + 2}


def test_rows_are_taken_as_the_reply_has_them(shop: Stack, monkeypatch: Any) -> None:
    scan = {"TableName": shop.output("LicensesTable"), "IndexName": "licenses", "Limit": 3}
    parsed = boto3.client("dynamodb").scan(**scan)
    monkeypatch.delattr(BaseJSONParser, "_handle_map")  # by which botocore parses a row
    taken = shop._dynamodb.scan(**scan)
    for name in ("Items", "Count", "ScannedCount", "LastEvaluatedKey"):
        assert taken[name] == parsed[name]
    assert isinstance(taken["Items"][0]["activation_public"]["B"], bytes)
    following = shop._dynamodb.scan(**scan, ExclusiveStartKey=taken["LastEvaluatedKey"])
    assert following["Items"][0] not in taken["Items"]
