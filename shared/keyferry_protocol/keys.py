"""Key ids, signers, and the key set that an application pins (docs/format.md, "Keys")."""

import json
import os
from typing import Protocol, Self

from keyferry_protocol.algorithms import (
    ED25519,
    ML_DSA_65,
    RESPONSE_ALGORITHMS,
    SEED_BYTES,
    decode_public_key,
    key_pair,
    self_test,
    sha256_hex,
)
from keyferry_protocol.encoding import b64
from keyferry_protocol.errors import BadJson, BadKeySet, UnsupportedVersion
from keyferry_protocol.frozen import frozen
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list
from keyferry_protocol.strict_json import InvalidMember, JsonObject, parse_json, text_matching

_revoked_number = text_matching("[0-9]{12}", "no-license-number")
keyid_text = text_matching("[0-9a-f]{16}", "no-key-id")


def keyid(alg: str, public: bytes) -> str:
    """First 16 hex digits of SHA-256(algorithm name || 0x00 || raw public key)."""
    return sha256_hex(alg.encode("ascii") + b"\0" + public)[:16]


class Signer(Protocol):
    """A private key that can sign: of a device, an activation code, a dongle, or the service."""

    alg: str
    public: bytes
    keyid: str

    def sign(self, message: bytes) -> bytes:
        """The raw signature over the message (ASN.1 DER for ECDSA)."""


class SeedSigner:
    """A private key in memory. Store only its seed."""

    alg: str

    def __init__(self, seed: bytes) -> None:
        self._key, self.public = key_pair(self.alg, seed)
        self.seed = seed
        self.keyid = keyid(self.alg, self.public)

    @classmethod
    def generate(cls) -> Self:
        return cls(os.urandom(SEED_BYTES))

    def sign(self, message: bytes) -> bytes:
        try:
            return self._key.sign(message)
        except Exception:
            self_test(self.alg)  # says what this computer cannot do
            raise


class Ed25519Signer(SeedSigner):
    """An Ed25519 key (RFC 8032)."""

    alg = ED25519


class MlDsa65Signer(SeedSigner):
    """An ML-DSA-65 key (FIPS 204, pure, empty context)."""

    alg = ML_DSA_65


@frozen
class PinnedKey:
    """One key of a key set: its raw public key, and whether its signatures still count."""

    keyid: str
    alg: str
    public: bytes
    trusted: bool


@frozen
class KeySet:
    """What a vendor ships with the application: the keys it trusts and the licenses it revoked."""

    require: tuple[str, ...]
    keys: tuple[PinnedKey, ...]
    revoked: frozenset[str] = frozenset()

    @classmethod
    def from_json(cls, data: bytes) -> "KeySet":
        """Read `keys.json`. Raises BadKeySet, or UnsupportedVersion for a later format."""
        try:
            document = JsonObject(parse_json(data))
            version = document.value("keyset")
            if type(version) is not int or version != 1:
                raise UnsupportedVersion(message("errors.unsupported-version.key-set"))
            return _parse_key_set(document)
        except (BadJson, InvalidMember) as error:
            raise BadKeySet(str(error)) from error

    def to_json(self) -> bytes:
        """Serialize this key set as `keys.json`."""
        keys = [
            {
                "keyid": key.keyid,
                "alg": key.alg,
                "public": b64(key.public),
                "status": "trusted" if key.trusted else "compromised",
            }
            for key in self.keys
        ]
        members = {"keyset": 1, "require": self.require, "keys": keys}
        return json.dumps(members | {"revoked": sorted(self.revoked)}, indent=1).encode() + b"\n"

    def trusts(self) -> tuple[str, ...]:
        """The key ids of the trusted keys whose algorithm is required."""
        return tuple(key.keyid for key in self.keys if key.trusted and key.alg in self.require)


def _parse_key_set(document: JsonObject) -> KeySet:
    require = tuple(dict.fromkeys(document.texts("require", _response_algorithm)))
    if not require:
        raise InvalidMember("require", message("format.empty"))
    keys = tuple(_parse_pinned_key(entry) for entry in document.json_objects("keys"))
    if len({key.keyid for key in keys}) < len(keys):
        raise InvalidMember("keys", message("format.key-twice"))
    for alg in require:
        if not any(key.alg == alg and key.trusted for key in keys):
            raise InvalidMember("keys", message("format.no-trusted-key", alg=alg))
    return KeySet(require, keys, frozenset(document.texts("revoked", _revoked_number)))


def _response_algorithm(text: str) -> str:
    if text not in RESPONSE_ALGORITHMS:
        raise ValueError(message("format.none-of", values=comma_list(RESPONSE_ALGORITHMS)))
    return text


def _parse_pinned_key(entry: JsonObject) -> PinnedKey:
    alg = entry.text("alg", _response_algorithm)
    public = entry.text("public", lambda text: decode_public_key(alg, text))
    name = entry.text("keyid", str)
    if name != keyid(alg, public):
        raise InvalidMember(entry.path_of("keyid"), message("format.wrong-key-id"))
    trusted = entry.one_of("status", ("trusted", "compromised")) == "trusted"
    return PinnedKey(name, alg, public, trusted)
