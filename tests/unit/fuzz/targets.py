"""The three entry points that read hostile bytes, each as one function of an input's bytes.

An input's first byte says which reader the rest is for. Whatever a reader raises beyond what it
documents is a finding, and so is a value that does not come back from its own bytes. Each reader
returns whether it read the input; False means that it was refused as documented.
"""

from collections.abc import Callable
from contextlib import suppress

from keyferry.license import License
from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope, pack, seal
from keyferry_protocol.errors import (
    BadKeySet,
    KeyCompromised,
    NotAuthentic,
    NotGenuine,
    NotRequested,
    UnreadableRequest,
    UnreadableResponse,
    UnsupportedVersion,
    WrongLine,
    WrongType,
)
from keyferry_protocol.keys import Ed25519Signer, KeySet, PinnedKey
from keyferry_protocol.repair import repair_file, type_of
from keyferry_protocol.request import parse_request, verify_proofs
from keyferry_protocol.response import verify_response
from keyferry_protocol.response_text import from_response_text
from keyferry_protocol.text_form import from_text_form, to_text_form
from keyferry_protocol.typed_response import TypedResponse, to_codes, typed_rows
from keyferry_protocol.typed_text import decode_text
from keyferry_service.adapters.feedback_ses import parse_feedback
from keyferry_service.adapters.queue_sqs import parse_decision, parse_mail_request, parse_resign
from keyferry_service.adapters.stray_message import StrayMessage
from keyferry_service.adapters.uploads_s3 import REQUESTS, RESPONSES, uploads_in
from keyferry_service.domain.proof import read_request
from keyferry_service.domain.refusals import Refusal
from keyferry_service.views.api_input import (
    is_email,
    network_of,
    read_call,
    read_email_or_none,
    read_file,
    read_language,
    read_seat,
)
from keyferry_service.views.problem_document import Problem
from tests.support.samples import NOW
from tests.unit.conformance.cases import response_texts

BUCKET, ACCOUNT, MAILS = "in", "000000000000", "mails"
SIGNER = Ed25519Signer(b"signs what a fuzzer writes......")
PINNED = KeySet(
    ("Ed25519",), (PinnedKey(SIGNER.keyid, SIGNER.alg, SIGNER.public, True),), frozenset()
)

WAITING = response_texts.ASKED_BY
Reader = Callable[[bytes], bool]


def read_request_file(data: bytes) -> bool:
    """process_request parses an upload."""
    request = read_request(data)
    if isinstance(request, Refusal):
        return False
    assert parse_request(pack(REQUEST, request.to_bytes(), [])).as_json() == request.as_json()
    with suppress(NotAuthentic):
        verify_proofs(request, SIGNER.public)
    with suppress(UnreadableRequest):  # a keyid may be any text, except in the text form
        again = from_text_form(to_text_form(data))
        assert open_envelope(again, REQUEST) == request.envelope
    return True


def read_request_body(body: bytes) -> bool:
    """The same behind base64 and signatures, which a fuzzer rarely passes."""
    return read_request_file(seal(REQUEST, body, [SIGNER]))


def read_text_form(packed: bytes) -> bool:
    """The page unpacks the text form of a QR code."""
    try:
        data = from_text_form(packed)
    except (UnreadableRequest, UnsupportedVersion):
        return False
    assert from_text_form(to_text_form(data)) == data
    return read_request_file(data)


def read_response_file(data: bytes) -> bool:
    """The client installs a response, and an application checks the license."""
    try:
        response = verify_response(data, PINNED)
    except (WrongType, UnsupportedVersion, UnreadableResponse, NotGenuine, KeyCompromised):
        return False
    again = verify_response(seal(RESPONSE, response.to_bytes(), [SIGNER]), PINNED)
    assert again.as_json() == response.as_json()
    license = License(response, NOW, lambda: NOW)
    license.check()
    license.check("solver")
    assert license.days_left is None or license.expires is not None
    return True


def read_changed_file(data: bytes) -> bool:
    """The client repairs a file before it reads it; what it gives up stays as it is."""
    for expected in (REQUEST, RESPONSE):
        file = repair_file(data, expected)
        assert (type_of(file.data) is not None) if file.repairs else file.data == data
    return type_of(file.data) is not None


def read_response_body(body: bytes) -> bool:
    return read_response_file(seal(RESPONSE, body, [SIGNER]))


def read_response_text(packed: bytes) -> bool:
    """The client unpacks what a person typed with the request that waits."""
    try:
        data = from_response_text(packed, [WAITING])
    except (UnreadableResponse, UnsupportedVersion, NotRequested):
        return False
    read_response_file(data)
    return True


def read_typed_rows(data: bytes) -> bool:
    """The client reads lines and codes from a pipe."""
    typed = TypedResponse()
    try:
        for row in typed_rows(decode_text(data)):
            typed.add(row)
        packed = typed.packed()
    except (WrongLine, UnreadableResponse, UnsupportedVersion):
        return False
    again = TypedResponse()
    for code in to_codes(packed):
        again.add(code)
    assert again.packed() == packed
    return True


def read_key_set(data: bytes) -> bool:
    """An application reads its `keys.json`."""
    try:
        keys = KeySet.from_json(data)
    except (BadKeySet, UnsupportedVersion):
        return False
    assert KeySet.from_json(keys.to_json()) == keys
    return True


def read_notice(data: bytes) -> bool:
    """The functions read messages of S3, of SES and of our own from their queues."""
    message = _text(data)
    values: list[object] = []
    for keys in (REQUESTS, RESPONSES):
        with suppress(StrayMessage):
            for upload in uploads_in(message, BUCKET, keys):
                assert keys.fullmatch(upload.key)
                values.append(upload)
    with suppress(StrayMessage):
        values.append(parse_feedback(message, ACCOUNT, MAILS))
    values += [parse_mail_request(message), parse_resign(message), parse_decision(message)]
    return any(values)


def read_api_call(data: bytes) -> bool:
    is_read = False
    for is_base64 in (False, True):
        with suppress(Problem):
            assert read_file("application/octet-stream", _text(data), is_base64)
        with suppress(Problem):
            call = read_call("application/json", _text(data), is_base64)
            seat = read_seat(call)
            assert seat is None or seat >= 1
            read_language(call)
            email = read_email_or_none(call)
            assert email is None or is_email(email)
            is_read = True
    return is_read


def read_viewer(data: bytes) -> bool:
    """The API reads the header with the caller's address."""
    assert network_of(_text(data), "127.0.0.1")
    assert network_of(None, _text(data))
    return True


def _text(data: bytes) -> str:
    """A string as Lambda may pass it: JSON can hold lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


# Each target's readers, in the order of an input's first byte.
TARGETS: dict[str, tuple[Reader, ...]] = {
    "upload": (read_request_file, read_request_body, read_text_form),
    "install": (
        read_response_file,
        read_response_body,
        read_key_set,
        read_changed_file,
        read_response_text,
        read_typed_rows,
    ),
    "message": (read_notice, read_api_call, read_viewer),
}


def run(target: str, data: bytes) -> bool:
    """Pass an input to the reader that its first byte selects; return whether it was accepted."""
    readers = TARGETS[target]
    return bool(data) and readers[data[0] % len(readers)](data[1:])


def for_reader(reader: Reader, data: bytes) -> bytes:
    """The input that passes these bytes to this target."""
    (number,) = (r.index(reader) for r in TARGETS.values() if reader in r)
    return bytes([number]) + data
