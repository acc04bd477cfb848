"""Key ids, signers in memory and key sets."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from keyferry_protocol.algorithms import ECDSA_P256, ED25519, verify_signature
from keyferry_protocol.errors import BadKeySet, UnsupportedVersion
from keyferry_protocol.keys import Ed25519Signer, KeySet, MlDsa65Signer, SeedSigner, keyid
from tests.support.valid_files import HYBRID, VENDOR, VENDOR_PQ, pinned


@pytest.mark.parametrize("kind", [Ed25519Signer, MlDsa65Signer])
def test_a_seed_determines_key_and_keyid(
    kind: type[SeedSigner],
) -> None:
    signer, twin = kind(b"s" * 32), kind(b"s" * 32)
    assert signer.seed == b"s" * 32
    assert signer.public == twin.public != kind(b"t" * 32).public
    assert signer.keyid == keyid(signer.alg, signer.public)
    assert verify_signature(signer.alg, signer.public, b"message", signer.sign(b"message"))


@pytest.mark.parametrize("kind", [Ed25519Signer, MlDsa65Signer])
def test_every_generated_key_is_different(kind: type[SeedSigner]) -> None:
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


def test_trusts_lists_the_trusted_keys_of_required_algorithms() -> None:
    old = Ed25519Signer(b"o" * 32)
    keys = KeySet(("Ed25519",), (pinned(VENDOR), pinned(old, trusted=False), pinned(VENDOR_PQ)))
    assert keys.trusts() == (VENDOR.keyid,)


def test_a_repeated_name_counts_once() -> None:
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
def test_a_key_set_of_another_version_is_an_unsupported_version(version: object) -> None:
    members = json.loads(HYBRID.to_json()) | {"keyset": version, "require": "?"}
    with pytest.raises(UnsupportedVersion):
        KeySet.from_json(json.dumps(members).encode())
