"""Say how a ticket stands, mail its answer again, take a choice of a seat, carry its two files.

A browser that cannot reach the storage sends and fetches the files here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from keyferry_protocol.response_text import to_response_text
from keyferry_protocol.typed_response import to_codes
from keyferry_service.adapters.files_s3 import Files, PublishedFile
from keyferry_service.adapters.queue_sqs import ChosenSeat, MailRequest
from keyferry_service.adapters.retries import HasDeadline, retry_until_deadline
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


class NoSuchCode(Exception):
    """A number beyond a response's QR codes, or a response that has none."""


class AlreadyUploaded(Exception):
    """A ticket that has its request file already: only the first one counts."""


class NoChoice(Exception):
    """A ticket on which no seat may be chosen."""


class NotOffered(Exception):
    """A seat that is none of those of which one may be chosen."""


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
    request_decision: Callable[[ChosenSeat], None]
    clock: Clock

    def status(self, ticket_id: str) -> TicketStatus:
        """How the ticket stands. Raises NoSuchTicket."""
        ticket = self._require_ticket(ticket_id)
        if ticket.state is TicketState.AWAITING_UPLOAD:
            return TicketStatus(ticket, self.files.uploaded_at(ticket.id), None)
        published, response = self._response(ticket), None
        if published is not None:
            url = self.files.presign_download(ticket.id, ticket.file_name)
            response = ResponseFile(published.data, url, _text_form(ticket, published))
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
        published = self._response(ticket)
        if published is None or not ticket.is_verifiable:
            raise NotReady("The ticket has no response to download.")
        return ticket.file_name, published.data

    def code(self, ticket_id: str, number: int) -> str:
        """The letters of one of the response's QR codes, counted from 1.

        Raises NoSuchTicket, NotReady, NoSuchCode.
        """
        ticket = self._require_ticket(ticket_id)
        published = self._response(ticket)
        if published is None:
            raise NotReady("The ticket has no response yet.")
        text_form = _text_form(ticket, published)
        codes = [] if text_form is None else to_codes(text_form)
        if not 1 <= number <= len(codes):
            raise NoSuchCode("The response has no such code.")
        return codes[number - 1]

    def send_email(self, ticket_id: str, address: str) -> EmailStatus:
        """Have the response emailed to this address too. Raises NoSuchTicket, NotReady."""
        ticket = self._require_ticket(ticket_id)
        if self._response(ticket) is None:
            raise NotReady("The ticket has no response yet.")
        self.tickets.mark_email(ticket.id, EmailStatus.PENDING)
        self.request_email(MailRequest(ticket.id, address))
        return EmailStatus.PENDING

    def choose_seat(self, ticket_id: str, seat: int | None, deadline: HasDeadline) -> None:
        """Have the refused file decided anew, for this seat; None for what is no seat's number.

        While nothing is decided it may be repeated, and another seat chosen. Raises NoSuchTicket,
        NoChoice, NotOffered, OutOfTime.
        """
        chosen = retry_until_deadline(deadline, lambda: self._choose(ticket_id, seat))
        self.request_decision(chosen)

    def _choose(self, ticket_id: str, seat: int | None) -> ChosenSeat:
        ticket, now = self._require_ticket(ticket_id), int(self.clock.time())
        if ticket.version_id is None or not ticket.offered_seats:
            raise NoChoice("No seat may be chosen on this ticket.")
        if seat is None or seat not in ticket.offered_seats:
            raise NotOffered("This seat may not be chosen.")
        choice = ticket.next_choice(seat, now)
        self.tickets.choose(ticket, choice, now)
        return ChosenSeat(ticket.id, ticket.version_id, choice.seat, choice.count)

    def _require_ticket(self, ticket_id: str) -> Ticket:
        if not re.fullmatch(TICKET_ID, ticket_id):
            raise NoSuchTicket("This is no ticket's id.")
        ticket = self.tickets.get(ticket_id, int(self.clock.time()))
        if ticket is None:
            raise NoSuchTicket("There is no such ticket, or it has ended.")
        return ticket

    def _response(self, ticket: Ticket) -> PublishedFile | None:
        """The response, which alone makes the ticket ready. Asking for it costs no call more."""
        if ticket.state is not TicketState.PROCESSING:
            return None
        return self.files.read_published(ticket.id, ticket.file_name)


def _text_form(ticket: Ticket, published: PublishedFile) -> bytes | None:
    if published.deflated is None or ticket.request_sha256 is None or not ticket.is_verifiable:
        return None
    return to_response_text(published.data, published.deflated, ticket.request_sha256)
