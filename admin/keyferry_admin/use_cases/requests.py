"""The ledger: every answer that was ever signed, looked up, or handed out once more."""

import secrets
from dataclasses import dataclass

from keyferry_admin.errors import AmbiguousAnswer, NoSuchAnswer
from keyferry_admin.stack import Stack
from keyferry_protocol.response import ResponseBody
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.queue_sqs import ask_to_sign
from keyferry_service.domain.ledger import read_answer
from keyferry_service.domain.license import LedgerEntry, Seat
from keyferry_service.domain.ticket import LIFE_S, Mail, Ticket


def answers(licenses: Licenses, number: str) -> list[ResponseBody]:
    """What a license's requests were answered, the newest first."""
    found = [read_answer(answer) for answer in licenses.answers(number)]
    return sorted(found, key=lambda response: response.serial, reverse=True)


def find(licenses: Licenses, number: str, beginning: str) -> LedgerEntry:
    """The answer to the request whose SHA-256 begins so. Raises NoSuchAnswer, AmbiguousAnswer."""
    match list(licenses.answers(number, beginning)):
        case [answer]:
            return answer
        case []:
            raise NoSuchAnswer(f"No request of license {number} has a SHA-256 {beginning}...")
        case several:
            raise AmbiguousAnswer(f"{len(several)} requests have a SHA-256 {beginning}...")


@dataclass(frozen=True, slots=True)
class Resent:
    """The ticket on which an answer is handed out again, and the seat as it is now."""

    ticket: Ticket
    seat: Seat | None
    is_latest: bool  # else its seat was answered after it, or nobody has the seat any more


def resend(stack: Stack, answer: LedgerEntry, email: str | None, now: int) -> Resent:
    """Have an answer signed anew by the service and handed out on a new ticket, or mailed too.

    It is the same answer: no seat, no move and no end changes.
    """
    response = read_answer(answer)
    seat = stack.licenses.read_seats(response.license.number, {answer.seat}).get(answer.seat)
    name = seat.machine_name if seat is not None else ""
    ticket = handed_out(secrets.token_urlsafe(32), response, answer, name, email, now)
    stack.tickets.add(ticket)
    ask_to_sign(stack.sqs, stack.output("RequestsQueue"), ticket.id)
    is_latest = seat is not None and seat.serial == response.serial
    return Resent(ticket, seat, is_latest)


def handed_out(
    ticket_id: str,
    response: ResponseBody,
    answer: LedgerEntry,
    machine_name: str,
    email: str | None,
    now: int,
) -> Ticket:
    """The ticket on which an answer is handed out once more."""
    ticket = Ticket(
        id=ticket_id,
        expires_at=now + LIFE_S,
        email=email,
        mail=Mail.NONE if email is None else Mail.PENDING,
        uploaded_at=now,
    )
    return ticket.answered(response, machine_name, answer.previous_valid_until)
