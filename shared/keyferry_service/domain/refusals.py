"""Refusals: the closed list of reasons for which a request gets no response."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from keyferry_service.domain.license import Seat


class RefusalCode(StrEnum):
    """In the order in which they are checked; the first that applies is the answer."""

    UNREADABLE_REQUEST = "unreadable-request"
    UNSUPPORTED_VERSION = "unsupported-version"
    NOT_AUTHENTIC = "not-authentic"
    KEYS_TOO_OLD = "keys-too-old"
    NOT_ACTIVATED = "not-activated"
    MACHINE_NOT_IDENTIFIED = "machine-not-identified"
    NEEDS_ADMINISTRATOR = "needs-administrator"
    LICENSE_SUSPENDED = "license-suspended"
    LICENSE_REVOKED = "license-revoked"
    LICENSE_EXPIRED = "license-expired"
    PRODUCT_MISMATCH = "product-mismatch"
    PROTECTION_NOT_ALLOWED = "protection-not-allowed"
    ENVIRONMENT_NOT_ALLOWED = "environment-not-allowed"
    DONGLE_NOT_REGISTERED = "dongle-not-registered"
    NO_SUCH_SEAT = "no-such-seat"
    NO_SEATS_LEFT = "no-seats-left"
    MOVE_LIMIT = "move-limit"


BEFORE_PROOF = (
    RefusalCode.UNREADABLE_REQUEST,
    RefusalCode.UNSUPPORTED_VERSION,
    RefusalCode.NOT_AUTHENTIC,
)
_LISTS_SEATS = (RefusalCode.NO_SUCH_SEAT, RefusalCode.NO_SEATS_LEFT)
_OFFERS_SEATS = "choose_seat"  # the fact that the person on the page may choose one of them
MAX_SEATS_LISTED = 50


def by_last_response(seat: Seat) -> tuple[int, int]:
    """Orders seats: first the one that was not heard of for longest."""
    return seat.last_response_at, seat.number


@dataclass(frozen=True, slots=True)
class Refusal:
    """A code, the variant of its sentence that fits, and the facts in that sentence."""

    code: RefusalCode
    variant: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Refusal":
        """The refusal of a document that `as_json` made."""
        return cls(RefusalCode(document["code"]), document["variant"], document["facts"])

    def as_json(self) -> dict[str, Any]:
        """The refusal as its ticket and refusal.json hold it."""
        return {"code": self.code, "variant": self.variant, "facts": dict(self.facts)}

    @property
    def is_proven(self) -> bool:
        """Whether the request proved itself, so that its license may be named and mailed."""
        return self.code not in BEFORE_PROOF

    @property
    def without_seats(self) -> "Refusal":
        """The same, but for the seats in use: those are the license's, not the refusal's."""
        facts = {name: value for name, value in self.facts.items() if name != "seats"}
        return replace(self, facts=facts)

    @property
    def lists_seats(self) -> bool:
        return self.code in _LISTS_SEATS or self.offers_seats

    @property
    def offers_seats(self) -> bool:
        """Whether the person on the page may choose which of the seats in use is taken."""
        return _OFFERS_SEATS in self.facts

    @property
    def offered_seats(self) -> tuple[int, ...]:
        """The seats that may be chosen; none where nothing may be."""
        return tuple(each["seat"] for each in self.facts["seats"]) if self.offers_seats else ()

    @property
    def offering_none(self) -> "Refusal":
        """The same, where no seat may be chosen any longer."""
        facts = {name: value for name, value in self.facts.items() if name != _OFFERS_SEATS}
        refusal = replace(self, facts=facts)
        return refusal if refusal.lists_seats else refusal.without_seats

    def offering_seats(self) -> "Refusal":
        """The same, where one of the seats in use may be chosen."""
        return replace(self, facts={**self.facts, _OFFERS_SEATS: True})

    def with_seats(self, seats: Sequence[Seat]) -> "Refusal":
        """The same, with the seats in use: first the one that was not heard of for longest."""
        listed = [
            {
                "seat": seat.number,
                "machine_name": seat.machine_name,
                "since": seat.since,
                "last_answered": seat.last_response_at,
                "renewed_at": seat.renewed_at,
            }
            for seat in sorted(seats, key=by_last_response)[:MAX_SEATS_LISTED]
        ]
        return replace(self, facts={**self.facts, "seats": listed})


@dataclass(frozen=True, slots=True)
class RefusalRecord:
    """A refusal as it is kept for the vendor: when, which computer, and why."""

    license_number: str
    at: int  # when the file arrived, in seconds since 1970
    kind: str
    machine_name: str
    ticket: str  # the prefix of its id, as in the logs
    refusal: Refusal  # without the seats that it listed
