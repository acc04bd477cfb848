"""Signing keys in KMS and in files, and the key set for applications."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyferry_admin.errors.keys import BadKey, KeyExists, KeyNotUsable, KeysChanged, NoActiveKey
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import keys, licenses
from keyferry_protocol.algorithms import ED25519, ML_DSA_65, RESPONSE_ALGORITHMS, SEED_BYTES
from keyferry_protocol.envelope import MAX_PAE, RESPONSE, open_envelope, pae, seal
from keyferry_protocol.keys import KeySet, MlDsa65Signer, Signer, keyid
from keyferry_service.adapters.signer_pem import PemSigner
from keyferry_service.domain.license import LicenseRecord, Status
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from tests.service.admin.functions import Functions, refusal
from tests.service.admin.screens import pem_key
from tests.support.builders import VENDOR, a_key
from tests.support.samples import NOW
from tests.support.tables import put_key

ARN = "arn:aws:kms:eu-central-1:123456789012:key/5f2c0b8e"
REPLICA = "arn:aws:kms:eu-west-1:123456789012:key/5f2c0b8e"


@contextmanager
def kms_with(private: Any, name: str = ARN) -> Iterator[Any]:
    """A KMS client whose one call returns the key's SubjectPublicKeyInfo."""
    client = boto3.client("kms", region_name="eu-central-1")
    public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with Stubber(client) as stub:
        stub.add_response("get_public_key", {"PublicKey": public, "KeyId": ARN}, {"KeyId": name})
        yield client
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("alg", RESPONSE_ALGORITHMS)
def test_a_key_in_kms_is_registered_with_its_public_key(stack: Stack, alg: str) -> None:
    private = RESPONSE_ALGORITHMS[alg].private_key(bytes(SEED_BYTES))
    raw = private.public_key().public_bytes_raw()
    with kms_with(private, "alias/signing") as kms:
        key = keys.key_in_kms(kms, alg, "alias/signing")
    keys.register(stack.signing_keys, key)
    # No alias, as a policy names keys, and an alias can be turned to another key.
    assert (key.keyid, key.public, key.kms_arn, key.pem) == (keyid(alg, raw), raw, ARN, None)
    assert stack.signing_keys.all() == (key,)


@pytest.mark.parametrize(
    ("private", "next_step"),
    [
        pytest.param(MLDSA65PrivateKey.generate(), "--alg ML-DSA-65", id="ML-DSA-65 for Ed25519"),
        pytest.param(generate_private_key(SECP256R1()), "ECC_NIST_EDWARDS25519", id="ECDSA"),
    ],
)
def test_a_kms_key_of_another_algorithm_is_refused(private: Any, next_step: str) -> None:
    with kms_with(private) as kms, pytest.raises(BadKey) as refused:
        keys.key_in_kms(kms, ED25519, ARN)
    assert next_step in refused.value.next_step


@pytest.mark.parametrize(
    ("code", "next_step"),
    [
        pytest.param("NotFoundException", "region and account", id="of another region"),
        pytest.param("DisabledException", f"enable-key --key-id {ARN}", id="that is disabled"),
        pytest.param("UnsupportedOperationException", "SIGN_VERIFY", id="without a public half"),
    ],
)
def test_a_kms_key_that_cannot_be_read_is_an_error(code: str, next_step: str) -> None:
    kms: Any = boto3.client("kms", region_name="eu-central-1")
    with Stubber(kms) as stub:
        stub.add_client_error("get_public_key", code)
        with pytest.raises(BadKey, match=code) as refused:
            keys.key_in_kms(kms, ED25519, ARN)
    assert next_step in refused.value.next_step


