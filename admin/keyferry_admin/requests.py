"""The ledger: every answer that was ever signed, looked up, or handed out once more."""

import secrets

from keyferry_admin.errors import AmbiguousAnswer, NoSuchAnswer
from keyferry_admin.stack import Stack
from keyferry_protocol.response import ResponseBody
from keyferry_service.answers import read_answer
from keyferry_service.license import Answer
from keyferry_service.licenses_dynamodb import Licenses
from keyferry_service.queue_sqs import ask_to_sign
from keyferry_service.ticket import LIFE_S, Mail, Ticket, TicketState, answered_facts


def answers(licenses: Licenses, number: str) -> list[ResponseBody]:
    """What a license's requests were answered, the newest first."""
    found = [read_answer(answer) for answer in licenses.answers(number)]
    return sorted(found, key=lambda response: response.serial, reverse=True)


def find(licenses: Licenses, number: str, beginning: str) -> Answer:
    """The answer to the request whose SHA-256 begins so. Raises NoSuchAnswer, AmbiguousAnswer."""
    match list(licenses.answers(number, beginning)):
        case [answer]:
            return answer
        case []:
            raise NoSuchAnswer(f"No request of license {number} has a SHA-256 {beginning}...")
        case several:
            raise AmbiguousAnswer(f"{len(several)} requests have a SHA-256 {beginning}...")


def resend(stack: Stack, answer: Answer, email: str | None, now: int) -> Ticket:
    """Have an answer signed anew by the service and handed out on a new ticket, or mailed too.

    It is the same answer: no seat, no move and no end changes.
    """
    response = read_answer(answer)
    names = {
        seat.number: seat.machine_name for seat in stack.licenses.seats(response.license.number)
    }
    name = names.get(answer.seat, "")
    ticket = Ticket(
        id=secrets.token_urlsafe(32),
        expires_at=now + LIFE_S,
        state=TicketState.PROCESSING,
        email=email,
        mail=Mail.NONE if email is None else Mail.PENDING,
        uploaded_at=now,
        **answered_facts(response, name, answer.previous_valid_until),
    )
    stack.tickets.add(ticket)
    ask_to_sign(stack.sqs, stack.output("RequestsQueue"), ticket.id)
    return ticket
