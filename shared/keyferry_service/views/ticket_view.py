"""A ticket as the API describes it (docs: "HTTP API")."""

from hashlib import sha256
from typing import Any

from keyferry_protocol.encoding import format_time
from keyferry_protocol.typed_response import MAX_LINES, to_codes, to_lines
from keyferry_service.domain.refusals import Refusal
from keyferry_service.domain.ticket import (
    DOWNLOAD_URL_S,
    EmailStatus,
    ResponseFile,
    Ticket,
    TicketState,
)
from keyferry_service.views.refusal_text import Vendor, say_refusal

DELAYED_S = 15 * 60
_TIMES = ("since", "last_answered", "renewed_at", "ended_at", "next_move_at")


def new_ticket_document(ticket: Ticket, upload_form: dict[str, Any]) -> dict[str, Any]:
    """A new ticket: where to post its file, and where to follow it."""
    return {
        "id": ticket.id,
        "upload": upload_form,
        "status_url": f"/api/requests/{ticket.id}",
        "expires_at": format_time(ticket.expires_at),
    }


def ticket_document(
    ticket: Ticket, uploaded_at: int | None, response: ResponseFile | None, vendor: Vendor, now: int
) -> dict[str, Any]:
    """The ticket's state and facts. `response` is None until it is there."""
    document: dict[str, Any] = {
        "state": _state(ticket, uploaded_at, response is not None),
        # To whom it is handed, a renewal is an update that nobody had to request.
        "kind": "update" if ticket.kind == "renewal" else ticket.kind,
        "license_number": ticket.license_number,
        "email": _email_status(ticket),
    }
    if response is not None:
        document["response"] = _response(ticket, response, now)
    if ticket.refusal is not None and not ticket.is_undecided:
        document["refusal"] = _refusal(ticket.refusal, ticket.language, vendor)
    if ticket.choice is not None and ticket.is_undecided:
        document["chosen_seat"] = ticket.choice.seat
    since = ticket.choice.at if ticket.choice else uploaded_at
    if document["state"] == "processing" and since and now - since >= DELAYED_S:
        document["delayed"] = True
    return document


def may_change(document: dict[str, Any]) -> bool:
    """Whether a later look at the ticket may show something else."""
    is_open = document["state"] in ("awaiting-upload", "processing")
    return is_open or document["email"] == EmailStatus.PENDING


def _state(ticket: Ticket, uploaded_at: int | None, is_ready: bool) -> str:
    if ticket.state is TicketState.PROCESSING:
        return "ready" if is_ready else "processing"
    if ticket.state is TicketState.AWAITING_UPLOAD and uploaded_at is not None:
        return "processing"
    return "processing" if ticket.is_undecided else ticket.state


def _email_status(ticket: Ticket) -> EmailStatus:
    """The status of the email; a refusal before the proof will get none."""
    unproven = ticket.refusal is not None and not ticket.refusal.is_proven
    if unproven and ticket.email_status is EmailStatus.PENDING:
        return EmailStatus.WITHHELD
    return ticket.email_status


def _response(ticket: Ticket, response: ResponseFile, now: int) -> dict[str, Any]:
    return _file(ticket, response, now) | {
        "seat": ticket.seat,
        "machine_name": ticket.machine_name,
        "product": ticket.product,
        "edition": ticket.edition,
        "valid_until": _time(ticket.valid_until),
        "previous_valid_until": _time(ticket.previous_valid_until),
        "link_expires_at": _time(ticket.link_expires_at),
        "text": None if response.text_form is None else _text(ticket.id, response.text_form),
    }


def _text(ticket_id: str, text_form: bytes) -> dict[str, Any]:
    """What brings a response back without a file: lines to type, pictures for a scanner."""
    lines = to_lines(text_form)
    numbers = range(1, len(to_codes(text_form)) + 1)
    return {
        "lines": lines if len(lines) <= MAX_LINES else None,
        "codes": [f"/api/requests/{ticket_id}/codes/{number}" for number in numbers],
    }


def _file(ticket: Ticket, response: ResponseFile, now: int) -> dict[str, Any]:
    """The file; none where the seat is free, and the application could not verify the receipt."""
    if not ticket.is_verifiable:
        return dict.fromkeys(("filename", "bytes", "sha256", "download_url", "expires_at"))
    return {
        "filename": ticket.file_name,
        "bytes": len(response.data),
        "sha256": sha256(response.data).hexdigest(),
        "download_url": response.download_url,
        "expires_at": format_time(now + DOWNLOAD_URL_S),
    }


def _refusal(refusal: Refusal, language: str, vendor: Vendor) -> dict[str, Any]:
    text = say_refusal(refusal, language, vendor)
    facts = {name: _fact(name, value) for name, value in refusal.facts.items()}
    return {"code": refusal.code, "title": text.title, "detail": text.next_step, **facts}


def _fact(name: str, value: Any) -> Any:
    if name == "seats":
        return [{key: _fact(key, entry) for key, entry in seat.items()} for seat in value]
    return _time(value) if name in _TIMES else value


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else format_time(seconds)
