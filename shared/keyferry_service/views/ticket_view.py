"""A ticket as the API describes it (docs: "HTTP API")."""

from typing import Any

from keyferry_protocol.encoding import format_time
from keyferry_service.domain.refusals import Refusal
from keyferry_service.domain.ticket import DOWNLOAD_PASS_S, Mail, Ticket, TicketState
from keyferry_service.views.refusal_text import Vendor, say_refusal

DELAYED_S = 15 * 60
_TIMES = ("since", "last_answered", "ended_at", "next_move_at")


def describe(
    ticket: Ticket, uploaded_at: int | None, download_url: str | None, vendor: Vendor, now: int
) -> dict[str, Any]:
    """The ticket's state and facts. `download_url` is given once its response lies there."""
    said: dict[str, Any] = {
        "state": _state(ticket, uploaded_at, download_url),
        "kind": ticket.kind,
        "license_number": ticket.license_number,
        "email": _mail(ticket),
    }
    if download_url is not None:
        said["response"] = _response(ticket, download_url, now)
    if ticket.refusal is not None:
        said["refusal"] = _refusal(ticket.refusal, ticket.language, vendor)
    if said["state"] == "processing" and uploaded_at and now - uploaded_at >= DELAYED_S:
        said["delayed"] = True
    return said


def has_news_coming(said: dict[str, Any]) -> bool:
    """Whether asking again may tell more."""
    return said["state"] in ("awaiting-upload", "processing") or said["email"] == Mail.PENDING


def _state(ticket: Ticket, uploaded_at: int | None, download_url: str | None) -> str:
    if ticket.state is TicketState.PROCESSING:
        return "ready" if download_url else "processing"
    if ticket.state is TicketState.AWAITING_UPLOAD and uploaded_at is not None:
        return "processing"
    return ticket.state


def _mail(ticket: Ticket) -> Mail:
    """What became of the mail; of a refusal before the proof none will be sent."""
    unproven = ticket.refusal is not None and not ticket.refusal.is_proven
    return Mail.WITHHELD if unproven and ticket.mail is Mail.PENDING else ticket.mail


def _response(ticket: Ticket, download_url: str, now: int) -> dict[str, Any]:
    return {
        "filename": ticket.file_name,
        "download_url": download_url,
        "expires_at": format_time(now + DOWNLOAD_PASS_S),
        "seat": ticket.seat,
        "machine_name": ticket.machine_name,
        "product": ticket.product,
        "edition": ticket.edition,
        "valid_until": _time(ticket.valid_until),
        "previous_valid_until": _time(ticket.previous_valid_until),
        "link_expires_at": _time(ticket.link_expires_at),
        "text": None,
    }


def _refusal(refusal: Refusal, language: str, vendor: Vendor) -> dict[str, Any]:
    said = say_refusal(refusal, language, vendor)
    facts = {name: _fact(name, value) for name, value in refusal.facts.items()}
    return {"code": refusal.code, "title": said.title, "detail": said.next_step, **facts}


def _fact(name: str, value: Any) -> Any:
    if name == "seats":
        return [{key: _fact(key, entry) for key, entry in seat.items()} for seat in value]
    return _time(value) if name in _TIMES else value


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else format_time(seconds)
