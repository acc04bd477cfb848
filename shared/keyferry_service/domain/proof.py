"""From a file's bytes to a proven request: read strictly, then verify the proofs."""

from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import (
    KeyferryError,
    NotAuthentic,
    UnreadableRequest,
    UnsupportedVersion,
    WrongType,
)
from keyferry_protocol.request import Request, parse_request, verify_proofs
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.domain.refusals import Refusal, RefusalCode


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


def refuse_unproven(request: Request, license: LicenseRecord | None) -> Refusal | None:
    """The refusal of a request whose proofs do not hold.

    An unknown license and a wrong code look the same.
    """
    try:
        verify_proofs(request, license.activation_public if license else None)
    except NotAuthentic:
        return Refusal(RefusalCode.NOT_AUTHENTIC)
    return None


def _is_response(data: bytes) -> bool:
    try:
        open_envelope(data, RESPONSE)
    except KeyferryError:
        return False
    return True
