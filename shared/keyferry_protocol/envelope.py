"""The envelope of every file: DSSE v1 (secure-systems-lab/dsse), narrowed by docs/format.md."""

import json
import re
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256

from keyferry_protocol.algorithms import verify_signature
from keyferry_protocol.encoding import b64, unb64_any
from keyferry_protocol.errors import (
    BadJson,
    UnreadableRequest,
    UnreadableResponse,
    UnsupportedVersion,
    WrongType,
)
from keyferry_protocol.frozen import frozen
from keyferry_protocol.keys import Signer, keyid
from keyferry_protocol.strict_json import InvalidMember, JsonObject, parse_json

REQUEST = "application/vnd.keyferry.request.v1+json"
RESPONSE = "application/vnd.keyferry.response.v1+json"
MAX_PAE = 4096  # bytes: KMS signs no more as they are
MAX_FILE = {REQUEST: 8192, RESPONSE: 20480}  # bytes
MAX_SIGNATURES = 8

_UNREADABLE = {REQUEST: UnreadableRequest, RESPONSE: UnreadableResponse}
_LATER = {
    REQUEST: re.compile(r"application/vnd\.keyferry\.request\.v([2-9]|[1-9][0-9]+)\+json"),
    RESPONSE: re.compile(r"application/vnd\.keyferry\.response\.v([2-9]|[1-9][0-9]+)\+json"),
}
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_NAMED = {REQUEST: "a request file", RESPONSE: "a response file"}


@frozen
class Signature:
    """One signature of an envelope, as bytes; nothing is known of its key yet."""

    keyid: str
    sig: bytes


@frozen
class Envelope:
    """An opened file: its type, the signed bytes, and signatures not yet verified."""

    payload_type: str
    body: bytes
    signatures: tuple[Signature, ...]

    @cached_property
    def pae(self) -> bytes:
        """The bytes that are signed."""
        return pae(self.payload_type, self.body)

    @cached_property
    def sha256(self) -> str:
        """The identity of the file: SHA-256 of its PAE, lower-case hex."""
        return sha256(self.pae).hexdigest()

    def is_signed_by(self, alg: str, public: bytes) -> bool:
        """Whether one of the signatures under this key's id verifies under this key."""
        name = keyid(alg, public)
        return any(
            signature.keyid == name and verify_signature(alg, public, self.pae, signature.sig)
            for signature in self.signatures
        )


def pae(payload_type: str, body: bytes) -> bytes:
    """DSSE's pre-authentication encoding; lengths in bytes."""
    name = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(body), body)


def open_envelope(data: bytes, expected: str) -> Envelope:
    """Open a file whose type the reader pins; nothing in it is verified yet.

    The type is compared first. Raises WrongType, UnsupportedVersion, UnreadableRequest or
    UnreadableResponse.
    """
    unreadable = _UNREADABLE[expected]
    if len(data) > max(MAX_FILE.values()):
        raise unreadable(f"The file has more than {MAX_FILE[expected]} bytes.")
    try:
        record = JsonObject(parse_json(data))
        _compare_type(record.text("payloadType", str), expected)
        if len(data) > MAX_FILE[expected]:
            raise unreadable(f"The file has more than {MAX_FILE[expected]} bytes.")
        body = record.text("payload", unb64_any)
        entries = record.records("signatures")
        if len(entries) > MAX_SIGNATURES:
            raise InvalidMember("signatures", f"holds more than {MAX_SIGNATURES}")
        signatures = [Signature(e.text("keyid", str), e.text("sig", unb64_any)) for e in entries]
    except (BadJson, InvalidMember) as error:
        raise unreadable(str(error)) from error
    envelope = Envelope(expected, body, tuple(signatures))
    if len(envelope.pae) > MAX_PAE:
        raise unreadable(f"What is signed has more than {MAX_PAE} bytes.")
    return envelope


def _compare_type(found: str, expected: str) -> None:
    if found == expected:
        return
    if _LATER[expected].fullmatch(found):
        raise UnsupportedVersion(f"This is {_NAMED[expected]} of a later format.")
    for known, name in _NAMED.items():
        if found == known or _LATER[known].fullmatch(found):
            raise WrongType(f"This is {name}, not {_NAMED[expected]}.")
    raise WrongType(f"This is not {_NAMED[expected]}.")


def seal(payload_type: str, body: bytes, signers: Sequence[Signer]) -> bytes:
    """Sign the bytes with every signer, and write the file."""
    message = pae(payload_type, body)
    return pack(payload_type, body, [Signature(s.keyid, s.sign(message)) for s in signers])


def pack(payload_type: str, body: bytes, signatures: Sequence[Signature]) -> bytes:
    """Write the file of bytes that are signed already."""
    members = {
        "payloadType": payload_type,
        "payload": b64(body),
        "signatures": [{"keyid": s.keyid, "sig": b64(s.sig)} for s in signatures],
    }
    return _ENCODER.encode(members).encode("ascii")
