"""The `Licenses` table: a snapshot of all that a request names, a transaction for its answer."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from keyferry_protocol.encoding import format_time
from keyferry_protocol.request import Request
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
    answer_name,
    entry_from_item,
    entry_to_item,
    kind_in,
    renewal_name,
    renewal_to_item,
)
from keyferry_service.adapters.retries import (
    FIRST_WAIT_S,
    MAX_WAIT_S,
    ConditionFailed,
    translate_conflicts,
)
from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.change import CHANGE, Author, Change
from keyferry_service.domain.license import (
    DeviceKey,
    DongleSeat,
    LedgerEntry,
    LicenseRecord,
    RegisteredDongle,
    Seat,
    Status,
)
from keyferry_service.domain.refusals import MAX_SEATS_LISTED, by_last_response
from keyferry_service.domain.renew import Renewal
from keyferry_service.domain.request_context import Snapshot, anchor_keys

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LICENSE = "license"
LICENSES_INDEX = "licenses"
MAX_SEATS_READ = 2000  # for a refusal: 3 calls, a fraction of a second of the function
_BATCH = 100  # the most rows of one BatchGetItem
_AT_ONCE = 4  # calls of a command, which leave the table to the requests
# What a decision may change of a license; the rest is the vendor's.
_DECIDED = ("revision", "seats_used", "seats_ever_used", "next_seat", "moves", "first_issued_at")
_NOT_IN_INDEX = ("note", *_DECIDED)


T = TypeVar("T")


class LicenseExists(Exception):
    """A license number is in use already."""


class Licenses:
    """Reads and writes the rows; knows their keys and conditions, and no rules.

    `author` says who makes the vendor's changes. The service makes none, and needs no author.
    """

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        author: Callable[[], Author] = lambda: Author("", 0),
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
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
            TableName=self._table, Key=_key(number, LICENSE), ConsistentRead=True
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
            "Key": _key(before.number, f"dongle#{keyid}"),
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
        """Whether any license has it: most often the first page says so."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table,
            IndexName=LICENSES_INDEX,
            Select="COUNT",
            FilterExpression="product = :product",
            ExpressionAttributeValues=to_item({":product": product}),
        )
        return any(page["Count"] for page in pages)

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
        keys = [_key(number, LICENSE) for number in by_number]
        for row in self._rows(keys, ("number", *attributes)):
            use = plain(row)
            yield replace(by_number[use.pop("number")], **use)

    def read(self, numbers: Iterable[str]) -> Iterator[LicenseRecord]:
        """Those of these licenses that exist, with what was used of them, in no order."""
        rows = self._rows([_key(number, LICENSE) for number in numbers])
        yield from (license for item in rows if (license := read_license(item)))

    def is_used_since(self, number: str, moment: int) -> bool:
        """Whether any seat of the license got a response at this moment or later."""
        query = self._query(number, "seat#")
        query["FilterExpression"] = "last_response_at >= :moment"
        query["ExpressionAttributeValues"] |= to_item({":moment": moment})
        query["ProjectionExpression"] = "sk"
        pages = self._dynamodb.get_paginator("query").paginate(**query)
        return any(page["Items"] for page in pages)

    def seats(self, number: str) -> Iterator[Seat]:
        """Every seat that was ever taken, in no order."""
        pages = self._dynamodb.get_paginator("query").paginate(**self._query(number, "seat#"))
        for page in pages:
            yield from (from_item(Seat, item) for item in page["Items"])

    def read_seats(self, number: str, seats: set[int]) -> dict[int, Seat]:
        """Those of these seats that exist."""
        rows = self._rows([_key(number, f"seat#{seat}") for seat in sorted(seats)])
        return {seat.number: seat for seat in (from_item(Seat, row) for row in rows)}

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
            **_only(FOR_A_REPORT),
        )
        for item in rows:
            yield item["pk"]["S"], kind_in(item), int(item["issued_at"]["N"])

    def look_up_seat(self, number: str, seat: int) -> tuple[LicenseRecord, Seat] | None:
        """A license and its seat as they stood at one moment; None unless both exist.

        Raises Conflict.
        """
        names = (LICENSE, f"seat#{seat}")
        gets: list[Any] = [
            {"Get": {"TableName": self._table, "Key": _key(number, name)}} for name in names
        ]
        with translate_conflicts():
            reply = self._dynamodb.transact_get_items(TransactItems=gets)
        row, seat_row = (entry.get("Item") for entry in reply["Responses"])
        license = read_license(row)
        return (license, from_item(Seat, seat_row)) if license and seat_row else None

    def look_up_last(
        self, number: str, seat: Seat
    ) -> tuple[LedgerEntry | None, RegisteredDongle | None]:
        """A seat's last response, as far as its row leads to it, and its dongle.

        Updates by the load key are passed over. All are read after the seat: the license's
        revision, on which a renewal depends, guards the dongle's row as it does the seat's.
        """
        renewal, answer = renewal_name(seat.number, seat.serial), answer_name(seat.request_sha256)
        dongle = f"dongle#{seat.dongle_keyid}"
        names = (renewal, answer, dongle) if seat.dongle_keyid else (renewal, answer)
        rows = {row["sk"]["S"]: row for row in self._rows([_key(number, name) for name in names])}
        entry = rows.get(renewal) or rows.get(answer)
        return entry_from_item(entry) if entry else None, _read(RegisteredDongle, rows.get(dongle))

    def seats_in_use(self, number: str) -> list[Seat]:
        """The seats that are taken and whose last response is oldest: as many as a refusal lists.

        They are the oldest of MAX_SEATS_READ: a license may have a million.
        """
        query = self._query(number, "seat#")
        query["FilterExpression"] = "taken = :taken"
        query["ExpressionAttributeValues"] |= to_item({":taken": True})
        taken: list[Seat] = []
        for page in self._dynamodb.get_paginator("query").paginate(**query):
            taken += [from_item(Seat, item) for item in page["Items"]]
            if len(taken) >= MAX_SEATS_READ:
                break
        return sorted(taken, key=by_last_response)[:MAX_SEATS_LISTED]

    def look_up(
        self, request: Request, get_ticket: Any, chosen_seat: int | None = None
    ) -> tuple[Snapshot, Item | None]:
        """All rows that the request names, as they stood at one moment, and `get_ticket`'s item.

        Which rows these are depends on nothing but the request, and the seat that was chosen for
        it. Raises Conflict.
        """
        names = _names(request, chosen_seat)
        gets: list[Any] = [{"Get": {"TableName": self._table, "Key": _key(*n)}} for n in names]
        with translate_conflicts():
            reply = self._dynamodb.transact_get_items(TransactItems=[*gets, get_ticket])
        items = [entry.get("Item") for entry in reply["Responses"]]
        rows = {name[1]: item for name, item in zip(names, items, strict=False) if item}
        return _snapshot(request, rows), items[-1]

    def read_unread_seats(self, number: str, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the seats that its rows lead to, read after them.

        Only for a proven request: others could tell from this call what the rows hold. Every change
        of a seat also changes the license's revision, on which the answer depends.
        """
        return snapshot.with_seats(self.read_seats(number, snapshot.unread_seats))

    def claim(
        self,
        request: Request,
        grant: Grant,
        entry: LedgerEntry,
        completion: Mapping[str, Any] | None,
    ) -> None:
        """Take or free the seat, record the bytes to sign, complete the ticket: all or nothing.

        `completion` updates the ticket; None where none waits. Raises Conflict.
        """
        number = request.license_number
        items = [
            self._change_license(number, grant),
            self._open_seat(number, grant.seat)
            if grant.is_new
            else self._change_seat(number, grant.seat),
            self._record_once(number, entry),
        ]
        if completion is not None:
            items.append({"Update": completion})
        if grant.device_key is not None:
            items.append(self._put_key_index(number, grant.device_key))
        items += [self._update_dongle(number, dongle) for dongle in grant.dongle_seats]
        items += [self._put_anchor_index(number, row, grant.seat) for row in grant.anchor_keys]
        with translate_conflicts():
            self._dynamodb.transact_write_items(TransactItems=items)

    def claim_renewal(self, renewal: Renewal, entry: LedgerEntry) -> None:
        """Record a renewal's bytes to sign and give the seat its serial and end: all or nothing.

        Raises Conflict.
        """
        number, seat = renewal.license.number, renewal.seat
        renewed = {name: getattr(seat, name) for name in ("serial", "issued", "valid_until")}
        revision = {"revision": renewal.license.revision}
        items: list[Any] = [
            {"Update": self._if_unchanged(number, renewal.read_revision, revision)},
            self._update(number, f"seat#{seat.number}", set_attributes(renewed)),
            self._put_once(renewal_to_item(number, entry)),
        ]
        with translate_conflicts():
            self._dynamodb.transact_write_items(TransactItems=items)

    def _entries(self, number: str, beginning: str) -> Iterator[LedgerEntry]:
        query = self._query(number, beginning)
        for page in self._dynamodb.get_paginator("query").paginate(**query):
            yield from (entry_from_item(item) for item in page["Items"])

    def _scan_index(self, attributes: Iterable[str]) -> Iterator[Item]:
        return self._scan(_AT_ONCE, IndexName=LICENSES_INDEX, **_only(attributes))

    def _scan(self, segments: int, **scan: Any) -> Iterator[Item]:
        """What a scan leads to, in no order; the next page of each segment is read meanwhile."""

        def read(place: dict[str, Any]) -> tuple[dict[str, Any], Any]:
            return place, self._dynamodb.scan(TableName=self._table, **scan, **place)

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
        only = _only(attributes)

        def read(portion: list[Item]) -> list[Item]:
            rows, wait_s = list[Item](), FIRST_WAIT_S
            while portion:
                request: Any = {"Keys": portion, "ConsistentRead": True, **only}
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

    def _change_license(self, number: str, grant: Grant) -> Any:
        decided = {name: getattr(grant.license, name) for name in _DECIDED}
        return {"Update": self._if_unchanged(number, grant.read_revision, decided)}

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

    def _if_unchanged(self, number: str, revision: int, values: Mapping[str, Any]) -> Any:
        update = set_attributes(values)
        update["ConditionExpression"] = "#revision = :read"  # so what was decided still holds
        update["ExpressionAttributeValues"] |= to_item({":read": revision})
        return {"TableName": self._table, "Key": _key(number, LICENSE), **update}

    def _open_seat(self, number: str, seat: Seat) -> Any:
        row = {"pk": number, "sk": f"seat#{seat.number}", **members(seat)}
        return self._put_once(to_item(row))

    def _change_seat(self, number: str, seat: Seat) -> Any:
        return self._update(number, f"seat#{seat.number}", set_attributes(members(seat)))

    def _put_key_index(self, number: str, key: DeviceKey) -> Any:
        row = {"pk": number, "sk": f"key#{key.keyid}", **members(key)}
        return {"Put": {"TableName": self._table, "Item": to_item(row)}}

    def _update_dongle(self, number: str, dongle: DongleSeat) -> Any:
        return self._update(number, f"dongle#{dongle.keyid}", set_attributes(members(dongle)))

    def _put_anchor_index(self, number: str, row: str, seat: Seat) -> Any:
        item = to_item({"pk": number, "sk": row, "seat": seat.number})
        return {"Put": {"TableName": self._table, "Item": item}}

    def _record_once(self, number: str, entry: LedgerEntry) -> Any:
        return self._put_once(entry_to_item(number, entry))

    def _put_once(self, item: Item) -> Any:
        return {
            "Put": {
                "TableName": self._table,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _update(self, number: str, row: str, update: Mapping[str, Any]) -> Any:
        return {"Update": {"TableName": self._table, "Key": _key(number, row), **update}}


def _at_once(read: Callable[[T], list[Item]], parts: Sequence[T]) -> Iterator[Item]:
    """The rows of every part; a single one, as of a request, needs no thread."""
    if len(parts) < 2:
        yield from (row for part in parts for row in read(part))
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from (row for rows in pool.map(read, parts) for row in rows)


def _only(attributes: Iterable[str]) -> dict[str, Any]:
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


def _snapshot(request: Request, rows: Mapping[str, Item]) -> Snapshot:
    anchors = {int(row["seat"]["N"]) for name, row in rows.items() if name.startswith("anchor#")}
    seats = [from_item(Seat, row) for name, row in rows.items() if name.startswith("seat#")]
    entry = rows.get(answer_name(request.sha256))
    return Snapshot(
        license=read_license(rows.get(LICENSE)),
        device_key=_read(DeviceKey, rows.get(_key_name(request))),
        dongle=_read(RegisteredDongle, rows.get(_dongle_name(request))),
        ledger_entry=entry_from_item(entry) if entry else None,
        anchor_seats=frozenset(anchors),
        seats={seat.number: seat for seat in seats},
    )


def _license_item(license: LicenseRecord) -> Item:
    return to_item({"pk": license.number, "sk": LICENSE, **_attributes(license)})


def _attributes(license: LicenseRecord) -> dict[str, Any]:
    """The license row's. An older release puts `licensee` into files as it is, so it fits there."""
    licensee = license.licensee_in_files
    full = license.licensee if license.licensee != licensee else None
    return members(license) | {"licensee": licensee, "full_licensee": full}


def _reference_key(reference: str) -> str:
    return f"reference#{reference}"


def _read(cls: Any, item: Item | None) -> Any:
    return from_item(cls, item) if item else None


def _key(number: str, row: str) -> Item:
    return to_item({"pk": number, "sk": row})


def _key_name(request: Request) -> str:
    return f"key#{request.device_keyid}"


def _dongle_name(request: Request) -> str:
    return f"dongle#{request.dongle.keyid}" if request.dongle else ""


def _names(request: Request, chosen_seat: int | None) -> list[tuple[str, str]]:
    """The keys of all rows that a request can need: at most 16."""
    names = [LICENSE, _key_name(request), answer_name(request.sha256)]
    if request.kind == "activate":
        names += anchor_keys(request)
    seat = request.replaces_seat or chosen_seat
    if seat is not None:
        names.append(f"seat#{seat}")
    if request.dongle is not None:
        names.append(_dongle_name(request))
    return [(request.license_number, name) for name in names]
