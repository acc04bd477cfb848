"""Renewals in a simulated cloud: the vendor's orders, and a witness of the moment of each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from keyferry_protocol.request import Request
from keyferry_service.adapters.items_dynamodb import Item, from_item
from keyferry_service.adapters.ledger_dynamodb import RENEWAL, entry_from_item
from keyferry_service.adapters.license_rows_dynamodb import read_license
from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.decide import decide
from keyferry_service.domain.ledger import response_in, response_to
from keyferry_service.domain.license import (
    DeviceKey,
    LedgerEntry,
    LicenseRecord,
    RegisteredDongle,
    Seat,
)
from keyferry_service.domain.request_context import Snapshot
from tests.service.simulation.dynamodb import Tables
from tests.support.builders import SERVICE_KEY, Computer, a_request


def an_order(number: str, seats: int, *, again: bool) -> dict[str, Any]:
    """The event by which the desk has the first seats of a license renewed."""
    pairs = [[seat, None] for seat in range(1, seats + 1)]
    return {"renew": {"license_number": number, "seats": pairs, "again": again}}


@dataclass(frozen=True)
class Renewed:
    """A renewal, and its license, seat, and dongle just before and just after it was written."""

    entry: LedgerEntry
    before: tuple[LicenseRecord, Seat]
    after: tuple[LicenseRecord, Seat]
    dongle: RegisteredDongle | None


@dataclass
class Witness:
    """Sees each transaction that writes a renewal, at the one moment at which it happens."""

    tables: Tables
    transactions: list[Renewed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tables.transact_write_items = self._watch(  # type: ignore[method-assign]
            self.tables.transact_write_items
        )

    def _watch(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def transact_write_items(**call: Any) -> Any:
            items = [item["Put"]["Item"] for item in call["TransactItems"] if "Put" in item]
            rows = [item for item in items if item.get("sk", {}).get("S", "").startswith(RENEWAL)]
            is_new = [row for row in rows if self._row(row["pk"]["S"], row["sk"]["S"]) is None]
            before = [self._rows_of(row) for row in is_new]
            reply = write(**call)
            for row, was in zip(is_new, before, strict=True):
                dongle = self._row(row["pk"]["S"], f"dongle#{was[1].dongle_keyid}")
                registered = from_item(RegisteredDongle, dongle) if dongle else None
                entry = entry_from_item(row)
                self.transactions.append(Renewed(entry, was, self._rows_of(row), registered))
            return reply

        return transact_write_items

    def _rows_of(self, row: Item) -> tuple[LicenseRecord, Seat]:
        number = row["pk"]["S"]
        license = read_license(self._row(number, "license"))
        seat = self._row(number, f"seat#{row['seat']['N']}")
        assert license is not None
        assert seat is not None
        return license, from_item(Seat, seat)

    def _row(self, number: str, name: str) -> Item | None:
        return self.tables.rows.get(("Licenses", number, name))


def update_at_that_moment(renewed: Renewed, computer: Computer) -> tuple[Request, Any]:
    """An update by the seat's holder just before the renewal, and the service's decision."""
    license, seat = renewed.before
    request = a_request(
        computer,
        "update",
        license_number=license.number,
        last_serial=seat.serial,
        protection=seat.protection,
    )
    snapshot = Snapshot(
        license,
        DeviceKey(request.device_keyid, seat.number, seat.load_key),
        renewed.dongle,
        seats={seat.number: seat},
    )
    return request, decide(request, snapshot, [SERVICE_KEY], renewed.entry.issued_at)


def gives_more_than_an_update(renewed: Renewed, computer: Computer) -> str:
    """What a renewal gives a machine that an update would not; "" if there is nothing."""
    request, decision = update_at_that_moment(renewed, computer)
    response = response_in(renewed.entry)
    if not isinstance(decision, Grant):
        return f"seat {response.seat} was renewed, and an update would be {decision.code}"
    update = response_to(request, decision, renewed.entry.issued_at)
    for name in ("serial", "seat", "license", "bound_to", "check_in_by", "grace_days"):
        if getattr(update, name) != getattr(response, name):
            return f"the renewal of seat {response.seat} has another {name} than an update"
    return ""


def changed_members(renewed: Renewed) -> set[str]:
    """The attributes of license and seat that are others after a renewal."""
    return {
        name
        for before, after in zip(renewed.before, renewed.after, strict=True)
        for name in before.__dataclass_fields__
        if getattr(before, name) != getattr(after, name)
    }
