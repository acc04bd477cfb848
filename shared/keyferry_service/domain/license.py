"""The records of one license: terms, seats, keys and the ledger (docs/format.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from keyferry_protocol.components import ComponentHashes
from keyferry_protocol.encoding import MAX_TEXT
from keyferry_protocol.request import Request

DAY = 86_400  # seconds
YEAR_DAYS = 365
MAX_ISSUED = 16  # serials that a seat remembers


class Status(StrEnum):
    """Whether the vendor allows a license to be used."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class LicenseRecord:
    """What was sold, and what was used of it. Times are seconds since 1970, keys raw bytes."""

    number: str
    activation_public: bytes
    product: str
    valid_from: int
    licensee: str = ""
    contact: str = ""  # the address that is told when a seat is taken from a computer
    reference: str = ""  # the vendor's own number of the sale
    note: str = ""  # for the vendor alone, as are the labels
    labels: tuple[str, ...] = ()
    edition: str = ""
    features: Mapping[str, bool | int] = field(default_factory=dict)
    trial_days: int | None = None  # counted from the first issue, for all seats
    valid_until: int | None = None
    maintenance_until: int | None = None
    lease_days: int | None = None
    grace_days: int = 14
    protections: tuple[str, ...] = ("machine", "personal", "dongle")
    environments: tuple[str, ...] = ("physical",)
    seats: int = 1
    moves_per_year: int = 4
    status: Status = Status.ACTIVE
    seats_used: int = 0
    seats_ever_used: int = 0  # allow-move lowers it, below 0 too
    next_seat: int = 1
    moves: Mapping[str, int] = field(default_factory=dict)  # day (2026-11-24) -> count
    revision: int = 0
    first_issued_at: int | None = None

    @property
    def licensee_in_files(self) -> str:
        """The licensee as a response says it, which clients read up to 64 characters."""
        if len(self.licensee) <= MAX_TEXT:
            return self.licensee
        return self.licensee[: MAX_TEXT - 1].rstrip() + "…"

    @property
    def ends_at(self) -> int | None:
        """When it ends: its date or, for a trial, the term since its first issue if that is sooner.

        A trial that was never issued has no term yet.
        """
        if self.trial_days is None or self.first_issued_at is None:
            return self.valid_until
        term = self.first_issued_at + self.trial_days * DAY
        return term if self.valid_until is None else min(term, self.valid_until)

    def has_ended(self, now: int) -> bool:
        """Whether its end has come; the second in which it ends is over for it."""
        return self.ends_at is not None and self.ends_at <= now

    def issued(self, serial: int, now: int) -> "LicenseRecord":
        """The license after a response with this serial, which becomes its revision."""
        first = now if self.first_issued_at is None else self.first_issued_at
        return replace(self, revision=serial, first_issued_at=first)

    def with_seat_taken(self, *, is_move: bool) -> "LicenseRecord":
        """The license after its seat with the number `next_seat` was taken.

        A move takes the place of a seat that was freed; `with_move` counts it.
        """
        return replace(
            self,
            seats_used=self.seats_used + 1,
            seats_ever_used=self.seats_ever_used + (0 if is_move else 1),
            next_seat=self.next_seat + 1,
        )

    def with_seat_freed(self) -> "LicenseRecord":
        """The license after one of its seats was freed."""
        return replace(self, seats_used=self.seats_used - 1)

    def with_move(self, now: int) -> "LicenseRecord | None":
        """The license after one move, or else one never-used seat less; None if neither is left."""
        moves = self.recent_moves(now)
        if sum(moves.values()) < self.moves_per_year:
            today = day_of(now)
            return replace(self, moves={**moves, today: moves.get(today, 0) + 1})
        if self.seats_ever_used < self.seats:
            return replace(self, moves=moves, seats_ever_used=self.seats_ever_used + 1)
        return None

    def recent_moves(self, now: int) -> dict[str, int]:
        """The moves that still count: those less than 365 times 24 hours ago, to the whole day."""
        first = (_date(now) - timedelta(days=YEAR_DAYS)).isoformat()
        return {day: count for day, count in self.moves.items() if day >= first}

    def moves_left(self, now: int) -> int:
        """Moves of this year, and those that each use up a seat never taken."""
        yearly = self.moves_per_year - sum(self.recent_moves(now).values())
        return max(0, yearly) + max(0, self.seats - self.seats_ever_used)

    def next_move_at(self, now: int) -> int | None:
        """When old moves no longer count and one is possible again; None if it never will be."""
        recent = self.recent_moves(now)
        over = sum(recent.values()) - self.moves_per_year
        for day in sorted(recent):
            over -= recent[day]
            if over < 0:
                free = datetime.fromisoformat(day) + timedelta(days=YEAR_DAYS + 1)
                return int(free.replace(tzinfo=UTC).timestamp())
        return None


