"""Finds the responses of a license in the ledger, and sends them again."""

import secrets
from dataclasses import dataclass

from keyferry_admin.errors.licenses import AmbiguousAnswer, NoSuchAnswer
from keyferry_admin.stack import Stack
from keyferry_protocol.response import ResponseBody
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.queue_sqs import request_resign
from keyferry_service.domain.ledger import response_in
from keyferry_service.domain.license import LedgerEntry, Seat
from keyferry_service.domain.signing_keys import KeyStatus
from keyferry_service.domain.ticket import LIFE_S, EmailStatus, Ticket, new_ticket_id


def newest_first(licenses: Licenses, number: str) -> list[ResponseBody]:
    """Every response for this license, the newest first."""
    responses = [response_in(entry) for entry in licenses.ledger_entries(number)]
    return sorted(responses, key=lambda response: response.serial, reverse=True)


def find_entry(licenses: Licenses, number: str, beginning: str) -> LedgerEntry:
    """The ledger entry of the request whose SHA-256 begins with these digits.

    Raises NoSuchAnswer, AmbiguousAnswer.
    """
    match list(licenses.ledger_entries(number, beginning)):
        case [entry]:
            return entry
        case []:
            raise NoSuchAnswer(f"No request of license {number} has a SHA-256 {beginning}...")
        case several:
            raise AmbiguousAnswer(f"{len(several)} requests have a SHA-256 {beginning}...")


@dataclass(frozen=True, slots=True)
class ResendResult:
    """The ticket with the response, and the seat as it is now."""

    ticket: Ticket
    seat: Seat | None
    is_latest: bool  # False if the seat got a later response or is free now
    ended_keys: tuple[str, ...]  # which sign no longer, by keyid


def resend(stack: Stack, entry: LedgerEntry, email: str | None, now: int) -> ResendResult:
    """Have the service sign a response again, for a new ticket, and mail it if `email` is given.

    The BODY stays the same: no seat, move, or end date changes.
    """
    ended = ended_keys(stack)
    response = response_in(entry)
    seat = stack.licenses.read_seats(response.license.number, {entry.seat}).get(entry.seat)
    name = seat.machine_name if seat is not None else ""
    ticket = reissue_ticket(new_ticket_id(secrets.token_urlsafe), response, entry, name, email, now)
    stack.tickets.add(ticket)
    request_resign(stack.sqs, stack.output("RequestsQueue"), ticket.id)
    is_latest = seat is not None and seat.serial == response.serial
    return ResendResult(ticket, seat, is_latest, ended)


def ended_keys(stack: Stack) -> tuple[str, ...]:
    """The keyids of keys that sign no longer; none for a stack that an older release deployed."""
    if not stack.has_output("KeysTable"):
        return ()
    keys = stack.signing_keys.all()
    return tuple(key.keyid for key in keys if key.status is not KeyStatus.ACTIVE)


def reissue_ticket(
    ticket_id: str,
    response: ResponseBody,
    entry: LedgerEntry,
    machine_name: str,
    email: str | None,
    now: int,
) -> Ticket:
    """Open a ticket that hands out a response again."""
    ticket = Ticket(
        id=ticket_id,
        expires_at=now + LIFE_S,
        email=email,
        email_status=EmailStatus.NONE if email is None else EmailStatus.PENDING,
        uploaded_at=now,
    )
    return ticket.answered(response, machine_name, entry.previous_valid_until)
