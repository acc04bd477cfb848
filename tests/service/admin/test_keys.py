"""Signing keys in KMS and in files, and the key set for applications."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyferry_admin.errors import BadKey, KeyExists, NoActiveKey
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import keys, licenses
from keyferry_protocol.algorithms import ED25519, ML_DSA_65, RESPONSE_ALGORITHMS, SEED_BYTES
from keyferry_protocol.keys import KeySet, keyid
from keyferry_service.adapters.signer_pem import PemSigner
from keyferry_service.domain.license import LicenseRecord, Status
from keyferry_service.domain.signing_keys import KeyStatus
from tests.support.samples import NOW

ARN = "arn:aws:kms:eu-central-1:123456789012:key/5f2c0b8e"


@contextmanager
def kms_with(private: Any) -> Iterator[Any]:
    """A KMS client whose one call returns the key's SubjectPublicKeyInfo."""
    client = boto3.client("kms")
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with Stubber(client) as stub:
        stub.add_response("get_public_key", {"PublicKey": public, "KeyId": ARN}, {"KeyId": ARN})
        yield client
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("alg", RESPONSE_ALGORITHMS)
def test_a_key_in_kms_is_registered_with_its_public_key(stack: Stack, alg: str) -> None:
    private = RESPONSE_ALGORITHMS[alg].private_key(bytes(SEED_BYTES))
    raw = private.public_key().public_bytes_raw()
    with kms_with(private) as kms:
        key = keys.create_in_kms(stack.signing_keys, kms, alg, ARN)
    assert (key.keyid, key.public, key.kms_arn, key.pem) == (keyid(alg, raw), raw, ARN, None)
    assert stack.signing_keys.all() == (key,)


@pytest.mark.parametrize(
    "private",
    [MLDSA65PrivateKey.generate(), generate_private_key(SECP256R1())],
    ids=["ML-DSA-65 for Ed25519", "ECDSA for Ed25519"],
)
def test_a_kms_key_of_another_algorithm_is_refused(stack: Stack, private: Any) -> None:
    with kms_with(private) as kms, pytest.raises(BadKey):
        keys.create_in_kms(stack.signing_keys, kms, ED25519, ARN)
    assert stack.signing_keys.all() == ()


@pytest.mark.parametrize("alg", RESPONSE_ALGORITHMS)
def test_a_key_file_is_made_once_and_only_its_owner_can_read_it(
    stack: Stack, tmp_path: Path, alg: str
) -> None:
    file = tmp_path / "signing.pem"
    key = keys.create_in_pem(stack.signing_keys, alg, file)
    content = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (key.pem, key.public) == ("signing.pem", PemSigner(file).public)
    with pytest.raises(KeyExists):
        keys.create_in_pem(stack.signing_keys, alg, file)
    assert file.read_bytes() == content
    assert stack.signing_keys.all() == (key,)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="an empty file"),
        pytest.param(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", id="cut"),
    ],
)
def test_a_file_that_is_not_a_key_is_an_error(stack: Stack, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "signing.pem"
    file.write_bytes(content)
    with pytest.raises(BadKey, match="signing"):
        keys.create_in_pem(stack.signing_keys, ED25519, file)


def test_a_file_of_another_algorithm_or_in_a_missing_folder_is_an_error(
    stack: Stack, tmp_path: Path
) -> None:
    keys.create_in_pem(stack.signing_keys, ED25519, tmp_path / "signing.pem")
    with pytest.raises(BadKey, match="not ML-DSA-65"):
        keys.create_in_pem(stack.signing_keys, ML_DSA_65, tmp_path / "signing.pem")
    with pytest.raises(BadKey, match="cannot be written"):
        keys.create_in_pem(stack.signing_keys, ED25519, tmp_path / "nowhere" / "signing.pem")


def test_the_key_set_requires_active_algorithms_and_trusts_retired_keys(
    stack: Stack, tmp_path: Path
) -> None:
    old, bad, new, quantum = (
        keys.create_in_pem(stack.signing_keys, alg, tmp_path / f"{name}.pem")
        for name, alg in [
            ("old", ED25519),
            ("bad", ED25519),
            ("new", ED25519),
            ("quantum", ML_DSA_65),
        ]
    )
    stack.signing_keys.put(replace(old, status=KeyStatus.RETIRED))
    stack.signing_keys.put(replace(bad, status=KeyStatus.COMPROMISED))
    exported = KeySet.from_json(keys.export(stack.signing_keys, stack.licenses).to_json())
    assert exported.require == (ED25519, ML_DSA_65)
    assert {key.keyid: key.trusted for key in exported.keys} == {
        old.keyid: True,
        bad.keyid: False,
        new.keyid: True,
        quantum.keyid: True,
    }


def test_the_key_set_lists_revoked_licenses(stack: Stack, tmp_path: Path) -> None:
    keys.create_in_pem(stack.signing_keys, ED25519, tmp_path / "signing.pem")
    licenses.create(stack.licenses, "Example", NOW)
    withdrawn = LicenseRecord("015120020093", bytes(32), "Example", NOW, status=Status.REVOKED)
    stack.licenses.create(withdrawn)
    assert keys.export(stack.signing_keys, stack.licenses).revoked == {withdrawn.number}


def test_without_an_active_key_there_is_no_key_set(stack: Stack, tmp_path: Path) -> None:
    key = keys.create_in_pem(stack.signing_keys, ED25519, tmp_path / "signing.pem")
    stack.signing_keys.put(replace(key, status=KeyStatus.RETIRED))
    with pytest.raises(NoActiveKey):
        keys.export(stack.signing_keys, stack.licenses)
