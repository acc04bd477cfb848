"""Send the email that brings the link to a response, or a refusal; tell a license's contact."""

from contextlib import suppress
from dataclasses import dataclass

from keyferry_service.adapters.email_ses import Mailer
from keyferry_service.adapters.emails_dynamodb import Emails, MailWithheld
from keyferry_service.adapters.queue_sqs import MailRequest
from keyferry_service.adapters.retries import HasDeadline, retry_until_deadline
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.ticket import LIFE_S, EmailStatus, Ticket
from keyferry_service.use_cases.edge import Clock, Secrets
from keyferry_service.use_cases.outcome import Dropped, EmailSent, EmailWithheld
from keyferry_service.views.email import Email, mime_message
from keyferry_service.views.email_texts import (
    deactivation_email,
    refusal_email,
    replacement_email,
    response_email,
)
from keyferry_service.views.refusal_text import Vendor


@dataclass(frozen=True)
class SendEmail:
    """Sends at least once: killed after the sending and run again, it sends again."""

    tickets: Tickets
    emails: Emails
    mailer: Mailer
    sender: str
    page_origin: str
    vendor: Vendor
    clock: Clock
    secrets: Secrets

    def send(
        self, request: MailRequest, message_id: str, deadline: HasDeadline
    ) -> EmailSent | EmailWithheld | Dropped | None:
        """Send one answer; None where no email is wanted. Raises MailRefused, OutOfTime.

        `message_id` names the queue's message: however often it comes, it counts as one email.
        """
        now = int(self.clock.time())
        ticket = self.tickets.get(request.ticket_id, now)
        if ticket is None:
            return Dropped("The ticket has ended.")
        if request.file_name not in (None, ticket.file_name):
            return None  # a refusal, of a ticket that has its answer since: that one is sent
        if ticket.contact is not None:
            # First: whoever takes a seat chooses the other address, and may choose one that fails.
            self._notify_contact(ticket, ticket.contact, now, deadline)
        address = request.to or ticket.email
        is_new = request.to is not None or ticket.email_status is EmailStatus.PENDING
        # Nothing is sent for a license before a request proved that it knows the code.
        if address is None or not is_new or ticket.license_number is None:
            return None
        has_link = ticket.refusal is None and ticket.is_verifiable
        token = self.secrets.token_urlsafe(32) if has_link else None
        mail_id = self.secrets.token_hex(16)
        try:
            retry_until_deadline(
                deadline,
                lambda: self.emails.allow_mail(ticket, address, token, message_id, mail_id, now),
            )
        except MailWithheld:
            self.emails.mark_withheld(ticket)
            return EmailWithheld()
        email = self._compose(ticket, token, now + LIFE_S)
        mime_id = self.secrets.token_hex(16)
        message = mime_message(email, self.sender, address, self.vendor, mime_id)
        self.mailer.send(address, message, mail_id)
        self.emails.mark_sent(ticket.id, mail_id, None if token is None else now + LIFE_S)
        return EmailSent()

    def _notify_contact(
        self, ticket: Ticket, contact: str, now: int, deadline: HasDeadline
    ) -> None:
        """Tell the license's contact that a seat was taken from a computer."""
        mail_id = self.secrets.token_hex(16)
        with suppress(MailWithheld):
            retry_until_deadline(
                deadline, lambda: self.emails.allow_contact_mail(ticket, contact, mail_id, now)
            )
            email = replacement_email(ticket, self.vendor)
            mime_id = self.secrets.token_hex(16)
            message = mime_message(email, self.sender, contact, self.vendor, mime_id)
            self.mailer.send(contact, message, mail_id)
        self.emails.mark_contact_notified(ticket.id)

    def _compose(self, ticket: Ticket, token: str | None, link_expires_at: int) -> Email:
        if ticket.refusal is not None:
            return refusal_email(ticket, ticket.refusal, self.vendor, self.page_origin)
        if not ticket.is_verifiable:
            return deactivation_email(ticket, self.vendor)
        link = f"{self.page_origin}/api/responses/{token}"
        return response_email(ticket, link, link_expires_at, self.vendor, self.page_origin)
