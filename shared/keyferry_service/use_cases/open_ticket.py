"""Open a ticket for one request file."""

from dataclasses import dataclass
from typing import Any

from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.retries import HasDeadline, retry_until_deadline
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.ticket import LIFE_S, EmailStatus, Ticket, new_ticket_id
from keyferry_service.use_cases.edge import Clock, Secrets


@dataclass(frozen=True, slots=True)
class NewTicket:
    """A new ticket, and the presigned POST that uploads its file."""

    ticket: Ticket
    upload_form: dict[str, Any]


@dataclass(frozen=True)
class OpenTicket:
    """Opens tickets, so many in an hour for each network."""

    tickets: Tickets
    files: Files
    clock: Clock
    secrets: Secrets

    def open(
        self, email: str | None, language: str, network: str, deadline: HasDeadline
    ) -> NewTicket:
        """Open one, however many this network opens now. Raises TooManyTickets, OutOfTime."""
        now = int(self.clock.time())
        ticket = Ticket(
            id=new_ticket_id(self.secrets.token_urlsafe),
            expires_at=now + LIFE_S,
            email=email,
            language=language,
            email_status=EmailStatus.NONE if email is None else EmailStatus.PENDING,
        )
        retry_until_deadline(deadline, lambda: self.tickets.open(ticket, network, now))
        return NewTicket(ticket, self.files.presign_upload(ticket.id))
