"""The fixed keys of the test vectors. They use no code of ours."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEPT = Path(__file__).with_name("kept_signatures.json")


def b64(data: bytes) -> str:
    return b64encode(data).decode()


def keyid(alg: str, public: bytes) -> str:
    return sha256(alg.encode() + b"\0" + public).hexdigest()[:16]


@dataclass(frozen=True)
class Key:
    """A private key, with the algorithm name and raw public key that files hold."""

    alg: str
    public: bytes
    sign: Callable[[bytes], bytes]

    @property
    def keyid(self) -> str:
        return keyid(self.alg, self.public)

    def in_key_set(self, status: str = "trusted") -> dict[str, str]:
        return {
            "keyid": self.keyid,
            "alg": self.alg,
            "public": b64(self.public),
            "status": status,
        }


def seed(name: str) -> bytes:
    """The seed of a private key by its name. It is public, so never use it anywhere else."""
    return sha256(b"keyferry test vector: " + name.encode()).digest()


@cache
def ed25519_key(name: str) -> Key:
    return ed25519_of(seed(name))


def ed25519_of(seed_bytes: bytes) -> Key:
    private = ed25519.Ed25519PrivateKey.from_private_bytes(seed_bytes)
    return Key("Ed25519", private.public_key().public_bytes_raw(), private.sign)


@cache
def p256_key(name: str) -> Key:
    private = ec.derive_private_key(int.from_bytes(seed(name), "big") >> 1, ec.SECP256R1())
    public = private.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)  # RFC 6979
    return Key("ECDSA-P256-SHA256", public, lambda message: private.sign(message, algorithm))


@cache
def ml_dsa_key(name: str, context: bytes = b"") -> Key:
    """An ML-DSA-65 key whose signatures, which are randomized, are made once and cached."""
    private = mldsa.MLDSA65PrivateKey.from_seed_bytes(seed(name))
    public = private.public_key().public_bytes_raw()

    def sign(message: bytes) -> bytes:
        kept: dict[str, str] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
        name_of_it = sha256(public + context + message).hexdigest()
        if name_of_it not in kept:
            kept[name_of_it] = private.sign(message, context).hex()
            KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
        return bytes.fromhex(kept[name_of_it])

    return Key("ML-DSA-65", public, sign)


def activation_seed(code: str, number: str) -> bytes:
    return HKDF(
        hashes.SHA256(), length=32, salt=number.encode(), info=b"keyferry activation v1"
    ).derive(code.encode())


NUMBER = "015120020093"
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def check_symbol(number: str, symbols: str) -> int:
    """Crockford's check value of number and the 29 random symbols: 0 to 36."""
    value = 0
    for symbol in number + symbols:
        value = value * 32 + ALPHABET.index(symbol)
    return value % 37


def activation_code(number: str, name: str) -> str:
    """A code of 30 symbols, drawn from a name."""
    for attempt in range(100):
        drawn = sha256(f"{name} {attempt}".encode()).digest()
        symbols = "".join(ALPHABET[byte & 31] for byte in drawn[:29])
        check = check_symbol(number, symbols)
        if check < 32:
            return symbols + ALPHABET[check]
    raise AssertionError("no code in a hundred draws")


CODE = "M9S346Q3D25VT4F5V37E3S3E28JT9V"
ACTIVATION = ed25519_of(activation_seed(CODE, NUMBER))
DEVICE = ed25519_key("device")
LOAD = ed25519_key("load")
SERVICE = ed25519_key("service")
SERVICE_ML_DSA = ml_dsa_key("service")
TOKEN = p256_key("token")
TOKEN_ED25519 = ed25519_key("token")
STRANGER = ed25519_key("stranger")
