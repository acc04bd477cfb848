"""Say how a ticket stands, have its answer emailed once more, and carry its two files.

A browser that cannot reach the storage sends and fetches the files here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.queue_sqs import MailRequest
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.ticket import (
    TICKET_ID,
    EmailStatus,
    ResponseFile,
    Ticket,
    TicketState,
)
from keyferry_service.use_cases.edge import Clock


class NoSuchTicket(Exception):
    """No ticket has this id, or it has ended, or it is no id at all: nobody learns which."""


class NotReady(Exception):
    """A ticket whose response is not there."""


class AlreadyUploaded(Exception):
    """A ticket that has its request file already: only the first one counts."""


@dataclass(frozen=True, slots=True)
class TicketStatus:
    """A ticket, when its file arrived, and its response once that is there."""

    ticket: Ticket
    uploaded_at: int | None
    response: ResponseFile | None


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
        data, response = self._response(ticket), None
        if data is not None:
            url = self.files.presign_download(ticket.id, ticket.file_name)
            response = ResponseFile(data, url)
        return TicketStatus(ticket, ticket.uploaded_at, response)

    def take_request_file(self, ticket_id: str, data: bytes) -> None:
        """Store the request file as an upload to the storage does.

        Raises NoSuchTicket, AlreadyUploaded.
        """
        ticket = self._require_ticket(ticket_id)
        if ticket.is_complete or not self.files.store_upload(ticket.id, data):
            raise AlreadyUploaded("The ticket has a file already.")

    def response_file(self, ticket_id: str) -> tuple[str, bytes]:
        """The name and the bytes of the response file. Raises NoSuchTicket, NotReady."""
        ticket = self._require_ticket(ticket_id)
        data = self._response(ticket)
        if data is None or not ticket.is_verifiable:
            raise NotReady("The ticket has no response to download.")
        return ticket.file_name, data

    def send_email(self, ticket_id: str, address: str) -> EmailStatus:
        """Have the response emailed to this address too. Raises NoSuchTicket, NotReady."""
        ticket = self._require_ticket(ticket_id)
        if self._response(ticket) is None:
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

    def _response(self, ticket: Ticket) -> bytes | None:
        """The response, which alone makes the ticket ready. Asking for it costs no call more."""
        if ticket.state is not TicketState.PROCESSING:
            return None
        return self.files.read_published(ticket.id, ticket.file_name)
