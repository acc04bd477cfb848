"""The text form of a response, short enough to type (docs/format.md, "Text form of a response").

Its preset dictionary ends with the request, which the waiting computer has, so the text form
contains only what the request does not.
"""

from collections.abc import Iterable

from keyferry_protocol.algorithms import sha256_hex
from keyferry_protocol.envelope import MAX_FILE, REQUEST, RESPONSE, open_envelope, pack, pae
from keyferry_protocol.errors import NotRequested, UnreadableResponse
from keyferry_protocol.messages import message
from keyferry_protocol.text_form import (
    FORM,
    check_form,
    deflate,
    inflate,
    pack_signatures,
    unpack_signatures,
)

# The text that responses share, most likely last. Never change it; add dictionary number 3.
SKELETON = (
    b'"environments":["physical","virtual"],"environments":["physical","container"],'
    b'"environments":["physical","virtual","container"],"edition":"Standard","trial":true,'
    b'"kind":"deactivate","kind":"update","protection":"personal","protection":"dongle",'
    b'"load_key":null,"components":{},"dongle":{"alg":"ECDSA-P256-SHA256","public":"'
    b'"features":{},"valid_until":null,"maintenance_until":null},"check_in_by":"2026-12-01T'
    b'{"request_sha256":"","kind":"activate","serial":1,"seat":1,'
    b'"issued_at":"2026-12-01T00:00:00Z","license":{"number":"","licensee":"","product":"",'
    b'"edition":"Professional","features":{"":true,"":1},"environments":["physical"],'
    b'"trial":false,"valid_from":"2026-12-01T00:00:00Z","valid_until":"2027-12-31T23:59:59Z",'
    b'"maintenance_until":"2027-12-31T23:59:59Z"},"bound_to":{"protection":"machine",'
    b'"device_key":"=","load_key":"=","components":{"},"dongle":null},'
    b'"check_in_by":null,"grace_days":14}'
)
DICTIONARY_NUMBER = 2
_HEAD = 8  # bytes: form, dictionary, length, and the first of the request's SHA-256


def deflate_response(body: bytes, request_body: bytes) -> bytes:
    """What a response's BODY adds to the BODY of its request, as raw DEFLATE."""
    return deflate(body, _dictionary(request_body))


def to_response_text(data: bytes, deflated: bytes, request_sha256: str) -> bytes:
    """Convert a response file whose BODY `deflate_response` compressed.

    Raises UnreadableResponse, or as `open_envelope` does.
    """
    signatures = pack_signatures(open_envelope(data, RESPONSE).signatures, UnreadableResponse)
    length = _HEAD + len(signatures) + len(deflated)
    head = bytes((FORM, DICTIONARY_NUMBER)) + length.to_bytes(2, "big")
    return head + bytes.fromhex(request_sha256)[:4] + signatures + deflated


def packed_length(start: bytes) -> int:
    """How many bytes a text form with this start has. Raises as `from_response_text` does."""
    check_form(start, DICTIONARY_NUMBER, UnreadableResponse)
    return int.from_bytes(start[2:4], "big")


def from_response_text(packed: bytes, request_bodies: Iterable[bytes]) -> bytes:
    """Restore the response file to one of these requests, without verifying it.

    Raises UnreadableResponse, UnsupportedVersion, or NotRequested if it answers none of them.
    """
    if packed_length(packed) != len(packed) or len(packed) > MAX_FILE[RESPONSE]:
        raise UnreadableResponse(message("errors.unreadable-response.text-form-cut"))
    for request_body in request_bodies:
        if bytes.fromhex(_request_sha256(request_body))[:4] == packed[4:_HEAD]:
            break
    else:
        raise NotRequested(message("errors.not-requested.lines"))
    signatures, stream = unpack_signatures(packed[_HEAD:])
    body = inflate(stream, _dictionary(request_body), UnreadableResponse)
    data = pack(RESPONSE, body, signatures)
    open_envelope(data, RESPONSE)  # checks all limits
    return data


def _dictionary(request_body: bytes) -> bytes:
    return SKELETON + _request_sha256(request_body).encode() + request_body


def _request_sha256(request_body: bytes) -> str:
    return sha256_hex(pae(REQUEST, request_body))
