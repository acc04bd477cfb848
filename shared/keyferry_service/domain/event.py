"""Events: what happened to licenses, for the vendor's other systems (docs/operations/events.md).

An event is made from one row and nothing else, so that it can be made again: it has the same id.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from keyferry_protocol.encoding import format_time
from keyferry_service.domain.change import Change
from keyferry_service.domain.ledger import response_in
from keyferry_service.domain.license import LedgerEntry

ANSWERED = "keyferry.request.answered"
REFUSED = "keyferry.request.refused"
REPLACED = "keyferry.seat.replaced"
RENEWED = "keyferry.seat.renewed"
BOUNCED = "keyferry.email.bounced"
CHANGED = "keyferry.license.changed"
TYPES = (ANSWERED, REFUSED, REPLACED, RENEWED, BOUNCED, CHANGED)

# Of a license's attributes, those whose values an event says. Of the others, which may name a
# person, it says that they changed.
_SHOWN = frozenset(
    {
        "product",
        "edition",
        "features",
        "trial_days",
        "valid_from",
        "valid_until",
        "maintenance_until",
        "lease_days",
        "grace_days",
        "protections",
        "environments",
        "seats",
        "moves_per_year",
        "status",
        "reference",
        "labels",
    }
)
_TIMES = frozenset({"valid_from", "valid_until", "maintenance_until"})


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `time` is in seconds since 1970, `data` as JSON has it."""

    id: str
    type: str
    time: int
    data: Mapping[str, Any]
    license_number: str | None = None  # None before a request proved to know it

    def as_json(self, source: str) -> dict[str, Any]:
        """The event as CloudEvents 1.0 has it in its JSON format."""
        subject = {} if self.license_number is None else {"subject": self.license_number}
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": source,
            "type": self.type,
            **subject,
            "time": format_time(self.time),
            "dataschema": f"urn:keyferry:schema:{self.type}:1",
            "datacontenttype": "application/json",
            "data": dict(self.data),
        }


def events_of_entry(entry: LedgerEntry) -> Iterator[Event]:
    """What an entry of the ledger says: an answer, perhaps a replaced computer; or a renewal."""
    response = response_in(entry)
    number = response.license.number
    granted = {
        "license_number": number,
        "product": response.license.product,
        "edition": response.license.edition,
        "seat": response.seat,
        "serial": response.serial,
    }
    ends = {
        "protection": response.bound_to.protection,
        "trial": response.license.trial,
        "valid_until": _time(response.license.valid_until),
        "previous_valid_until": _time(entry.previous_valid_until),
    }

    def event(kind: str, data: Mapping[str, Any]) -> Event:
        # One request has one answer; a renewal's serial is the only one of its seat.
        key = (number, response.request_sha256, response.serial)
        return Event(_id(kind, *key), kind, entry.issued_at, data, number)

    if response.is_renewal:
        yield event(RENEWED, granted | ends)
        return
    request = {"request_sha256": response.request_sha256}
    yield event(ANSWERED, granted | {"kind": response.kind} | request | ends)
    if entry.replaced:
        yield event(REPLACED, granted | request)


def event_of_change(number: str, change: Change) -> Event:
    """The vendor's change to a license, without the values that may name a person."""
    data = {
        "license_number": number,
        "what": change.what,
        "revision": change.revision,
        "subject": change.subject or None,
        "undoes": change.undoes,
        "changed": sorted(change.after),
        "before": _shown(change.before),
        "after": _shown(change.after),
    }
    return Event(_id(CHANGED, number, change.revision), CHANGED, change.at, data, number)


def event_of_refusal(
    code: str, at: int, ticket: str, license_number: str | None = None, kind: str | None = None
) -> Event:
    """The refusal of a file that came `at` this time. `ticket` begins its ticket's id.

    License and kind are None before the request proved to know the license.
    """
    data = {"code": code, "license_number": license_number, "kind": kind}
    return Event(_id(REFUSED, ticket, at), REFUSED, at, data, license_number)


def event_of_bounce(
    license_number: str, reason: str, detail: str, at: int, key: tuple[str, ...]
) -> Event:
    """An email that came back or was complained of. `key` names it, and is in the id alone."""
    data = {"license_number": license_number, "reason": reason, "detail": detail}
    return Event(_id(BOUNCED, *key, at), BOUNCED, at, data, license_number)


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _time(value) if name in _TIMES else value
        for name, value in sorted(values.items())
        if name in _SHOWN
    }


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else format_time(seconds)


def _id(*key: str | int) -> str:
    """The same for the same key, and no way back from it to the key."""
    return sha256(json.dumps(key).encode()).hexdigest()[:32]
