"""Algorithms, key ids, signatures and the key set an application pins (docs/format.md, "Keys")."""

import json
import os
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from keyferry_protocol.encoding import b64, unb64
from keyferry_protocol.errors import BadJson, BadKeySet, UnsupportedVersion
from keyferry_protocol.frozen import frozen
from keyferry_protocol.strict_json import InvalidMember, JsonObject, matching, parse_json

ED25519 = "Ed25519"
ML_DSA_65 = "ML-DSA-65"
ECDSA_P256 = "ECDSA-P256-SHA256"  # for dongle tokens only
RESPONSE_ALGORITHMS = (ED25519, ML_DSA_65)
TOKEN_ALGORITHMS = (ED25519, ECDSA_P256)

_PUBLIC_BYTES = {ED25519: 32, ML_DSA_65: 1952, ECDSA_P256: 65}
_P = 2**255 - 19
# Points of low order: a signature under them proves nothing.
_LOW_ORDER = frozenset(
    {0, 1, _P - 1}
    | {
        int.from_bytes(bytes.fromhex(text), "little")
        for text in (
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        )
    }
)

_read_revoked = matching("[0-9]{12}", "a license number of 12 digits")
read_keyid = matching("[0-9a-f]{16}", "a key id of 16 lower-case hex digits")


def keyid(alg: str, public: bytes) -> str:
    """First 16 hex digits of SHA-256(algorithm name || 0x00 || raw public key)."""
    return sha256(alg.encode("ascii") + b"\0" + public).hexdigest()[:16]


def check_public_key(alg: str, public: bytes) -> bytes:
    """The raw public key itself; ValueError for one that may not be used wherever it is read."""
    if len(public) != _PUBLIC_BYTES[alg]:
        raise ValueError(f"is not an {alg} public key of {_PUBLIC_BYTES[alg]} bytes")
    if alg == ED25519:
        y = int.from_bytes(public, "little") & (2**255 - 1)
        if y >= _P or y in _LOW_ORDER:
            raise ValueError("is an Ed25519 key of low order or not canonical")
    if alg == ECDSA_P256:
        from cryptography.hazmat.primitives.asymmetric import ec

        if public[0] != 4:
            raise ValueError("is not an uncompressed point")
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        except ValueError as error:
            raise ValueError("is not a point of P-256") from error
    return public


def read_public_key(alg: str, text: str) -> bytes:
    """A raw public key from its base64; ValueError for one that may not be used."""
    return check_public_key(alg, unb64(text))


def verify_signature(alg: str, public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature holds; False, never an exception, for any malformed key or signature.

    Ed25519: RFC 8032, without the cofactor. ML-DSA-65: FIPS 204, pure, empty context.
    ECDSA-P256-SHA256: strict DER. Keys are raw bytes, for ECDSA the uncompressed point.
    """
    try:
        check_public_key(alg, public_key)
        _verify(alg, public_key, message, signature)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, KeyError, TypeError):
        return False
    return True


def _verify(alg: str, public_key: bytes, message: bytes, signature: bytes) -> None:
    # Each algorithm is imported where it is used: an application with Ed25519 alone loads no other.
    if alg == ED25519:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    elif alg == ML_DSA_65:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey

        MLDSA65PublicKey.from_public_bytes(public_key).verify(signature, message)
    else:
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.hashes import SHA256

        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
        point.verify(signature, message, ec.ECDSA(SHA256()))


class Signer(Protocol):
    """Whoever can sign: a device key, an activation key, a service's key in KMS or a file."""

    alg: str
    public: bytes
    keyid: str

    def sign(self, message: bytes) -> bytes:
        """The raw signature over the message (ASN.1 DER for ECDSA)."""


class Ed25519Signer:
    """An Ed25519 key of 32 seed bytes (RFC 8032)."""

    alg = ED25519

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.seed = seed
        self.public = self._key.public_key().public_bytes_raw()
        self.keyid = keyid(self.alg, self.public)

    @classmethod
    def generate(cls) -> "Ed25519Signer":
        return cls(os.urandom(32))

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


class MlDsa65Signer:
    """An ML-DSA-65 key of 32 seed bytes (FIPS 204, pure, empty context)."""

    alg = ML_DSA_65

    def __init__(self, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey

        self._key = MLDSA65PrivateKey.from_seed_bytes(seed)
        self.seed = seed
        self.public = self._key.public_key().public_bytes_raw()
        self.keyid = keyid(self.alg, self.public)

    @classmethod
    def generate(cls) -> "MlDsa65Signer":
        return cls(os.urandom(32))

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)


@frozen
class PinnedKey:
    """One key of a key set: raw public key and whether it is still trusted."""

    keyid: str
    alg: str
    public: bytes
    trusted: bool


@frozen
class KeySet:
    """What a vendor ships inside the application: whose signatures count, which licenses do not."""

    require: tuple[str, ...]
    keys: tuple[PinnedKey, ...]
    revoked: frozenset[str] = frozenset()

    @classmethod
    def from_json(cls, data: bytes) -> "KeySet":
        """Read `keys.json`. Raises BadKeySet, or UnsupportedVersion for a later format."""
        try:
            record = JsonObject(parse_json(data))
            version = record.value("keyset")
            if type(version) is not int or version != 1:
                raise UnsupportedVersion("This key set is of a later format.")
            return _read_key_set(record)
        except (BadJson, InvalidMember) as error:
            raise BadKeySet(str(error)) from error

    def to_json(self) -> bytes:
        """`keys.json` of this key set."""
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
        """Key ids whose signatures this application accepts, of the required algorithms."""
        return tuple(key.keyid for key in self.keys if key.trusted and key.alg in self.require)


def _read_key_set(record: JsonObject) -> KeySet:
    require = tuple(dict.fromkeys(record.texts("require", _read_algorithm)))
    if not require:
        raise InvalidMember("require", "is empty")
    keys = tuple(_read_pinned_key(entry) for entry in record.records("keys"))
    if len({key.keyid for key in keys}) < len(keys):
        raise InvalidMember("keys", "holds a key twice")
    for alg in require:
        if not any(key.alg == alg and key.trusted for key in keys):
            raise InvalidMember("keys", f"holds no trusted key of the required {alg}")
    return KeySet(require, keys, frozenset(record.texts("revoked", _read_revoked)))


def _read_algorithm(text: str) -> str:
    if text not in RESPONSE_ALGORITHMS:
        raise ValueError(f"is none of {', '.join(RESPONSE_ALGORITHMS)}")
    return text


def _read_pinned_key(entry: JsonObject) -> PinnedKey:
    alg = entry.text("alg", _read_algorithm)
    public = entry.text("public", lambda text: read_public_key(alg, text))
    name = entry.text("keyid", str)
    if name != keyid(alg, public):
        raise InvalidMember(entry.path("keyid"), "is not the id of this key")
    trusted = entry.one_of("status", ("trusted", "compromised")) == "trusted"
    return PinnedKey(name, alg, public, trusted)
