"""Sign a ledger entry again, for a ticket that the vendor opened."""

from dataclasses import dataclass

from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.ledger import response_in
from keyferry_service.domain.license import LedgerEntry
from keyferry_service.domain.ticket import Ticket
from keyferry_service.use_cases.edge import Clock
from keyferry_service.use_cases.outcome import Answered, Dropped
from keyferry_service.use_cases.publish_response import PublishResponse


@dataclass(frozen=True)
class Resign:
    """Hands a recorded answer out once more; no seat, no move and no end changes."""

    licenses: Licenses
    tickets: Tickets
    signing_keys: SigningKeys
    responses: PublishResponse
    clock: Clock

    def resign(self, ticket_id: str) -> Answered | Dropped:
        """Sign with the keys that are active now, and hand the response out."""
        ticket = self.tickets.get(ticket_id, int(self.clock.time()))
        if ticket is None or ticket.license_number is None or ticket.request_sha256 is None:
            return Dropped("The ticket has ended.")
        # The vendor may ask because a key was compromised: do not trust what was read before.
        keys = self.signing_keys.refresh(self.clock.monotonic())
        entry = self._entry(ticket)
        if entry is None:
            return Dropped("The ledger has no such answer.")
        return self.responses.publish(ticket.id, ticket.file_name, entry, keys)

    def _entry(self, ticket: Ticket) -> LedgerEntry | None:
        """What the ticket hands out: of the renewals of one request, that of the file's name."""
        number, sha256 = str(ticket.license_number), str(ticket.request_sha256)
        if ticket.kind != "renewal":
            return next(self.licenses.ledger_entries(number, sha256), None)
        renewals = self.licenses.renewals(number, ticket.seat)
        return next((e for e in renewals if response_in(e).file_name == ticket.file_name), None)
