"""A ticket: one file's journey as the page sees it, with every fact that page and letter say."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from keyferry_protocol.request import Request
from keyferry_protocol.response import ResponseBody
from keyferry_service.domain.license import DAY, LicenseRecord
from keyferry_service.domain.refusals import Refusal, RefusalCode

LIFE_S = 7 * DAY  # as long as a mailed link
DOWNLOAD_PASS_S = 60  # how long one click may take
REFUSAL_FILE = "refusal.json"
TICKET_ID = "[A-Za-z0-9_-]{43}"


class TicketState(StrEnum):
    """What is stored of it; `ready` is not: that is the response's existence."""

    AWAITING_UPLOAD = "awaiting-upload"
    PROCESSING = "processing"
    REFUSED = "refused"


class Mail(StrEnum):
    """What became of the e-mail."""

    NONE = "none"
    PENDING = "pending"
    SENT = "sent"
    BOUNCED = "bounced"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class Ticket:
    """Times are seconds since 1970. Facts of a license are None until its request proved itself."""

    id: str
    expires_at: int
    state: TicketState = TicketState.AWAITING_UPLOAD
    email: str | None = None
    language: str = "en"
    mail: Mail = Mail.NONE
    link_expires_at: int | None = None
    version_id: str | None = None
    uploaded_at: int | None = None
    request_sha256: str | None = None
    file_name: str = REFUSAL_FILE
    kind: str | None = None
    license_number: str | None = None
    machine_name: str = ""
    product: str = ""
    edition: str = ""
    seat: int | None = None
    valid_until: int | None = None
    previous_valid_until: int | None = None
    seats_used: int | None = None  # once this answer was given; unknown where it is given again
    seats: int | None = None
    refusal: Refusal | None = None

    @property
    def is_complete(self) -> bool:
        """Whether a file has its answer on this ticket, so that it is only handed out again."""
        return self.state is not TicketState.AWAITING_UPLOAD


def ticket_prefix(ticket_id: str) -> str:
    """Enough of a ticket's id to follow it through the logs, and too little to use it."""
    return ticket_id[:8]


def answered_facts(
    response: ResponseBody, machine_name: str, previous_valid_until: int | None
) -> dict[str, Any]:
    """What a ticket says of an answered request."""
    return {
        "request_sha256": response.request_sha256,
        "kind": response.kind,
        "license_number": response.license.number,
        "machine_name": machine_name,
        "file_name": f"{response.file_stem}.response",
        "product": response.license.product,
        "edition": response.license.edition,
        "seat": response.seat,
        "valid_until": response.license.valid_until,
        "previous_valid_until": previous_valid_until,
    }


def seat_facts(license: LicenseRecord) -> dict[str, int]:
    """What a ticket says of the license as its own answer left it."""
    return {"seats_used": license.seats_used, "seats": license.seats}


def refused_facts(request: Request | None, refusal: Refusal) -> dict[str, Any]:
    """What a ticket says of a refusal; nothing of a license before its request proved itself."""
    said = {"refusal": refusal_row(refusal)}
    return said | _request_facts(request) if request is not None and refusal.is_proven else said


def refusal_row(refusal: Refusal) -> dict[str, Any]:
    return {"code": refusal.code, "variant": refusal.variant, "facts": dict(refusal.facts)}


def read_refusal(row: Mapping[str, Any]) -> Refusal:
    return Refusal(RefusalCode(row["code"]), row["variant"], row["facts"])


def _request_facts(request: Request) -> dict[str, Any]:
    return {
        "request_sha256": request.sha256,
        "kind": request.kind,
        "license_number": request.license_number,
        "machine_name": request.machine.name,
    }