@pytest.mark.parametrize(
    ("make_signer", "fit"),
    [
        pytest.param(lambda n: a_key(f"key {n}"), 8, id="8 signatures in a file"),
        pytest.param(lambda n: MlDsa65Signer(bytes([n] * 32)), 3, id="20,480 bytes in a file"),
    ],
)
def test_no_more_keys_sign_than_a_response_file_can_hold(
    stack: Stack, make_signer: Callable[[int], Signer], fit: int
) -> None:
    """Every reader would call the next response unreadable, whatever it trusts."""
    for n in range(fit):
        keys.register(stack.signing_keys, in_kms(make_signer(n)))
    with pytest.raises(BadKey, match="too many signatures") as refused:
        keys.register(stack.signing_keys, in_kms(make_signer(fit)))
    assert "keys retire" in refused.value.next_step
    assert len(stack.signing_keys.all()) == fit
    longest = b"x" * (MAX_PAE - len(pae(RESPONSE, b"")) - 3)
    envelope = seal(RESPONSE, longest, [make_signer(n) for n in range(fit)])
    assert len(open_envelope(envelope, RESPONSE).pae) == MAX_PAE
    keys.retire(stack.signing_keys, make_signer(0).keyid)
    keys.register(stack.signing_keys, in_kms(make_signer(fit)))


def in_kms(signer: Signer = VENDOR, arn: str = ARN) -> SigningKey:
    return SigningKey(signer.keyid, signer.alg, signer.public, KeyStatus.ACTIVE, kms_arn=arn)


@pytest.mark.parametrize("signer", [VENDOR, MlDsa65Signer(b"q" * 32)], ids=RESPONSE_ALGORITHMS)
def test_a_key_signs_once_the_service_has_signed_a_probe_with_it(
    stack: Stack, functions: Functions, signer: Signer
) -> None:
    functions.in_kms[ARN] = signer
    keys.create(stack, in_kms(signer))
    assert stack.signing_keys.all() == (in_kms(signer),)


@pytest.mark.parametrize(
    ("service_has", "next_step"),
    [
        pytest.param(refusal("AccessDeniedException"), f"{ARN} to SigningKeyArns", id="no right"),
        pytest.param(refusal("NotFoundException"), "region and account", id="another region"),
        pytest.param(refusal("DisabledException"), f"enable-key --key-id {ARN}", id="disabled"),
        pytest.param(refusal("KMSInvalidStateException"), "says Enabled", id="being replicated"),
        pytest.param(refusal("InvalidKeyUsageException"), "ECC_NIST_EDWARDS25519", id="no signer"),
        pytest.param(refusal("ThrottlingException"), "Run this again", id="another error"),
        pytest.param(a_key("another"), "Put this key there", id="another key there"),
    ],
)
def test_a_key_that_the_service_cannot_use_never_gets_a_row(
    stack: Stack, functions: Functions, service_has: Any, next_step: str
) -> None:
    """Its row would stop every response."""
    signing = pem_key(stack, functions.pem_folder / "signing.pem")
    functions.in_kms[ARN] = service_has
    with pytest.raises(KeyNotUsable) as refused:
        keys.create(stack, in_kms())
    assert next_step in refused.value.next_step
    assert stack.signing_keys.all() == (signing,)


