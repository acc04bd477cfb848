"""A change to any byte that is signed, or of a required signature, is detected."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.keys import KeySet
from keyferry_protocol.request import parse_request, verify_request
from keyferry_protocol.response import verify_response
from tests.support import vectors

pytestmark = pytest.mark.conformance

Envelope = dict[str, Any]
Verify = Callable[[bytes], object]


@cache
def _good(kind: str, name: str) -> Envelope:
    """The envelope of a good vector, by its name."""
    vector = next(v for v in vectors.document(kind)["vectors"] if v["name"] == name)
    envelope: Envelope = json.loads(b64decode(vector["file"]))
    return envelope


def _response_verifier(key_set: str) -> Verify:
    keys = KeySet.from_json(vectors.key_sets()[key_set])
    return lambda data: verify_response(data, keys)


def _request_verifier() -> Verify:
    key = b64decode(vectors.document("requests")["vectors"][0]["activation_key"])
    return lambda data: verify_request(data, key)


def _code(verify: Verify, envelope: Envelope) -> str:
    try:
        verify(json.dumps(envelope).encode())
    except KeyferryError as error:
        return error.code
    return "ok"


def _spoilt(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The bytes with each one changed in turn: its lowest bit, its highest, all bits."""
    # A signature of ML-DSA is long, and slow to verify: one change for each byte.
    masks = (0x01, 0x80, 0xFF) if len(data) < 3000 else (0x01,)
    for i, byte in enumerate(data):
        for mask in masks:
            yield i, data[:i] + bytes([byte ^ mask]) + data[i + 1 :]


RESPONSES = [
    ("activate", "ed25519"),
    ("a receipt", "ed25519"),
    ("keys hybrid; signed by service, service's ML-DSA", "hybrid"),
]


@pytest.mark.parametrize(("name", "key_set"), RESPONSES)
def test_no_byte_of_a_response_can_be_changed(name: str, key_set: str) -> None:
    verify, good = _response_verifier(key_set), _good("responses", name)
    assert _code(verify, good) == "ok"
    for i, body in _spoilt(b64decode(good["payload"])):
        spoilt = good | {"payload": b64encode(body).decode()}
        assert _code(verify, spoilt) == "not-genuine", f"byte {i}"


@pytest.mark.parametrize(("name", "key_set"), RESPONSES)
def test_no_byte_of_a_required_signature_of_a_response_can_be_changed(
    name: str, key_set: str
) -> None:
    verify, good = _response_verifier(key_set), _good("responses", name)
    for position in range(len(good["signatures"])):
        for i, spoilt in _with_spoilt_signature(good, position):
            assert _code(verify, spoilt) == "not-genuine", f"byte {i} of signature {position}"


@pytest.mark.parametrize("name", ["activate", "activate, a P-256 token", "deactivate"])
def test_no_byte_of_a_request_can_be_changed(name: str) -> None:
    verify, good = _request_verifier(), _good("requests", name)
    assert _code(verify, good) == "ok"
    codes = set()
    for i, body in _spoilt(b64decode(good["payload"])):
        spoilt = good | {"payload": b64encode(body).decode()}
        well_formed = _code(parse_request, spoilt) == "ok"
        expected = "not-authentic" if well_formed else "unreadable-request"
        assert _code(verify, spoilt) == expected, f"byte {i}"
        codes.add(expected)
    assert codes == {"not-authentic", "unreadable-request"}


@pytest.mark.parametrize("name", ["activate", "activate, a P-256 token", "deactivate"])
def test_no_byte_of_a_signature_of_a_request_can_be_changed(name: str) -> None:
    verify, good = _request_verifier(), _good("requests", name)
    for position in range(len(good["signatures"])):
        for i, spoilt in _with_spoilt_signature(good, position):
            assert _code(verify, spoilt) == "not-authentic", f"byte {i} of signature {position}"


def _with_spoilt_signature(good: Envelope, position: int) -> Iterator[tuple[int, Envelope]]:
    signatures = good["signatures"]
    signature = signatures[position]
    for i, sig in _spoilt(b64decode(signature["sig"])):
        spoilt = signature | {"sig": b64encode(sig).decode()}
        changed = [*signatures[:position], spoilt, *signatures[position + 1 :]]
        yield i, good | {"signatures": changed}


@pytest.mark.parametrize(
    ("kind", "name", "codes"),
    [
        ("responses", "activate", {"not-genuine", "unreadable-response", "wrong-type"}),
        ("requests", "activate", {"not-authentic", "unreadable-request", "wrong-type"}),
    ],
)
def test_no_changed_byte_gives_a_file_another_meaning(
    kind: str, name: str, codes: set[str]
) -> None:
    """A changed byte anywhere in the file raises an error or makes no difference."""
    verify = _response_verifier("ed25519") if kind == "responses" else _request_verifier()
    data = json.dumps(_good(kind, name)).encode()
    identity = _identity(verify, data)
    for i, spoilt in _spoilt(data):
        assert _identity(verify, spoilt) in codes | {identity}, f"byte {i}"


def _identity(verify: Verify, data: bytes) -> str:
    """What the file means to its reader, or the code of the error."""
    try:
        verified: Any = verify(data)
    except KeyferryError as error:
        return error.code
    identity: str = verified.envelope.sha256
    return identity
