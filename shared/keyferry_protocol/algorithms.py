"""The signature algorithms: one table (docs/format.md, "Keys")."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from keyferry_protocol.digests import sha256
from keyferry_protocol.encoding import unb64
from keyferry_protocol.errors import CannotVerify
from keyferry_protocol.frozen import frozen
from keyferry_protocol.messages import message

# `cryptography` is imported where it is used: an application that requires only Ed25519 does not
# load the others, and a computer where an algorithm cannot be imported gets an error that says so.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey, MLDSA65PublicKey

    PrivateKey: TypeAlias = Ed25519PrivateKey | MLDSA65PrivateKey
    PublicKey: TypeAlias = Ed25519PublicKey | MLDSA65PublicKey

_T = TypeVar("_T")
ED25519 = "Ed25519"
ML_DSA_65 = "ML-DSA-65"
ECDSA_P256 = "ECDSA-P256-SHA256"
DEVICE_ALGORITHM = ED25519  # of every device key and activation key
SEED_BYTES = 32  # of the private keys of every response algorithm

_SAMPLE = b"keyferry self-test"
_FIPS_MODE = "/proc/sys/crypto/fips_enabled"  # Linux's switch for the whole computer

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
# P-256 (FIPS 186-4, D.1.2.3): y^2 = x^3 - 3x + b modulo p.
_P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


@frozen
class Algorithm:
    """A signature algorithm. Public keys are raw bytes, for ECDSA the uncompressed point."""

    name: str
    public_bytes: int
    check_public: Callable[[bytes], None]  # raises ValueError for an unsafe key of the right size
    verify: Callable[[bytes, bytes, bytes], None]  # public key, signature, message
    sign_sample: Callable[[], tuple[bytes, bytes]]  # public key and signature of a throwaway key
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


def _ed25519_types() -> "tuple[type[Ed25519PrivateKey], type[Ed25519PublicKey]]":
    from cryptography.hazmat.primitives.asymmetric import ed25519

    return ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey


def _verify_ed25519(public: bytes, signature: bytes, message: bytes) -> None:
    _, public_type = _ed25519_types()
    public_type.from_public_bytes(public).verify(signature, message)


def _ed25519_private_key(seed: bytes) -> "Ed25519PrivateKey":
    private_type, _ = _ed25519_types()
    return private_type.from_private_bytes(seed)


def _ml_dsa_65_types() -> "tuple[type[MLDSA65PrivateKey], type[MLDSA65PublicKey]]":
    from cryptography.hazmat.primitives.asymmetric import mldsa

    return mldsa.MLDSA65PrivateKey, mldsa.MLDSA65PublicKey


def _verify_ml_dsa_65(public: bytes, signature: bytes, message: bytes) -> None:
    _, public_type = _ml_dsa_65_types()
    public_type.from_public_bytes(public).verify(signature, message)


def _ml_dsa_65_private_key(seed: bytes) -> "MLDSA65PrivateKey":
    private_type, _ = _ml_dsa_65_types()
    return private_type.from_seed_bytes(seed)


def _sample_of(private_key: "Callable[[bytes], PrivateKey]") -> Callable[[], tuple[bytes, bytes]]:
    def sign_sample() -> tuple[bytes, bytes]:
        key = private_key(bytes(SEED_BYTES))
        return key.public_key().public_bytes_raw(), key.sign(_SAMPLE)

    return sign_sample


def _check_p256(public: bytes) -> None:
    """Plain arithmetic, so that a file can be read where P-256 is not available."""
    if public[0] != 4:
        raise ValueError(message("format.no-point"))
    x, y = int.from_bytes(public[1:33], "big"), int.from_bytes(public[33:], "big")
    if max(x, y) >= _P256_P or (y * y - (x * x * x - 3 * x + _P256_B)) % _P256_P:
        raise ValueError(message("format.no-p256-point"))


def _p256_key(public: bytes) -> "EllipticCurvePublicKey":
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)


def _verify_ecdsa_p256(public: bytes, signature: bytes, message: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    _p256_key(public).verify(signature, message, ec.ECDSA(SHA256()))


def _sample_ecdsa_p256() -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    key = ec.derive_private_key(1, ec.SECP256R1())
    numbers = key.public_key().public_numbers()
    public = b"\4" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    return public, key.sign(_SAMPLE, ec.ECDSA(SHA256()))


_TABLE = (
    ResponseAlgorithm(  # RFC 8032, without the cofactor
        name=ED25519,
        public_bytes=32,
        check_public=_check_ed25519,
        verify=_verify_ed25519,
        sign_sample=_sample_of(_ed25519_private_key),
        for_dongles=True,
        private_key=_ed25519_private_key,
        key_types=_ed25519_types,
        kms_key_spec="ECC_NIST_EDWARDS25519",
        kms_signing_algorithm="ED25519_SHA_512",
    ),
    ResponseAlgorithm(  # FIPS 204, pure, empty context
        name=ML_DSA_65,
        public_bytes=1952,
        check_public=lambda public: None,
        verify=_verify_ml_dsa_65,
        sign_sample=_sample_of(_ml_dsa_65_private_key),
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
        sign_sample=_sample_ecdsa_p256,
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
        return is_valid_signature(alg, public_key, message, signature)
    except CannotVerify:
        return False


def is_valid_signature(alg: str, public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Like `verify_signature`, but raises CannotVerify where this computer cannot tell."""
    try:
        check_public_key(alg, public_key)
    except (ValueError, KeyError, TypeError):
        return False
    try:
        _run(alg, lambda: ALGORITHMS[alg].verify(public_key, signature, message))
    except CannotVerify:
        self_test(alg)  # a computer that passes it has judged the signature
        return False
    return True