def test_a_key_file_that_the_service_does_not_have_never_gets_a_row(
    stack: Stack, functions: Functions, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with pytest.raises(KeyNotUsable, match="NoPemKey") as refused:
        keys.create(stack, keys.key_in_pem(ED25519, elsewhere / "signing.pem"))
    assert "use --kms" in refused.value.next_step
    assert stack.signing_keys.all() == ()


@pytest.mark.parametrize("reply", [b'{"errorType": "KeyError", "errorMessage": "x"}', b"null"])
def test_a_service_that_does_not_know_the_probe_is_to_be_deployed(
    stack: Stack, functions: Functions, monkeypatch: pytest.MonkeyPatch, reply: bytes
) -> None:
    monkeypatch.setattr(functions, "invoke", lambda **call: {"Payload": BytesIO(reply)})
    with pytest.raises(KeyNotUsable) as refused:
        keys.create(stack, in_kms())
    assert "make deploy" in refused.value.next_step
    assert stack.signing_keys.all() == ()


def test_a_key_can_move_to_its_replica_in_another_region(
    stack: Stack, functions: Functions
) -> None:
    functions.in_kms = {ARN: VENDOR, REPLICA: VENDOR}
    keys.create(stack, in_kms())
    keys.create(stack, in_kms(arn=REPLICA))
    assert stack.signing_keys.all() == (in_kms(arn=REPLICA),)
    with pytest.raises(KeyExists):
        keys.create(stack, in_kms(arn=REPLICA))


@pytest.mark.parametrize("status", [KeyStatus.RETIRED, KeyStatus.COMPROMISED])
def test_a_key_that_ended_signs_at_no_other_place(
    stack: Stack, functions: Functions, status: KeyStatus
) -> None:
    ended = replace(in_kms(), status=status)
    put_key(stack._dynamodb, stack.output("KeysTable"), ended)
    functions.in_kms[REPLICA] = VENDOR
    with pytest.raises(KeyExists, match=status):
        keys.create(stack, in_kms(arn=REPLICA))
    assert stack.signing_keys.all() == (ended,)


def test_a_key_that_ended_meanwhile_does_not_come_back(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = replace(in_kms(), status=KeyStatus.COMPROMISED)
    put_key(stack._dynamodb, stack.output("KeysTable"), ended)
    monkeypatch.setattr(stack.signing_keys, "all", lambda: (in_kms(),))  # read before it ended
    with pytest.raises(KeysChanged):
        keys.register(stack.signing_keys, in_kms(arn=REPLICA))
    monkeypatch.undo()
    assert stack.signing_keys.all() == (ended,)


@pytest.mark.parametrize("alg", RESPONSE_ALGORITHMS)
def test_a_key_file_is_made_once_and_only_its_owner_can_read_it(
    stack: Stack, tmp_path: Path, alg: str
) -> None:
    file = tmp_path / "signing.pem"
    key = pem_key(stack, file, alg)
    content = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (key.pem, key.public) == ("signing.pem", PemSigner(file).public)
    with pytest.raises(KeyExists):
        pem_key(stack, file, alg)
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
        pem_key(stack, file)


def test_a_file_of_another_algorithm_or_in_a_missing_folder_is_an_error(
    stack: Stack, tmp_path: Path
) -> None:
    pem_key(stack, tmp_path / "signing.pem")
    with pytest.raises(BadKey, match="not ML-DSA-65"):
        pem_key(stack, tmp_path / "signing.pem", ML_DSA_65)
    with pytest.raises(BadKey, match="cannot be written"):
        pem_key(stack, tmp_path / "nowhere" / "signing.pem")


def test_the_key_set_requires_active_algorithms_and_trusts_retired_keys(
    stack: Stack, tmp_path: Path
) -> None:
    old, bad, new, quantum = (
        pem_key(stack, tmp_path / f"{name}.pem", alg)
        for name, alg in [
            ("old", ED25519),
            ("bad", ED25519),
            ("new", ED25519),
            ("quantum", ML_DSA_65),
        ]
    )
    put_key(stack._dynamodb, stack.output("KeysTable"), replace(old, status=KeyStatus.RETIRED))
    put_key(stack._dynamodb, stack.output("KeysTable"), replace(bad, status=KeyStatus.COMPROMISED))
    exported = KeySet.from_json(keys.export(stack.signing_keys, stack.licenses).to_json())
    assert exported.require == (ED25519, ML_DSA_65)
    assert {key.keyid: key.trusted for key in exported.keys} == {
        old.keyid: True,
        bad.keyid: False,
        new.keyid: True,
        quantum.keyid: True,
    }


def test_the_key_set_lists_revoked_licenses(stack: Stack, tmp_path: Path) -> None:
    pem_key(stack, tmp_path / "signing.pem")
    licenses.create(stack.licenses, "Example", NOW)
    withdrawn = LicenseRecord("015120020093", bytes(32), "Example", NOW, status=Status.REVOKED)
    stack.licenses.create(withdrawn)
    assert keys.export(stack.signing_keys, stack.licenses).revoked == {withdrawn.number}


def test_without_an_active_key_there_is_no_key_set(stack: Stack, tmp_path: Path) -> None:
    key = pem_key(stack, tmp_path / "signing.pem")
    put_key(stack._dynamodb, stack.output("KeysTable"), replace(key, status=KeyStatus.RETIRED))
    with pytest.raises(NoActiveKey):
        keys.export(stack.signing_keys, stack.licenses)
