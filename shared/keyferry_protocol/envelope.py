"""The envelope of every file: DSSE v1 (secure-systems-lab/dsse), narrowed by docs/format.md."""

import json
import re
from collections.abc import Sequence
from functools import cached_property

from keyferry_protocol.algorithms import is_valid_signature, sha256_hex
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
from keyferry_protocol.messages import message
from keyferry_protocol.strict_json import InvalidMember, JsonObject, parse_json

REQUEST = "application/vnd.keyferry.request.v1+json"
RESPONSE = "application/vnd.keyferry.response.v1+json"
MAX_PAE = 4096  # bytes: the longest message that KMS signs
MAX_FILE = {REQUEST: 8192, RESPONSE: 20480}  # bytes
MAX_SIGNATURES = 8

_UNREADABLE = {REQUEST: UnreadableRequest, RESPONSE: UnreadableResponse}
_LATER = {
    REQUEST: re.compile(r"application/vnd\.keyferry\.request\.v([2-9]|[1-9][0-9]+)\+json"),
    RESPONSE: re.compile(r"application/vnd\.keyferry\.response\.v([2-9]|[1-9][0-9]+)\+json"),
}
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_NAMES = {REQUEST: "request", RESPONSE: "response"}


@frozen
class Signature:
    """One unverified signature of an envelope."""

    keyid: str
    sig: bytes


@frozen
class Envelope:
    """A file that was opened: its type, the signed bytes, and its unverified signatures."""

    payload_type: str
    body: bytes
    signatures: tuple[Signature, ...]

    @cached_property
    def pae(self) -> bytes:
        """The bytes that signers sign."""
        return pae(self.payload_type, self.body)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the PAE in lower-case hex, which identifies the file."""
        return sha256_hex(self.pae)

    def is_signed_by(self, alg: str, public: bytes) -> bool:
        """Whether a signature with this key's keyid verifies under the key. Raises CannotVerify."""
        name = keyid(alg, public)
        return any(
            signature.keyid == name and is_valid_signature(alg, public, self.pae, signature.sig)
            for signature in self.signatures
        )


def pae(payload_type: str, body: bytes) -> bytes:
    """DSSE's pre-authentication encoding (PAE); it counts bytes."""
    name = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(body), body)


def open_envelope(data: bytes, expected: str) -> Envelope:
    """Open a file of the expected type without verifying its signatures.

    The type is checked before anything else is read. Raises WrongType, UnsupportedVersion,
    UnreadableRequest or UnreadableResponse.
    """
    unreadable = _UNREADABLE[expected]
    if len(data) > max(MAX_FILE.values()):
        raise unreadable(message(f"errors.{unreadable.code}.too-long", n=MAX_FILE[expected]))
    try:
        document = JsonObject(parse_json(data))
        _compare_type(document.text("payloadType", str), expected)
        if len(data) > MAX_FILE[expected]:
            raise unreadable(message(f"errors.{unreadable.code}.too-long", n=MAX_FILE[expected]))
        body = document.text("payload", unb64_any)
        entries = document.json_objects("signatures")
        if len(entries) > MAX_SIGNATURES:
            raise InvalidMember("signatures", message("format.too-many", n=MAX_SIGNATURES))
        signatures = [Signature(e.text("keyid", str), e.text("sig", unb64_any)) for e in entries]
    except (BadJson, InvalidMember) as error:
        raise unreadable(str(error)) from error
    envelope = Envelope(expected, body, tuple(signatures))
    if len(envelope.pae) > MAX_PAE:
        raise unreadable(message(f"errors.{unreadable.code}.too-much-signed", n=MAX_PAE))
    return envelope


def _compare_type(actual: str, expected: str) -> None:
    if actual == expected:
        return
    if _LATER[expected].fullmatch(actual):
        raise UnsupportedVersion(message(f"errors.unsupported-version.{_NAMES[expected]}"))
    for known, name in _NAMES.items():
        if actual == known or _LATER[known].fullmatch(actual):
            raise WrongType(message(f"errors.wrong-type.{name}"))
    raise WrongType(message(f"errors.wrong-type.no-{_NAMES[expected]}"))


def seal(payload_type: str, body: bytes, signers: Sequence[Signer]) -> bytes:
    """Sign a BODY with every signer, and return the file."""
    message = pae(payload_type, body)
    return pack(payload_type, body, [Signature(s.keyid, s.sign(message)) for s in signers])


def pack(payload_type: str, body: bytes, signatures: Sequence[Signature]) -> bytes:
    """Build the file from a BODY and its signatures."""
    members = {
        "payloadType": payload_type,
        "payload": b64(body),
        "signatures": [{"keyid": s.keyid, "sig": b64(s.sig)} for s in signatures],
    }
    return _ENCODER.encode(members).encode("ascii")
