"""One request and all that is known about it: the input of a decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from keyferry_protocol.components import USER
from keyferry_protocol.matching import anchor_hashes, is_same_machine
from keyferry_protocol.request import Request
from keyferry_service.domain.license import (
    DeviceKey,
    LedgerEntry,
    LicenseRecord,
    RegisteredDongle,
    Seat,
)

MAX_LIFT = 1_000_000  # how far one request may lift the revision of a restored table


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rows that one request names, as they stood at one moment."""

    license: LicenseRecord | None = None
    device_key: DeviceKey | None = None
    dongle: RegisteredDongle | None = None  # with the key id of its dongle
    ledger_entry: LedgerEntry | None = None
    anchor_seats: frozenset[int] = frozenset()  # the seats that its anchors lead to
    seats: Mapping[int, Seat] = field(default_factory=dict)

    @property
    def unread_seats(self) -> set[int]:
        """The seats that its rows lead to and that a decision needs, but that were not read yet."""
        if self.ledger_entry is not None:  # the same answer again, whatever its seat is now
            return set()
        rows = (self.device_key, self.dongle)
        named = {row.seat for row in rows if row is not None and row.seat is not None}
        return (named | self.anchor_seats) - self.seats.keys()

    def with_seats(self, seats: Mapping[int, Seat]) -> "Snapshot":
        return replace(self, seats={**self.seats, **seats})


class RequestContext:
    """A request for a license that exists, at one moment; nothing in it changes."""

    def __init__(
        self,
        request: Request,
        snapshot: Snapshot,
        license: LicenseRecord,
        now: int,
        chosen_seat: int | None = None,
    ) -> None:
        self.request = request
        self.snapshot = snapshot
        self.license = license
        self.now = now
        self.chosen_seat = chosen_seat
        self.dongle = self._registered_dongle()
        self.key_seat = self._seat_of_key()
        self.current_seat = self._current_seat()

    @property
    def serial(self) -> int:
        """The response's serial, which becomes the license's revision."""
        revision = self.license.revision
        return max(revision, min(self.request.last_serial, revision + MAX_LIFT)) + 1

    @property
    def replaces_seat(self) -> int | None:
        """The seat to be taken from a lost computer.

        The request names it; or the person on the page chose it, which counts if no seat is free.
        """
        if self.license.seats_used < self.license.seats:
            return self.request.replaces_seat
        return self.request.replaces_seat or self.chosen_seat

    @cached_property
    def issued_license(self) -> LicenseRecord:
        """The license after a response to this request, before any seat or move is counted."""
        return self.license.issued(self.serial, self.now)

    @property
    def ends_at(self) -> int | None:
        """When what is granted ends; a trial that was never issued begins now."""
        return self.issued_license.ends_at

    @property
    def is_known(self) -> bool:
        """Whether the license has or had the key by which the machine proves itself."""
        if self.request.dongle is not None:
            return self.dongle is not None
        if not self.request.is_by_load_key:
            return self.snapshot.device_key is not None
        key = self.snapshot.device_key
        had = key is not None and key.load_key == self.request.load_key
        return had or self.current_seat is not None

    @cached_property
    def is_as_recorded(self) -> bool:
        """Whether the machine still is the one that its current seat has recorded."""
        seat, components = self.current_seat, self.request.machine.components
        return seat is not None and is_same_machine(seat.components, components)

    def _current_seat(self) -> Seat | None:
        """The seat of the key by which the machine proves itself."""
        if self.request.dongle is not None:
            return self._seat_of_dongle()
        seat = self.key_seat
        if seat is not None and self.request.is_by_load_key:
            return seat if seat.load_key == self.request.load_key else None
        return seat

    def _seat_of_key(self) -> Seat | None:
        """The seat that the request's device key has now."""
        key = self.snapshot.device_key
        seat = self.snapshot.seats.get(key.seat) if key else None
        return seat if seat and seat.taken and seat.device_key == self.request.device_key else None

    def _registered_dongle(self) -> RegisteredDongle | None:
        """The registered dongle that the request comes from; two keys may share a key id."""
        row, dongle = self.snapshot.dongle, self.request.dongle
        if row is None or dongle is None:
            return None
        return row if (row.alg, row.public) == (dongle.alg, dongle.public) else None

    def _seat_of_dongle(self) -> Seat | None:
        """The seat that the request's dongle has now."""
        dongle = self.dongle
        if dongle is None or dongle.seat is None:
            return None
        seat = self.snapshot.seats.get(dongle.seat)
        return seat if seat and seat.taken and seat.dongle_keyid == dongle.keyid else None


def anchor_keys(request: Request) -> tuple[str, ...]:
    """The sort keys by which this machine's own seat is found, for `personal` this user's.

    None is named twice: a transaction that names one row twice fails, however often it is tried.
    """
    components = request.machine.components
    user = "".join(f"#{item}" for item in components.get(USER, ()))
    return tuple(f"anchor#{item}{user}" for item in dict.fromkeys(anchor_hashes(components)))
