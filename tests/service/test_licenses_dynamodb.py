"""The largest reads and writes, and what a row keeps."""

from dataclasses import fields, replace
from typing import Any

import pytest

from keyferry_protocol.request import Dongle
from keyferry_service.adapters.decisions_dynamodb import Decisions
from keyferry_service.adapters.items_dynamodb import members, to_item
from keyferry_service.adapters.license_rows_dynamodb import DECIDED
from keyferry_service.adapters.licenses_dynamodb import LicenseExists, Licenses
from keyferry_service.domain.allocate import Grant, GrantRule
from keyferry_service.domain.license import (
    DeviceKey,
    DongleSeat,
    LedgerEntry,
    LicenseRecord,
)
from keyferry_service.domain.request_context import anchor_keys
from tests.support.builders import a_key, a_license, a_request, a_seat
from tests.support.samples import NOW, NUMBER
from tests.support.tables import LICENSES_TABLE

TICKET = {"Get": {"TableName": "Licenses", "Key": {"pk": {"S": "ticket"}, "sk": {"S": "-"}}}}


@pytest.fixture
def licenses(dynamodb: Any) -> Licenses:
    return Licenses(dynamodb, "Licenses")


@pytest.fixture
def decisions(dynamodb: Any) -> Decisions:
    return Decisions(dynamodb, "Licenses")


def test_a_license_is_read_as_it_was_written(licenses: Licenses) -> None:
    license = a_license(
        moves={"2026-11-24": 2}, trial_days=30, lease_days=90, environments=("physical", "virtual")
    )
    licenses.create(license)
    assert licenses.get(NUMBER) == license
    assert list(licenses.all()) == [license]
    assert licenses.get("999999999999") is None
    with pytest.raises(LicenseExists):
        licenses.create(license)


def test_the_index_has_licenses_alone_with_all_that_the_vendor_wrote_but_the_note(
    dynamodb: Any, licenses: Licenses
) -> None:
    license = a_license(reference="PO-4711", labels=("emea",), licensee="x" * 200)
    licenses.create(replace(license, note="call first", seats_used=1))
    seat = {"pk": NUMBER, "sk": "seat#1", **members(a_seat(number=1))}
    dynamodb.put_item(TableName="Licenses", Item=to_item(seat))
    assert list(licenses.sold()) == [license]


def test_a_license_of_an_older_release_is_read_listed_and_changed(
    dynamodb: Any, licenses: Licenses
) -> None:
    license = a_license()
    row = {"pk": NUMBER, "sk": "license", **members(license)}
    for name in ("reference", "note", "labels"):
        del row[name]
    dynamodb.put_item(TableName="Licenses", Item=to_item(row))
    assert licenses.get(NUMBER) == license
    assert list(licenses.sold()) == [license]
    changed = replace(license, labels=("emea",), revision=license.revision + 1)
    licenses.change(license, changed)
    assert licenses.get(NUMBER) == changed


def test_an_answer_changes_nothing_in_the_index() -> None:
    """So it costs no write there, and an index that is behind delays no answer."""
    (index,) = LICENSES_TABLE["GlobalSecondaryIndexes"]
    carried = set(index["Projection"]["NonKeyAttributes"]) | {"activation_public"}
    terms = {member.name for member in fields(LicenseRecord)} | {"full_licensee"}
    assert carried == terms - set(DECIDED) - {"note"}


def test_more_licenses_than_one_read_has_room_for(licenses: Licenses) -> None:
    numbers = {f"{n:012}" for n in range(101)}
    for number in numbers:
        licenses.create(a_license(number=number, activation_public=number.encode()))
    assert {license.number for license in licenses.all()} == numbers


def the_fullest_request() -> Any:
    """Eight network cards beside every other part, a dongle's row and a seat to be replaced."""
    hashes = tuple(sorted(f"{n:022}==" for n in range(8)))
    request = a_request(replaces_seat=3)
    components = dict(request.machine.components) | {"mac": hashes}
    machine = replace(request.machine, components=components)
    dongle = Dongle("Ed25519", a_key("dongle").public, "", "")
    return replace(request, machine=machine, dongle=dongle)