def sha256_hex(data: bytes) -> str:
    """The SHA-256 in lower-case hex. Raises CannotVerify on a computer whose OpenSSL has none."""
    return _run("SHA-256", lambda: sha256(data).hexdigest())


def key_pair(alg: str, seed: bytes) -> "tuple[PrivateKey, bytes]":
    """The private key of a seed, and its raw public key.

    Raises ValueError for a seed of another length, and CannotVerify.
    """
    if len(seed) != SEED_BYTES:
        raise ValueError(message("errors.state-damaged.no-key"))

    def derive() -> "tuple[PrivateKey, bytes]":
        key = RESPONSE_ALGORITHMS[alg].private_key(seed)
        return key, key.public_key().public_bytes_raw()

    return _run(alg, derive)


def self_test(alg: str) -> None:
    """Raises CannotVerify unless this computer can sign and verify with the algorithm.

    In FIPS mode, or with an old or broken library, it may not: then nothing can be said about a
    signature, least of all that it is forged.
    """
    algorithm = ALGORITHMS[alg]
    public, signature = _run(alg, algorithm.sign_sample)
    _run(alg, lambda: algorithm.verify(public, signature, _SAMPLE))


def _run(alg: str, act: Callable[[], _T]) -> _T:
    """Use the library. Raises CannotVerify for whatever it raises."""
    try:
        return act()
    except BaseException as error:
        # A broken installation of the library panics, and a panic is no Exception.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise _cannot_verify(alg, error) from error
        raise


def _cannot_verify(alg: str, error: BaseException) -> CannotVerify:
    is_old = isinstance(error, ImportError | AttributeError)
    case = "old" if is_old else "fips" if _is_in_fips_mode() else ""
    why = str(error).strip().rstrip(".") or type(error).__name__
    detail = message("errors.cannot-verify.algorithm", alg=alg, why=why)
    return CannotVerify(detail, case=case, alg=alg, why=why)


def _is_in_fips_mode() -> bool:
    try:
        with open(_FIPS_MODE, "rb") as switch:
            return switch.read(1) == b"1"
    except OSError:  # another system than Linux
        return False
