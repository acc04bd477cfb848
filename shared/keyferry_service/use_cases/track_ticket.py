"""Say how a ticket stands, show its response as lines and codes, mail it again."""

from collections.abc import Callable
from dataclasses import dataclass

from keyferry_protocol.response_text import to_response_text
from keyferry_protocol.typed_response import to_codes
from keyferry_service.adapters.emails_dynamodb import Emails
from keyferry_service.adapters.files_s3 import Files, PublishedFile
from keyferry_service.adapters.queue_sqs import MailRequest
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.ticket import EmailStatus, ResponseFile, Ticket, TicketState
from keyferry_service.use_cases.edge import Clock
from keyferry_service.use_cases.find_ticket import NotReady, find_response, find_ticket


class NoSuchCode(Exception):
    """A number beyond a response's QR codes, or a response that has none."""


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
    emails: Emails
    files: Files
    request_email: Callable[[MailRequest], None]
    clock: Clock

    def status(self, ticket_id: str) -> TicketStatus:
        """How the ticket stands. Raises NoSuchTicket."""
        ticket = find_ticket(ticket_id, self.tickets, self.clock)
        if ticket.state is TicketState.AWAITING_UPLOAD:
            return TicketStatus(ticket, self.files.uploaded_at(ticket.id), None)
        published, response = find_response(ticket, self.files), None
        if published is not None:
            url = self.files.presign_download(ticket.id, ticket.file_name)
            response = ResponseFile(published.data, url, _text_form(ticket, published))
        return TicketStatus(ticket, ticket.uploaded_at, response)

    def code(self, ticket_id: str, number: int) -> str:
        """The letters of one of the response's QR codes, counted from 1.

        Raises NoSuchTicket, NotReady, NoSuchCode.
        """
        ticket = find_ticket(ticket_id, self.tickets, self.clock)
        published = find_response(ticket, self.files)
        if published is None:
            raise NotReady("The ticket has no response yet.")
        text_form = _text_form(ticket, published)
        codes = [] if text_form is None else to_codes(text_form)
        if not 1 <= number <= len(codes):
            raise NoSuchCode("The response has no such code.")
        return codes[number - 1]

    def send_email(self, ticket_id: str, address: str) -> EmailStatus:
        """Have the response emailed to this address too. Raises NoSuchTicket, NotReady."""
        ticket = find_ticket(ticket_id, self.tickets, self.clock)
        if find_response(ticket, self.files) is None:
            raise NotReady("The ticket has no response yet.")
        self.emails.mark_email(ticket.id, EmailStatus.PENDING)
        self.request_email(MailRequest(ticket.id, address))
        return EmailStatus.PENDING


def _text_form(ticket: Ticket, published: PublishedFile) -> bytes | None:
    if published.deflated is None or ticket.request_sha256 is None or not ticket.is_verifiable:
        return None
    return to_response_text(published.data, published.deflated, ticket.request_sha256)