def test_the_largest_read_has_17_items(dynamodb: Any, decisions: Decisions) -> None:
    read: list[int] = []
    dynamodb.meta.events.register(
        "provide-client-params.dynamodb.TransactGetItems",
        lambda params, **_: read.append(len(params["TransactItems"])),
    )
    decisions.look_up(the_fullest_request(), TICKET)
    assert read == [17]


@pytest.mark.attack
@pytest.mark.parametrize("replaced", [None, 1])
def test_no_row_is_read_or_written_twice_in_one_transaction(
    dynamodb: Any, licenses: Licenses, decisions: Decisions, replaced: int | None
) -> None:
    """DynamoDB fails such a transaction as a whole, however often it comes."""
    licenses.create(a_license())
    request = a_request(replaces_seat=replaced)
    same = request.machine.components["mac"]
    components = {"tpm_key": same, "smbios_uuid": same, "board_serial": same, "mac": same * 3}
    request = replace(request, machine=replace(request.machine, components=components))
    transactions: list[list[Any]] = []
    for name in ("TransactGetItems", "TransactWriteItems"):
        dynamodb.meta.events.register(
            f"provide-client-params.dynamodb.{name}",
            lambda params, **_: transactions.append(list(map(_row, params["TransactItems"]))),
        )
    decisions.look_up(request, TICKET)
    grant = Grant(
        license=a_license(revision=1),
        seat=a_seat(number=3),
        rule=GrantRule.NEW_SEAT,
        anchor_keys=anchor_keys(request),
    )
    decisions.claim(request, grant, LedgerEntry(request.sha256, b"body", 3, NOW), None)
    assert len(transactions) == 2
    for rows in transactions:
        assert len(set(rows)) == len(rows)


def _row(item: Any) -> tuple[str, ...]:
    (operation,) = item.values()
    key = operation["Key"] if "Key" in operation else operation["Item"]
    return (operation["TableName"], key["pk"]["S"], key["sk"]["S"])


def test_the_largest_write_has_18_items(
    dynamodb: Any, licenses: Licenses, decisions: Decisions
) -> None:
    licenses.create(a_license())
    request = the_fullest_request()
    written: list[int] = []
    dynamodb.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems",
        lambda params, **_: written.append(len(params["TransactItems"])),
    )
    grant = Grant(
        license=a_license(revision=1),
        seat=a_seat(number=3),
        rule=GrantRule.NEW_SEAT,
        device_key=DeviceKey(request.device_keyid, 3),
        dongle_seats=(DongleSeat("old"), DongleSeat("new", 3)),
        anchor_keys=anchor_keys(request),
    )
    ticket_update = {
        "TableName": "Licenses",
        "Key": {"pk": {"S": "ticket"}, "sk": {"S": "-"}},
        "UpdateExpression": "SET a = :a",
        "ExpressionAttributeValues": {":a": {"S": "a"}},
    }
    decisions.claim(request, grant, LedgerEntry(request.sha256, b"body", 3, NOW), ticket_update)
    assert written == [18]
    assert [seat.number for seat in licenses.seats(NUMBER)] == [3]
    (seat,) = decisions.seats_in_use(NUMBER)
    assert seat == a_seat(number=3)


def test_a_refusal_lists_50_seats_in_use_at_most_the_oldest(
    dynamodb: Any, decisions: Decisions
) -> None:
    for number in range(1, 81):
        seat = a_seat(number=number, taken=number > 20, last_response_at=NOW - number)
        row = {"pk": NUMBER, "sk": f"seat#{number}", **members(seat)}
        dynamodb.put_item(TableName="Licenses", Item=to_item(row))
    listed = decisions.seats_in_use(NUMBER)
    assert [seat.number for seat in listed] == list(range(80, 30, -1))
