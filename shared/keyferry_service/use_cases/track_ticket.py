"""Say how a ticket stands, and have its answer emailed once more."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.queue_sqs import MailRequest
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.ticket import TICKET_ID, EmailStatus, Ticket, TicketState
from keyferry_service.use_cases.edge import Clock


class NoSuchTicket(Exception):
    """No ticket has this id, or it has ended, or it is no id at all: nobody learns which."""


class NotReady(Exception):
    """A ticket whose response is not there to be emailed."""


@dataclass(frozen=True, slots=True)
class TicketStatus:
    """A ticket, when its file arrived, and the link to its response once that is there."""

    ticket: Ticket
    uploaded_at: int | None
    download_url: str | None


@dataclass(frozen=True)
class TrackTicket:
    """Answers the page, which asks until its ticket is ready or refused."""

    tickets: Tickets
    files: Files
    request_email: Callable[[MailRequest], None]
    clock: Clock

    def status(self, ticket_id: str) -> TicketStatus:
        """How the ticket stands. Raises NoSuchTicket."""
        ticket = self._require_ticket(ticket_id)
        if ticket.state is TicketState.AWAITING_UPLOAD:
            return TicketStatus(ticket, self.files.uploaded_at(ticket.id), None)
        url = None
        if self._is_ready(ticket):
            url = self.files.presign_download(ticket.id, ticket.file_name)
        return TicketStatus(ticket, ticket.uploaded_at, url)

    def send_email(self, ticket_id: str, address: str) -> EmailStatus:
        """Have the response emailed to this address too. Raises NoSuchTicket, NotReady."""
        ticket = self._require_ticket(ticket_id)
        if not self._is_ready(ticket):
            raise NotReady("The ticket has no response yet.")
        self.tickets.mark_email(ticket.id, EmailStatus.PENDING)
        self.request_email(MailRequest(ticket.id, address))
        return EmailStatus.PENDING

    def _require_ticket(self, ticket_id: str) -> Ticket:
        if not re.fullmatch(TICKET_ID, ticket_id):
            raise NoSuchTicket("This is no ticket's id.")
        ticket = self.tickets.get(ticket_id, int(self.clock.time()))
        if ticket is None:
            raise NoSuchTicket("There is no such ticket, or it has ended.")
        return ticket

    def _is_ready(self, ticket: Ticket) -> bool:
        """Whether its response is there: that alone makes it ready."""
        answered = ticket.state is TicketState.PROCESSING
        return answered and self.files.is_published(ticket.id, ticket.file_name)
