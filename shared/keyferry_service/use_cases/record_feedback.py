"""Record that an email came back or was complained of."""

from dataclasses import dataclass

from keyferry_service.adapters.emails_dynamodb import Emails
from keyferry_service.adapters.feedback_ses import Feedback
from keyferry_service.adapters.retries import ConditionFailed
from keyferry_service.adapters.suppressions_dynamodb import Suppressions
from keyferry_service.domain.ticket import ticket_prefix
from keyferry_service.use_cases.edge import Clock
from keyferry_service.use_cases.outcome import AddressSuppressed, Dropped, EmailDelayed


@dataclass(frozen=True)
class RecordFeedback:
    """Shows it on the ticket, then sends that address no more."""

    emails: Emails
    suppressions: Suppressions
    clock: Clock

    def record(self, feedback: Feedback) -> AddressSuppressed | EmailDelayed | Dropped:
        """Record one notice; repeated, it changes nothing. Raises TransactionConflict."""
        if not feedback.is_final:
            return EmailDelayed(feedback.reason, feedback.detail)
        now = int(self.clock.time())
        sent = self.emails.get_sent(feedback.mail_id, now)
        if sent is None:
            return Dropped("The email is unknown, or its feedback was recorded before.")
        self.emails.mark_bounced(sent.ticket_id, feedback.mail_id)
        try:
            self.suppressions.add(feedback, sent, now)
        except ConditionFailed:
            return Dropped("The same notice was recorded at this moment.")
        prefix = ticket_prefix(sent.ticket_id)
        return AddressSuppressed(prefix, feedback.reason, feedback.detail)
