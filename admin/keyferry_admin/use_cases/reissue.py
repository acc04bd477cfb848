"""Signs the response of every live seat with the other keys after a key was compromised.

The ticket ids of one run derive from a secret that is stored as long as the tickets exist, so an
interrupted run can be repeated: it finds the tickets it opened and opens the rest.
"""

import hmac
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.requests import reissue_ticket
from keyferry_protocol.response import ResponseBody
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.queue_sqs import request_resign
from keyferry_service.adapters.retries import ConditionFailed
from keyferry_service.domain.ledger import response_in
from keyferry_service.domain.license import LedgerEntry, LicenseRecord, Seat, Status
from keyferry_service.domain.ticket import Ticket

PER_SECOND = 25  # customers' requests wait in the same queue
_BATCH = 100  # ledger entries whose seats are read in one call


@dataclass(frozen=True, slots=True)
class Reissued:
    """A live seat, and the ticket for its new response."""

    license: LicenseRecord
    seat: Seat
    ticket: Ticket
    is_new: bool  # False if an earlier run opened the ticket


def live_seats(licenses: Licenses) -> int:
    """Count the seats in use, except those of revoked licenses."""
    return sum(each.seats_used for each in licenses.all() if each.status is not Status.REVOKED)


def reissue_live_seats(stack: Stack, keyid: str, now: int) -> Iterator[Reissued]:
    """Have the service sign the latest response of every live seat again.

    It skips revoked licenses. The order is undefined. Only a few seats are in memory at a time.
    """
    secret = stack.resignings.begin(keyid, secrets.token_bytes(32), now).secret
    for license in stack.licenses.all():
        if license.status is Status.REVOKED:
            continue
        for seat, entry, response in _latest_responses(stack, license.number):
            ticket_id = _ticket_id(secret, response)
            ticket, is_new = _open_ticket(stack, ticket_id, response, seat, entry, now)
            yield Reissued(license, seat, ticket, is_new)


def _latest_responses(
    stack: Stack, number: str
) -> Iterator[tuple[Seat, LedgerEntry, ResponseBody]]:
    entries = chain(stack.licenses.ledger_entries(number), stack.licenses.renewals(number))
    while batch := list(islice(entries, _BATCH)):
        seats = stack.licenses.read_seats(number, {entry.seat for entry in batch})
        for entry in batch:
            seat, response = seats.get(entry.seat), response_in(entry)
            if seat is not None and seat.taken and seat.serial == response.serial:
                yield seat, entry, response


def _open_ticket(
    stack: Stack, ticket_id: str, response: ResponseBody, seat: Seat, entry: LedgerEntry, now: int
) -> tuple[Ticket, bool]:
    """The ticket of a response, and whether it is new. Requests an outstanding signature again."""
    ticket = reissue_ticket(ticket_id, response, entry, seat.machine_name, None, now)
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
    time.sleep(1 / PER_SECOND)


def _ticket_id(secret: bytes, response: ResponseBody) -> str:
    """256 bits, like every ticket id, which nobody can guess without the secret."""
    name = f"{response.license.number} {response.request_sha256}"
    if response.is_renewal:  # of which one request may have several
        name += f" {response.serial}"
    return urlsafe_b64encode(hmac.digest(secret, name.encode(), "sha256")).decode().rstrip("=")
