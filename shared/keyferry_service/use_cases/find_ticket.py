"""Find the ticket of which a page has the id, and the response that makes it ready."""

import re

from keyferry_service.adapters.files_s3 import Files, PublishedFile
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.ticket import TICKET_ID, Ticket, TicketState
from keyferry_service.use_cases.edge import Clock


class NoSuchTicket(Exception):
    """No ticket has this id, or it has ended, or it is no id at all: nobody learns which."""


class NotReady(Exception):
    """A ticket whose response is not there."""


def find_ticket(ticket_id: str, tickets: Tickets, clock: Clock) -> Ticket:
    """The ticket with this id. Raises NoSuchTicket."""
    if not re.fullmatch(TICKET_ID, ticket_id):
        raise NoSuchTicket("This is no ticket's id.")
    ticket = tickets.get(ticket_id, int(clock.time()))
    if ticket is None:
        raise NoSuchTicket("There is no such ticket, or it has ended.")
    return ticket


def find_response(ticket: Ticket, files: Files) -> PublishedFile | None:
    """The response, which alone makes the ticket ready. Asking for it costs no call more."""
    if ticket.state is not TicketState.PROCESSING:
        return None
    return files.read_published(ticket.id, ticket.file_name)
