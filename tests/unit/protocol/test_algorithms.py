"""Signature algorithms: which keys may be used, and which signatures hold."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyferry_protocol.algorithms import (
    ALGORITHMS,
    ECDSA_P256,
    ED25519,
    ML_DSA_65,
    RESPONSE_ALGORITHMS,
    SEED_BYTES,
    check_public_key,
    dongle_algorithm,
    verify_signature,
)
from tests.support.valid_files import VENDOR, VENDOR_PQ

L = 2**252 + 27742317777372353535851937790883648493
P = 2**255 - 19
WEAK = [
    (0).to_bytes(32, "little"),
    (1).to_bytes(32, "little"),
    (P - 1).to_bytes(32, "little"),
    P.to_bytes(32, "little"),
    (P + 1).to_bytes(32, "little"),
    (2**255 - 1).to_bytes(32, "little"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]
WEAK += [key[:31] + bytes([key[31] | 0x80]) for key in WEAK]


@pytest.mark.parametrize("key", WEAK, ids=bytes.hex)
def test_an_ed25519_key_of_low_order_or_not_canonical_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="low order"):
        check_public_key(ED25519, key)
    assert not verify_signature(ED25519, key, b"m", key + bytes(32))


def test_a_signature_verifies_under_its_key_message_and_algorithm_alone() -> None:
    for signer in (VENDOR, VENDOR_PQ):
        sig = signer.sign(b"message")
        assert verify_signature(signer.alg, signer.public, b"message", sig)
        assert not verify_signature(signer.alg, signer.public, b"massage", sig)
        assert not verify_signature(signer.alg, signer.public, b"message", sig[:-1])
        assert not verify_signature(signer.alg, signer.public, b"message", sig + b"\0")
        assert not verify_signature("RSA", signer.public, b"message", sig)
    assert not verify_signature(ML_DSA_65, VENDOR.public, b"message", VENDOR.sign(b"message"))


def test_an_ed25519_signature_with_s_beyond_the_order_is_refused() -> None:
    sig = VENDOR.sign(b"message")
    s = int.from_bytes(sig[32:], "little") + L
    assert not verify_signature(
        ED25519, VENDOR.public, b"message", sig[:32] + s.to_bytes(32, "little")
    )


@pytest.mark.parametrize("junk", [None, 7, "text", b""])
def test_verifying_never_raises(junk: Any) -> None:
    sig = VENDOR.sign(b"m")
    assert verify_signature(ED25519, junk, b"m", sig) is False
    assert verify_signature(ED25519, VENDOR.public, junk, sig) is False
    assert verify_signature(ED25519, VENDOR.public, b"m", junk) is False
    assert verify_signature(junk, VENDOR.public, b"m", sig) is False


def test_an_ecdsa_signature_is_strict_der_and_high_s_is_allowed() -> None:
    private = ec.derive_private_key(7, ec.SECP256R1())
    public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    sig = private.sign(b"m", ec.ECDSA(SHA256()))
    r, s = decode_dss_signature(sig)
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    assert verify_signature(ECDSA_P256, public, b"m", sig)
    assert verify_signature(ECDSA_P256, public, b"m", encode_dss_signature(r, order - s))
    assert not verify_signature(ECDSA_P256, public, b"m", sig + b"\0")
    long_form = sig[:1] + b"\x81" + sig[1:]
    assert not verify_signature(ECDSA_P256, public, b"m", long_form)
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert not verify_signature(ECDSA_P256, public, b"m", raw)
    compressed = private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    off_curve = public[:-1] + bytes([public[-1] ^ 1])
    for bad in (compressed, off_curve, b"\x06" + public[1:], public[:-1]):
        with pytest.raises(ValueError, match="is not"):
            check_public_key(ECDSA_P256, bad)


@pytest.mark.parametrize("alg", RESPONSE_ALGORITHMS)
def test_the_types_of_a_key_identify_its_response_algorithm(alg: str) -> None:
    algorithm = RESPONSE_ALGORITHMS[alg]
    key = algorithm.private_key(b"s" * SEED_BYTES)
    private_type, public_type = algorithm.key_types()
    assert isinstance(key, private_type)
    assert isinstance(key.public_key(), public_type)
    public = key.public_key().public_bytes_raw()
    assert len(public) == algorithm.public_bytes
    assert verify_signature(alg, public, b"m", key.sign(b"m"))
    others = [other for other in RESPONSE_ALGORITHMS.values() if other != algorithm]
    assert not any(isinstance(key, other.key_types()[0]) for other in others)


def test_the_size_of_a_public_key_identifies_a_dongles_algorithm() -> None:
    assert dongle_algorithm(bytes(32)) == ALGORITHMS[ED25519]
    assert dongle_algorithm(bytes(65)) == ALGORITHMS[ECDSA_P256]
    for size in (0, 33, 64, ALGORITHMS[ML_DSA_65].public_bytes):
        with pytest.raises(ValueError, match=f"of {size} bytes"):
            dongle_algorithm(bytes(size))
