"""From a file's bytes to a decision: read strictly, then verify the proofs, then decide."""

from collections.abc import Sequence

from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import (
    KeyferryError,
    NotAuthentic,
    UnreadableRequest,
    UnsupportedVersion,
    WrongType,
)
from keyferry_protocol.request import Request, parse_request, verify_proofs
from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.decide import decide
from keyferry_service.domain.license import LedgerEntry
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.request_context import Snapshot
from keyferry_service.domain.signing_keys import SigningKey


def read_request(data: bytes) -> Request | Refusal:
    """The request in a file, or the refusal of a file that is none."""
    try:
        return parse_request(data)
    except UnsupportedVersion:
        return Refusal(RefusalCode.UNSUPPORTED_VERSION)
    except UnreadableRequest:
        return Refusal(RefusalCode.UNREADABLE_REQUEST)
    except WrongType:
        return Refusal(RefusalCode.UNREADABLE_REQUEST, "response" if _is_response(data) else "")


def verify_and_decide(
    request: Request, snapshot: Snapshot, keys: Sequence[SigningKey], now: int
) -> LedgerEntry | Grant | Refusal:
    """Verify the proofs, then decide. An unknown license and a wrong code look the same."""
    try:
        verify_proofs(request, snapshot.license.activation_public if snapshot.license else None)
    except NotAuthentic:
        return Refusal(RefusalCode.NOT_AUTHENTIC)
    return decide(request, snapshot, keys, now)


def _is_response(data: bytes) -> bool:
    try:
        open_envelope(data, RESPONSE)
    except KeyferryError:
        return False
    return True
