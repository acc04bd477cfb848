"""Keys, signatures and key sets."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyferry_protocol.errors import BadKeySet, UnsupportedVersion
from keyferry_protocol.keys import (
    ECDSA_P256,
    ED25519,
    ML_DSA_65,
    Ed25519Signer,
    KeySet,
    MlDsa65Signer,
    check_public_key,
    keyid,
    verify_signature,
)
from tests.unit.protocol.samples import HYBRID, VENDOR, VENDOR_PQ, pinned

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


@pytest.mark.parametrize("kind", [Ed25519Signer, MlDsa65Signer])
def test_a_key_is_made_of_its_seed_and_says_its_name(
    kind: type[Ed25519Signer | MlDsa65Signer],
) -> None:
    signer, twin = kind(b"s" * 32), kind(b"s" * 32)
    assert signer.seed == b"s" * 32
    assert signer.public == twin.public != kind(b"t" * 32).public
    assert signer.keyid == keyid(signer.alg, signer.public)
    assert verify_signature(signer.alg, signer.public, b"message", signer.sign(b"message"))


@pytest.mark.parametrize("kind", [Ed25519Signer, MlDsa65Signer])
def test_each_new_key_is_another_one(kind: type[Ed25519Signer | MlDsa65Signer]) -> None:
    one, other = kind.generate(), kind.generate()
    assert (len(one.seed), len(other.seed)) == (32, 32)
    assert one.public != other.public


def test_a_keyid_binds_the_algorithm() -> None:
    assert keyid(ED25519, VENDOR.public) != keyid(ECDSA_P256, VENDOR.public)
    assert len(VENDOR.keyid) == 16


def test_a_key_set_reads_what_it_wrote() -> None:
    revoked = KeySet(HYBRID.require, HYBRID.keys, frozenset({"015120020093"}))
    assert KeySet.from_json(revoked.to_json()) == revoked
    assert revoked.trusts() == (VENDOR.keyid, VENDOR_PQ.keyid)


def test_trusts_are_the_trusted_keys_of_required_algorithms() -> None:
    old = Ed25519Signer(b"o" * 32)
    keys = KeySet(("Ed25519",), (pinned(VENDOR), pinned(old, trusted=False), pinned(VENDOR_PQ)))
    assert keys.trusts() == (VENDOR.keyid,)


def test_a_name_twice_counts_once() -> None:
    members = json.loads(HYBRID.to_json())
    members["require"] *= 2
    members["revoked"] = ["015120020093"] * 2
    read = KeySet.from_json(json.dumps(members).encode())
    assert read.require == ("Ed25519", "ML-DSA-65")
    assert read.revoked == {"015120020093"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param(lambda m: m.pop("keyset"), "keyset", id="no version"),
        pytest.param(lambda m: m.update(require=[]), "require", id="nothing required"),
        pytest.param(lambda m: m.update(require=["RSA"]), r"require\[0\]", id="RSA"),
        pytest.param(
            lambda m: m["keys"][0].update(alg=ECDSA_P256), r"keys\[0\]\.alg", id="a token's"
        ),
        pytest.param(
            lambda m: m["keys"].pop(),
            "keys holds no trusted key of the required ML-DSA-65",
            id="no key of a required algorithm",
        ),
        pytest.param(
            lambda m: m["keys"][1].update(status="compromised"),
            "keys holds no",
            id="no trusted key of a required algorithm",
        ),
        pytest.param(
            lambda m: m["keys"][0].update(keyid="0" * 16), r"keys\[0\]\.keyid", id="another keyid"
        ),
        pytest.param(
            lambda m: m["keys"].append(m["keys"][0]), "keys holds a key twice", id="a key twice"
        ),
        pytest.param(
            lambda m: m["keys"][0].update(status="retired"), r"keys\[0\]\.status", id="third status"
        ),
        pytest.param(
            lambda m: m["keys"][0].update(public="AAAA"), r"keys\[0\]\.public", id="a short key"
        ),
        pytest.param(lambda m: m.update(revoked=["15120020093"]), r"revoked\[0\]", id="11 digits"),
        pytest.param(lambda m: m.update(revoked=[15120020093]), r"revoked\[0\]", id="a number"),
        pytest.param(lambda m: m.pop("revoked"), "revoked", id="no revoked"),
    ],
)
def test_a_key_set_that_breaks_a_rule_is_refused(
    change: Callable[[dict[str, Any]], object], named: str
) -> None:
    members = json.loads(HYBRID.to_json())
    change(members)
    with pytest.raises(BadKeySet, match=f"^{named}"):
        KeySet.from_json(json.dumps(members).encode())


@pytest.mark.parametrize("version", [2, 0, "1", True, None])
def test_a_key_set_of_another_version_is_told_as_that(version: object) -> None:
    members = json.loads(HYBRID.to_json()) | {"keyset": version, "require": "?"}
    with pytest.raises(UnsupportedVersion):
        KeySet.from_json(json.dumps(members).encode())
