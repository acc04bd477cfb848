"""Sign a recorded answer and hand it out."""

from collections.abc import Sequence
from dataclasses import dataclass

from keyferry_protocol.request import Request
from keyferry_protocol.response_text import deflate_response
from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.signers import Signers, seal_response
from keyferry_service.domain.license import LedgerEntry
from keyferry_service.domain.signing_keys import SigningKey
from keyferry_service.use_cases.outcome import Answered


@dataclass(frozen=True)
class PublishResponse:
    """Signs with all active keys. The ledger has the bytes, so this may be repeated."""

    files: Files
    signers: Signers

    def publish(
        self,
        ticket_id: str,
        file_name: str,
        entry: LedgerEntry,
        keys: Sequence[SigningKey],
        request: Request | None = None,
    ) -> Answered:
        """Put the response file for this ticket. Raises NoSigningKey.

        `keys` are those that the decision knew: the application can check what they sign. Without
        its request, a response has no text form.
        """
        data = seal_response(entry.body, self.signers.of(keys))
        deflated = None
        if request is not None:
            deflated = deflate_response(entry.body, request.envelope.body)
        self.files.publish(ticket_id, file_name, data, deflated)
        return Answered(file_name, entry.seat)