@dataclass(frozen=True, slots=True)
class Seat:
    """A machine's place in a license. Its number is never used twice."""

    number: int
    taken: bool
    protection: str
    device_key: bytes
    load_key: bytes | None  # None for a dongle
    components: ComponentHashes
    machine_name: str  # as the last request by the device key gave it
    since: int
    serial: int  # of the last response
    last_request_serial: int  # the `last_serial` of the last request by the device key
    last_response_at: int
    request_sha256: str = ""  # of the last request by the device key
    issued: tuple[int, ...] = ()  # its answer's serial, then those of the renewals since
    valid_until: int | None = None  # as in the last response
    renewed_at: int | None = None  # when it was last renewed; None if a request came since
    copies: int = 0  # requests that may come from a copied state
    dongle_keyid: str | None = None

    @classmethod
    def first_taken(
        cls, number: int, request: Request, serial: int, now: int, valid_until: int | None
    ) -> "Seat":
        """The seat after its first response, to this request."""
        return cls(
            number=number,
            taken=True,
            protection=request.protection,
            device_key=request.device_key,
            load_key=request.load_key,
            components=request.machine.components,
            machine_name=request.machine.name,
            since=now,
            serial=serial,
            last_request_serial=request.last_serial,
            last_response_at=now,
            request_sha256=request.sha256,
            issued=(serial,),
            valid_until=valid_until,
            dongle_keyid=request.dongle.keyid if request.dongle else None,
        )

    def updated(self, request: Request, serial: int, now: int, valid_until: int | None) -> "Seat":
        """The seat after one more response to its machine, as that machine is now."""
        first = Seat.first_taken(self.number, request, serial, now, valid_until)
        return replace(first, since=self.since, copies=self.copies)

    def renewed(self, serial: int, now: int, valid_until: int | None) -> "Seat":
        """The seat after a response that gives it today's terms and changes nothing else."""
        return replace(
            self, serial=serial, last_response_at=now, valid_until=valid_until, renewed_at=None
        )

    def with_renewal(self, serial: int, now: int, valid_until: int | None) -> "Seat":
        """The seat after a renewal, which no machine requested: of old ones it forgets the first.

        What it knows of the last request stays, the serial of that answer too.
        """
        answer, *renewals = self.issued or (self.serial,)
        latest = [*renewals, serial][1 - MAX_ISSUED :]
        return replace(
            self,
            serial=serial,
            valid_until=valid_until,
            renewed_at=now,
            issued=(answer, *latest),
        )

    @property
    def last_file_at(self) -> int:
        """When its last file was issued: an answer, or a renewal, which shows no sign of life."""
        return max(self.last_response_at, self.renewed_at or 0)

    def given_to(self, request: Request, serial: int, now: int, valid_until: int | None) -> "Seat":
        """The seat after it went to another machine."""
        seat = Seat.first_taken(self.number, request, serial, now, valid_until)
        return replace(seat, copies=self.copies)

    def freed(self, now: int) -> "Seat":
        """The seat after its machine gave it back."""
        return replace(self, taken=False, valid_until=now)


@dataclass(frozen=True, slots=True)
class DeviceKey:
    """Which seat a device key took. The record outlives the seat."""

    keyid: str
    seat: int
    load_key: bytes | None = None  # that it came with; None for a dongle's
    deactivated_at: int | None = None


@dataclass(frozen=True, slots=True)
class DongleSeat:
    """Which seat a registered dongle has from now on: the part of its row that a grant writes."""

    keyid: str
    seat: int | None = None


@dataclass(frozen=True, slots=True)
class RegisteredDongle:
    """A dongle that is registered for a license."""

    keyid: str
    alg: str
    public: bytes
    model: str
    serial: str
    seat: int | None = None
    attested_firmware: str | None = None  # of the YubiKey that proved it made the key


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """An entry of the ledger: the very bytes that were, and will be, signed for one request."""

    request_sha256: str
    body: bytes
    seat: int
    issued_at: int
    previous_valid_until: int | None = None
    replaced: bool = False  # the seat was another computer's, or its parts were others


def day_of(now: int) -> str:
    """The day under which a move is counted (UTC)."""
    return _date(now).isoformat()


def _date(now: int) -> date:
    return datetime.fromtimestamp(now, UTC).date()
