"""After a key became known to others: what every live seat was answered, signed by the others.

The tickets of one run are named by a secret that is kept as long as they live. So a run that was
killed is given again as it was: what it did is found, and the rest is done.
"""

import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.requests import handed_out
from keyferry_protocol.response import ResponseBody
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.queue_sqs import request_resign
from keyferry_service.adapters.retries import ConditionFailed
from keyferry_service.domain.ledger import response_in
from keyferry_service.domain.license import LedgerEntry, LicenseRecord, Seat, Status
from keyferry_service.domain.ticket import Ticket

A_SECOND = 25  # so that the requests of customers, in the same queue, hardly wait
_AT_ONCE = 100  # answers whose seats are read in one call


@dataclass(frozen=True, slots=True)
class Resigned:
    """A live seat, and the ticket on which its answer is handed out again."""

    license: LicenseRecord
    seat: Seat
    ticket: Ticket
    is_new: bool  # else a run before this one opened the ticket


def live_seats(licenses: Licenses) -> int:
    """How many seats are in use, but of no revoked license."""
    return sum(each.seats_used for each in licenses.all() if each.status is not Status.REVOKED)


def resign_live_seats(stack: Stack, keyid: str, now: int) -> Iterator[Resigned]:
    """Have the latest answer of every seat in use signed anew, but of no revoked license.

    In no order, a few at a time: neither licenses nor seats are held in memory.
    """
    secret = stack.resignings.begin(keyid, secrets.token_bytes(32), now).secret
    for license in stack.licenses.all():
        if license.status is Status.REVOKED:
            continue
        for seat, answer, response in _latest_answers(stack, license.number):
            ticket_id = _ticket_id(secret, license.number, answer)
            ticket, is_new = _opened(stack, ticket_id, response, seat, answer, now)
            yield Resigned(license, seat, ticket, is_new)


def _latest_answers(stack: Stack, number: str) -> Iterator[tuple[Seat, LedgerEntry, ResponseBody]]:
    answers = stack.licenses.ledger_entries(number)
    while some := list(islice(answers, _AT_ONCE)):
        seats = stack.licenses.read_seats(number, {answer.seat for answer in some})
        for answer in some:
            seat, response = seats.get(answer.seat), response_in(answer)
            if seat is not None and seat.taken and seat.serial == response.serial:
                yield seat, answer, response


def _opened(
    stack: Stack, ticket_id: str, response: ResponseBody, seat: Seat, answer: LedgerEntry, now: int
) -> tuple[Ticket, bool]:
    """The ticket of an answer, and whether it is new; one that waits is asked for once more."""
    ticket = handed_out(ticket_id, response, answer, seat.machine_name, None, now)
    try:
        stack.tickets.add(ticket)
    except ConditionFailed:
        ticket = stack.tickets.get(ticket_id, now) or ticket
        if not stack.files.is_published(ticket_id, ticket.file_name):
            _ask(stack, ticket_id)
        return ticket, False
    _ask(stack, ticket_id)
    return ticket, True


def _ask(stack: Stack, ticket_id: str) -> None:
    request_resign(stack.sqs, stack.output("RequestsQueue"), ticket_id)
    time.sleep(1 / A_SECOND)


def _ticket_id(secret: bytes, number: str, answer: LedgerEntry) -> str:
    """Nobody can guess it who does not know the secret: 256 bits, as of every ticket."""
    name = f"{number} {answer.request_sha256}".encode()
    return urlsafe_b64encode(hmac.digest(secret, name, "sha256")).decode().rstrip("=")
