"""Decisions: a snapshot of all that a request names, and a transaction for what was decided."""

from collections.abc import Mapping
from typing import Any

from keyferry_protocol.request import Request
from keyferry_service.adapters.items_dynamodb import (
    Item,
    from_item,
    members,
    set_attributes,
    to_item,
)
from keyferry_service.adapters.ledger_dynamodb import (
    answer_name,
    entry_from_item,
    entry_to_item,
    renewal_name,
    renewal_to_item,
)
from keyferry_service.adapters.license_rows_dynamodb import (
    DECIDED,
    LICENSE,
    LicenseRows,
    read_license,
    row_key,
)
from keyferry_service.adapters.retries import translate_conflicts
from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.license import (
    DeviceKey,
    LedgerEntry,
    LicenseRecord,
    RegisteredDongle,
    Seat,
)
from keyferry_service.domain.refusals import MAX_SEATS_LISTED, by_last_response
from keyferry_service.domain.renew import Renewal
from keyferry_service.domain.request_context import Snapshot, anchor_keys

MAX_SEATS_READ = 2000  # for a refusal: 3 calls, a fraction of a second of the function


class Decisions(LicenseRows):
    """Reads what a decision rests on, and writes what follows from it; knows no rules."""

    def look_up(
        self, request: Request, get_ticket: Any, chosen_seat: int | None = None
    ) -> tuple[Snapshot, Item | None]:
        """All rows that the request names, as they stood at one moment, and `get_ticket`'s item.

        Which rows these are depends on nothing but the request, and the seat that was chosen for
        it. Raises Conflict.
        """
        names = _names(request, chosen_seat)
        gets: list[Any] = [{"Get": {"TableName": self._table, "Key": row_key(*n)}} for n in names]
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

    def look_up_seat(self, number: str, seat: int) -> tuple[LicenseRecord, Seat] | None:
        """A license and its seat as they stood at one moment; None unless both exist.

        Raises Conflict.
        """
        names = (LICENSE, f"seat#{seat}")
        gets: list[Any] = [
            {"Get": {"TableName": self._table, "Key": row_key(number, name)}} for name in names
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
        rows = {
            row["sk"]["S"]: row for row in self._rows([row_key(number, name) for name in names])
        }
        entry = rows.get(renewal) or rows.get(answer)
        return entry_from_item(entry) if entry else None, _read(RegisteredDongle, rows.get(dongle))

    def claim_renewal(self, renewal: Renewal, entry: LedgerEntry) -> None:
        """Record a renewal's bytes to sign and give the seat its serial and end: all or nothing.

        Raises Conflict.
        """
        number, seat = renewal.license.number, renewal.seat
        renewed = {
            name: getattr(seat, name) for name in ("serial", "issued", "valid_until", "renewed_at")
        }
        revision = {"revision": renewal.license.revision}
        items: list[Any] = [
            {"Update": self._if_unchanged(number, renewal.read_revision, revision)},
            self._update(number, f"seat#{seat.number}", set_attributes(renewed)),
            self._put_once(renewal_to_item(number, entry)),
        ]
        with translate_conflicts():
            self._dynamodb.transact_write_items(TransactItems=items)

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

    def _change_license(self, number: str, grant: Grant) -> Any:
        decided = {name: getattr(grant.license, name) for name in DECIDED}
        return {"Update": self._if_unchanged(number, grant.read_revision, decided)}

    def _open_seat(self, number: str, seat: Seat) -> Any:
        row = {"pk": number, "sk": f"seat#{seat.number}", **members(seat)}
        return self._put_once(to_item(row))

    def _change_seat(self, number: str, seat: Seat) -> Any:
        return self._update(number, f"seat#{seat.number}", set_attributes(members(seat)))

    def _put_key_index(self, number: str, key: DeviceKey) -> Any:
        row = {"pk": number, "sk": f"key#{key.keyid}", **members(key)}
        return {"Put": {"TableName": self._table, "Item": to_item(row)}}

    def _put_anchor_index(self, number: str, row: str, seat: Seat) -> Any:
        item = to_item({"pk": number, "sk": row, "seat": seat.number})
        return {"Put": {"TableName": self._table, "Item": item}}

    def _record_once(self, number: str, entry: LedgerEntry) -> Any:
        return self._put_once(entry_to_item(number, entry))


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


def _read(cls: Any, item: Item | None) -> Any:
    return from_item(cls, item) if item else None


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
