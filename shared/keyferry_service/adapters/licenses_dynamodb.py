"""The `Licenses` table as the vendor's commands read and change it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keyferry_protocol.encoding import format_time
from keyferry_service.adapters.items_dynamodb import (
    Item,
    from_item,
    members,
    plain,
    set_attributes,
    to_item,
)
from keyferry_service.adapters.ledger_dynamodb import (
    ANSWER,
    FOR_A_REPORT,
    RENEWAL,
    entry_from_item,
    kind_in,
    renewal_name,
)
from keyferry_service.adapters.license_rows_dynamodb import (
    AT_ONCE,
    DECIDED,
    LICENSE,
    LicenseRows,
    only,
    read_license,
    row_key,
)
from keyferry_service.adapters.retries import ConditionFailed, translate_conflicts
from keyferry_service.domain.change import CHANGE, Author, Change
from keyferry_service.domain.license import (
    DongleSeat,
    LedgerEntry,
    LicenseRecord,
    RegisteredDongle,
    Seat,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LICENSES_INDEX = "licenses"
_NOT_IN_INDEX = ("note", *DECIDED)
_FIRST_LOOK = 100  # licenses, in no order, where it is most likely that one is enough
_MANY_SEATS = 100


class LicenseExists(Exception):
    """A license number is in use already."""


class Licenses(LicenseRows):
    """Reads and writes the rows; knows their keys and conditions, and no rules.

    `author` says who makes the vendor's changes. The service makes none, and needs no author.
    """

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        author: Callable[[], Author] = lambda: Author("", 0),
    ) -> None:
        super().__init__(dynamodb, table)
        self._author = author

    @property
    def table(self) -> str:
        """The table's name, which no other stack of the account has."""
        return self._table

    def create(self, *licenses: LicenseRecord) -> None:
        """Put new licenses, all or none, at most 33. Raises LicenseExists, TransactionConflict."""
        author = self._author()
        items: list[Any] = []
        for license in licenses:
            change = Change.creating(license, author)
            items += [self._put_once(_license_item(license)), self._record(license.number, change)]
            if license.reference:
                items.append(self._put_reference(license))
        try:
            with translate_conflicts():
                self._dynamodb.transact_write_items(TransactItems=items)
        except ConditionFailed as error:
            numbers = ", ".join(license.number for license in licenses)
            raise LicenseExists(f"There is a license already of {numbers}.") from error

    def get(self, number: str) -> LicenseRecord | None:
        """The license with this number; None if there is none."""
        reply = self._dynamodb.get_item(
            TableName=self._table, Key=row_key(number, LICENSE), ConsistentRead=True
        )
        return read_license(reply.get("Item"))

    def change(
        self,
        before: LicenseRecord,
        after: LicenseRecord,
        what: str = CHANGE,
        undoes: int | None = None,
    ) -> None:
        """Write the vendor's change to a license that was just read. Raises Conflict."""
        items = self._change(before, after, what, undoes=undoes)
        with translate_conflicts():
            self._dynamodb.transact_write_items(TransactItems=items)

    def changes(self, number: str) -> list[Change]:
        """Every change that the vendor made to the license, the first one first."""
        pages = self._dynamodb.get_paginator("query").paginate(**self._query(number, "change#"))
        changes = [from_item(Change, item) for page in pages for item in page["Items"]]
        return sorted(changes, key=lambda change: change.revision)

    def find_reference(self, reference: str) -> list[str]:
        """The numbers of all licenses with this reference, in order."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :reference",
            ExpressionAttributeValues=to_item({":reference": _reference_key(reference)}),
            ConsistentRead=True,
        )
        return [item["sk"]["S"] for page in pages for item in page["Items"]]

    def release(self, before: LicenseRecord, after: LicenseRecord, seat: Seat) -> None:
        """Free a seat for a machine that cannot deactivate itself. Raises Conflict."""
        freed = set_attributes({"taken": False})
        freed["ConditionExpression"] = "#taken = :was"
        freed["ExpressionAttributeValues"] |= to_item({":was": True})
        items = [
            *self._change(before, after, "release-seat", str(seat.number)),
            self._update(before.number, f"seat#{seat.number}", freed),
        ]
        if seat.dongle_keyid is not None:
            items.append(self._update_dongle(before.number, DongleSeat(seat.dongle_keyid)))
        with translate_conflicts():
            self._dynamodb.transact_write_items(TransactItems=items)

    def dongles(self, number: str) -> Iterator[RegisteredDongle]:
        """Every dongle that is registered for the license, ordered by keyid."""
        pages = self._dynamodb.get_paginator("query").paginate(**self._query(number, "dongle#"))
        for page in pages:
            yield from (from_item(RegisteredDongle, item) for item in page["Items"])

    def add_dongle(
        self, before: LicenseRecord, after: LicenseRecord, dongle: RegisteredDongle
    ) -> None:
        """Register a dongle that is not yet registered. Raises Conflict."""
        row = {"pk": before.number, "sk": f"dongle#{dongle.keyid}", **members(dongle)}
        items = self._change(before, after, "add-dongle", dongle.keyid)
        items.append(self._put_once(to_item(row)))
        with translate_conflicts():
            self._dynamodb.transact_write_items(TransactItems=items)

    def remove_dongle(self, before: LicenseRecord, after: LicenseRecord, keyid: str) -> None:
        """Remove a dongle that has no seat. Raises Conflict."""
        delete = {
            "TableName": self._table,
            "Key": row_key(before.number, f"dongle#{keyid}"),
            "ConditionExpression": "seat = :none",
            "ExpressionAttributeValues": to_item({":none": None}),
        }
        items = [*self._change(before, after, "remove-dongle", keyid), {"Delete": delete}]
        with translate_conflicts():
            self._dynamodb.transact_write_items(TransactItems=items)

    def sold(self, attributes: Iterable[str] = ()) -> Iterator[LicenseRecord]:
        """Every license as the vendor wrote it, but for its note, in no order.

        It comes from the index, so it is a second old at worst, and has nothing of what was used.
        If attributes are named, it has only these, which takes half the time.
        """
        for item in self._scan_index(attributes):
            if license := read_license(item):
                yield license

    def has_product(self, product: str) -> bool:
        """Whether any license has it: most often the first hundred say so."""
        scan: Any = {
            "TableName": self._table,
            "IndexName": LICENSES_INDEX,
            "Select": "COUNT",
            "FilterExpression": "product = :product",
            "ExpressionAttributeValues": to_item({":product": product}),
        }
        page = self._dynamodb.scan(**scan, Limit=_FIRST_LOOK)
        while not page["Count"] and "LastEvaluatedKey" in page:
            page = self._dynamodb.scan(**scan, ExclusiveStartKey=page["LastEvaluatedKey"])
        return page["Count"] > 0

    def products(self) -> set[str]:
        """The products of all licenses."""
        return {item["product"]["S"] for item in self._scan_index(["product"])}

    def all(self) -> Iterator[LicenseRecord]:
        """Every license with what was used of it, in no order: for the vendor."""
        yield from self.read(license.number for license in self.sold())

    def with_use(
        self, sold: Iterable[LicenseRecord], attributes: Iterable[str] = _NOT_IN_INDEX
    ) -> Iterator[LicenseRecord]:
        """These licenses of the index as a whole, with their notes and what was used of them.

        Reads only that, or those of these attributes that are named, for a list. A license that is
        gone is left out; the order is lost.
        """
        by_number = {license.number: license for license in sold}
        keys = [row_key(number, LICENSE) for number in by_number]
        for row in self._rows(keys, ("number", *attributes)):
            use = plain(row)
            yield replace(by_number[use.pop("number")], **use)

    def read(self, numbers: Iterable[str]) -> Iterator[LicenseRecord]:
        """Those of these licenses that exist, with what was used of them, in no order."""
        rows = self._rows([row_key(number, LICENSE) for number in numbers])
        yield from (license for item in rows if (license := read_license(item)))

    def seats_of(self, used: Iterable[LicenseRecord]) -> Iterator[tuple[str, Seat]]:
        """Every seat that was ever taken of these licenses, with their numbers, in no order."""
        for row in self._seat_rows(used):
            yield row["pk"]["S"], from_item(Seat, row)

    def last_responses(self, used: Iterable[LicenseRecord]) -> Iterator[tuple[str, int]]:
        """When each seat of these licenses got its last response, with their numbers."""
        for row in self._seat_rows(used, ("pk", "last_response_at")):
            yield row["pk"]["S"], int(row["last_response_at"]["N"])

    def seats(self, number: str) -> Iterator[Seat]:
        """Every seat that was ever taken, in no order."""
        pages = self._dynamodb.get_paginator("query").paginate(**self._query(number, "seat#"))
        for page in pages:
            yield from (from_item(Seat, item) for item in page["Items"])

    def ledger_entries(self, number: str, beginning: str = "") -> Iterator[LedgerEntry]:
        """The answers to the requests whose SHA-256 begins so, in no order."""
        yield from self._entries(number, f"{ANSWER}{beginning}")

    def renewals(self, number: str, seat: int | None = None) -> Iterator[LedgerEntry]:
        """The renewals of a seat, or of all seats, in no order."""
        yield from self._entries(number, RENEWAL if seat is None else renewal_name(seat))

    def responses_between(self, since: int, until: int) -> Iterator[tuple[str, str | None, int]]:
        """Number of the license, kind, and moment of every response of this time, in no order.

        The kind is None where its row cannot be read. It reads the whole table, a page of 1 MB
        after the other so that requests are answered meanwhile, and so is for a report alone.
        """
        rows = self._scan(
            segments=1,
            FilterExpression="issued_at BETWEEN :since AND :until",  # which only these rows have
            ExpressionAttributeValues=to_item({":since": since, ":until": until}),
            **only(FOR_A_REPORT),
        )
        for item in rows:
            yield item["pk"]["S"], kind_in(item), int(item["issued_at"]["N"])

    def _entries(self, number: str, beginning: str) -> Iterator[LedgerEntry]:
        query = self._query(number, beginning)
        for page in self._dynamodb.get_paginator("query").paginate(**query):
            yield from (entry_from_item(item) for item in page["Items"])

    def _seat_rows(
        self, used: Iterable[LicenseRecord], attributes: Iterable[str] = ()
    ) -> Iterator[Item]:
        """The seats of these licenses, each a row whose key is known: those before the next one.

        A license with a great many gets a query of its own, which reads several rows for a unit.
        """
        keys, large = list[Item](), list[str]()
        for license in used:
            if license.next_seat > _MANY_SEATS:
                large.append(license.number)
            else:
                seats = range(1, license.next_seat)
                keys += [row_key(license.number, f"seat#{seat}") for seat in seats]
        yield from self._rows(keys, attributes)
        for number in large:
            query = self._query(number, "seat#") | only(attributes)
            for page in self._dynamodb.get_paginator("query").paginate(**query):
                yield from page["Items"]

    def _scan_index(self, attributes: Iterable[str]) -> Iterator[Item]:
        return self._scan(AT_ONCE, IndexName=LICENSES_INDEX, **only(attributes))

    def _change(
        self,
        before: LicenseRecord,
        after: LicenseRecord,
        what: str,
        subject: str = "",
        undoes: int | None = None,
    ) -> list[Any]:
        """The vendor's change to the license row, its record, and what leads to the license."""
        old = _attributes(before)
        changed = {name: value for name, value in _attributes(after).items() if value != old[name]}
        change = Change.between(before, after, self._author(), what, subject, undoes)
        items = [
            {"Update": self._if_unchanged(before.number, before.revision, changed)},
            self._record(before.number, change),
        ]
        if after.reference != before.reference:
            if before.reference:
                key = to_item({"pk": _reference_key(before.reference), "sk": before.number})
                items.append({"Delete": {"TableName": self._table, "Key": key}})
            if after.reference:
                items.append(self._put_reference(after))
        return items

    def _record(self, number: str, change: Change) -> Any:
        name = f"change#{format_time(change.at)}#{change.revision:016}"
        return self._put_once(to_item({"pk": number, "sk": name, **members(change)}))

    def _put_reference(self, license: LicenseRecord) -> Any:
        row = to_item({"pk": _reference_key(license.reference), "sk": license.number})
        return {"Put": {"TableName": self._table, "Item": row}}


def _license_item(license: LicenseRecord) -> Item:
    return to_item({"pk": license.number, "sk": LICENSE, **_attributes(license)})


def _attributes(license: LicenseRecord) -> dict[str, Any]:
    """The license row's. An older release puts `licensee` into files as it is, so it fits there."""
    licensee = license.licensee_in_files
    full = license.licensee if license.licensee != licensee else None
    return members(license) | {"licensee": licensee, "full_licensee": full}


def _reference_key(reference: str) -> str:
    return f"reference#{reference}"
