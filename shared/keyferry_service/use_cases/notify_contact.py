"""Tell a license's contact that a seat was taken from a computer."""

from dataclasses import dataclass

from keyferry_service.adapters.email_ses import Mailer
from keyferry_service.adapters.retries import HasDeadline, retry_until_deadline
from keyferry_service.adapters.tickets_dynamodb import MailWithheld, Tickets
from keyferry_service.use_cases.edge import Clock, Secrets
from keyferry_service.use_cases.outcome import ContactNotified, EmailWithheld
from keyferry_service.views.email import mime_message, replacement_email
from keyferry_service.views.refusal_text import Vendor


@dataclass(frozen=True)
class NotifyContact:
    """Sends at least once: killed after the sending and run again, it sends again."""

    tickets: Tickets
    mailer: Mailer
    sender: str
    vendor: Vendor
    clock: Clock
    secrets: Secrets

    def notify(
        self, ticket_id: str, deadline: HasDeadline
    ) -> ContactNotified | EmailWithheld | None:
        """Tell the contact; None where nobody is to be told. Raises MailRefused, OutOfTime."""
        now = int(self.clock.time())
        ticket = self.tickets.get(ticket_id, now)
        if ticket is None or ticket.contact is None:
            return None
        contact, mail_id = ticket.contact, self.secrets.token_hex(16)
        try:
            retry_until_deadline(
                deadline, lambda: self.tickets.allow_contact_mail(ticket, contact, mail_id, now)
            )
        except MailWithheld:
            self.tickets.mark_contact_notified(ticket.id)
            return EmailWithheld()
        email = replacement_email(ticket, self.vendor)
        mime_id = self.secrets.token_hex(16)
        message = mime_message(email, self.sender, contact, self.vendor, mime_id)
        self.mailer.send(contact, message, mail_id)
        self.tickets.mark_contact_notified(ticket.id)
        return ContactNotified()
