"""Sign a recorded answer and hand it out."""

from dataclasses import dataclass

from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.signers import Signers, seal_response
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.domain.license import LedgerEntry
from keyferry_service.use_cases.edge import Clock
from keyferry_service.use_cases.outcome import Answered


@dataclass(frozen=True)
class PublishResponse:
    """Signs with all active keys. The ledger has the bytes, so this may be repeated."""

    files: Files
    signing_keys: SigningKeys
    signers: Signers
    clock: Clock

    def publish(self, ticket_id: str, file_name: str, entry: LedgerEntry) -> Answered:
        """Put the response file for this ticket. Raises NoSigningKey."""
        signers = self.signers.of(self.signing_keys.current(self.clock.monotonic()))
        self.files.publish(ticket_id, file_name, seal_response(entry.body, signers))
        return Answered(file_name, entry.seat)
