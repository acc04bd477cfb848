"""The signature algorithms: one table (docs/format.md, "Keys")."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from keyferry_protocol.encoding import unb64
from keyferry_protocol.frozen import frozen
from keyferry_protocol.messages import message

# The other algorithms are imported where they are used, so an application that requires only
# Ed25519 does not load them.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey

    PrivateKey: TypeAlias = Ed25519PrivateKey | MLDSA65PrivateKey
    PublicKey: TypeAlias = Ed25519PublicKey | MLDSA65PublicKey

ED25519 = "Ed25519"
ML_DSA_65 = "ML-DSA-65"
ECDSA_P256 = "ECDSA-P256-SHA256"
DEVICE_ALGORITHM = ED25519  # of every device key and activation key
SEED_BYTES = 32  # of the private keys of every response algorithm

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


@frozen
class Algorithm:
    """A signature algorithm. Public keys are raw bytes, for ECDSA the uncompressed point."""

    name: str
    public_bytes: int
    check_public: Callable[[bytes], None]  # raises ValueError for an unsafe key of the right size
    verify: Callable[[bytes, bytes, bytes], None]  # public key, signature, message
    for_dongles: bool


@frozen
class ResponseAlgorithm(Algorithm):
    """An algorithm that may sign responses, with a key in memory, in a PEM file, or in KMS."""

    private_key: "Callable[[bytes], PrivateKey]"  # from its seed
    key_types: "Callable[[], tuple[type[PrivateKey], type[PublicKey]]]"
    kms_key_spec: str
    kms_signing_algorithm: str


def _check_ed25519(public: bytes) -> None:
    y = int.from_bytes(public, "little") & (2**255 - 1)
    if y >= _P or y in _LOW_ORDER:
        raise ValueError(message("format.low-order"))


def _verify_ed25519(public: bytes, signature: bytes, message: bytes) -> None:
    Ed25519PublicKey.from_public_bytes(public).verify(signature, message)


def _ed25519_types() -> tuple[type[Ed25519PrivateKey], type[Ed25519PublicKey]]:
    return Ed25519PrivateKey, Ed25519PublicKey


def _ml_dsa_65_types() -> "tuple[type[MLDSA65PrivateKey], type[MLDSA65PublicKey]]":
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey

    return MLDSA65PrivateKey, MLDSA65PublicKey


def _verify_ml_dsa_65(public: bytes, signature: bytes, message: bytes) -> None:
    _, public_type = _ml_dsa_65_types()
    public_type.from_public_bytes(public).verify(signature, message)


def _ml_dsa_65_private_key(seed: bytes) -> "MLDSA65PrivateKey":
    private_type, _ = _ml_dsa_65_types()
    return private_type.from_seed_bytes(seed)


def _check_p256(public: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    if public[0] != 4:
        raise ValueError(message("format.no-point"))
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    except ValueError as error:
        raise ValueError(message("format.no-p256-point")) from error


def _verify_ecdsa_p256(public: bytes, signature: bytes, message: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
    point.verify(signature, message, ec.ECDSA(SHA256()))


_TABLE = (
    ResponseAlgorithm(  # RFC 8032, without the cofactor
        name=ED25519,
        public_bytes=32,
        check_public=_check_ed25519,
        verify=_verify_ed25519,
        for_dongles=True,
        private_key=Ed25519PrivateKey.from_private_bytes,
        key_types=_ed25519_types,
        kms_key_spec="ECC_NIST_EDWARDS25519",
        kms_signing_algorithm="ED25519_SHA_512",
    ),
    ResponseAlgorithm(  # FIPS 204, pure, empty context
        name=ML_DSA_65,
        public_bytes=1952,
        check_public=lambda public: None,
        verify=_verify_ml_dsa_65,
        for_dongles=False,
        private_key=_ml_dsa_65_private_key,
        key_types=_ml_dsa_65_types,
        kms_key_spec="ML_DSA_65",
        kms_signing_algorithm="ML_DSA_SHAKE_256",
    ),
    Algorithm(  # FIPS 186-5; signatures in strict DER
        name=ECDSA_P256,
        public_bytes=65,
        check_public=_check_p256,
        verify=_verify_ecdsa_p256,
        for_dongles=True,
    ),
)
ALGORITHMS: dict[str, Algorithm] = {algorithm.name: algorithm for algorithm in _TABLE}
RESPONSE_ALGORITHMS = {a.name: a for a in _TABLE if isinstance(a, ResponseAlgorithm)}
DONGLE_ALGORITHMS = {a.name: a for a in _TABLE if a.for_dongles}


def check_public_key(alg: str, public: bytes) -> bytes:
    """Return the raw public key. Raises ValueError for a key that must not be used."""
    algorithm = ALGORITHMS[alg]
    if len(public) != algorithm.public_bytes:
        raise ValueError(message("format.no-public-key", alg=alg, n=algorithm.public_bytes))
    algorithm.check_public(public)
    return public


def decode_public_key(alg: str, text: str) -> bytes:
    """Decode a raw public key from base64. Raises ValueError for a key that must not be used."""
    return check_public_key(alg, unb64(text))


def dongle_algorithm(public: bytes) -> Algorithm:
    """Choose a dongle's algorithm by the size of its raw public key. Raises ValueError."""
    for algorithm in DONGLE_ALGORITHMS.values():
        if len(public) == algorithm.public_bytes:
            return algorithm
    raise ValueError(message("format.no-dongle-key", n=len(public)))


def verify_signature(alg: str, public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is valid. A malformed key or signature gives False, not an exception.

    Ed25519: RFC 8032, without the cofactor. ML-DSA-65: FIPS 204, pure, empty context.
    ECDSA-P256-SHA256: strict DER. Keys are raw bytes, for ECDSA the uncompressed point.
    """
    try:
        check_public_key(alg, public_key)
        ALGORITHMS[alg].verify(public_key, signature, message)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, KeyError, TypeError):
        return False
    return True
