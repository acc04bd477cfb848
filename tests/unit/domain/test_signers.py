"""Signing: with KMS as its contract says, with PEM files, and with both at the same time."""

import time
from functools import partial
from pathlib import Path
from threading import Barrier

import boto3
import pytest
from botocore.stub import Stubber
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keyferry_protocol.algorithms import (
    ED25519,
    ML_DSA_65,
    RESPONSE_ALGORITHMS,
    SEED_BYTES,
    ResponseAlgorithm,
    verify_signature,
)
from keyferry_protocol.envelope import RESPONSE, open_envelope, pae
from keyferry_protocol.keys import keyid
from keyferry_service.adapters.signer_kms import KmsSigner
from keyferry_service.adapters.signer_pem import PemSigner
from keyferry_service.adapters.signers import NoSigningKey, Signers, seal_response
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from tests.support.builders import VENDOR

ARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def a_pem(path: Path, key: Ed25519PrivateKey | MLDSA65PrivateKey) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    return boto3.client("kms", region_name="eu-central-1")


@pytest.mark.parametrize("algorithm", RESPONSE_ALGORITHMS.values(), ids=lambda each: each.name)
def test_kms_knows_each_response_algorithm(kms, algorithm: ResponseAlgorithm) -> None:  # type: ignore[no-untyped-def]
    model = kms.meta.service_model
    assert algorithm.kms_key_spec in model.shape_for("KeySpec").enum
    assert algorithm.kms_signing_algorithm in model.shape_for("SigningAlgorithmSpec").enum


@pytest.mark.parametrize(
    ("alg", "named"), [(ED25519, "ED25519_SHA_512"), (ML_DSA_65, "ML_DSA_SHAKE_256")]
)
def test_kms_signs_the_message_itself(kms, alg: str, named: str) -> None:  # type: ignore[no-untyped-def]
    message = pae(RESPONSE, b"{}" * 1900)
    expected = {
        "KeyId": ARN,
        "Message": message,
        "MessageType": "RAW",
        "SigningAlgorithm": named,
    }
    answer = {"KeyId": ARN, "Signature": b"signature", "SigningAlgorithm": named}
    with Stubber(kms) as stubber:  # it checks both against the service's own model
        stubber.add_response("sign", answer, expected)
        assert KmsSigner(kms, ARN, alg, b"public", "keyid").sign(message) == b"signature"
        stubber.assert_no_pending_responses()


def test_kms_signs_messages_up_to_the_size_limit_of_a_pae(kms) -> None:  # type: ignore[no-untyped-def]
    model = kms.meta.service_model.operation_model("Sign").input_shape.members["Message"]
    assert model.metadata["max"] == 4096


@pytest.mark.parametrize("alg", RESPONSE_ALGORITHMS)
def test_a_pem_file_signs(tmp_path: Path, alg: str) -> None:
    key = RESPONSE_ALGORITHMS[alg].private_key(bytes(SEED_BYTES))
    signer = PemSigner(a_pem(tmp_path / "key.pem", key))
    public = key.public_key().public_bytes_raw()
    assert (signer.alg, signer.public, signer.keyid) == (alg, public, keyid(alg, public))
    assert verify_signature(alg, public, b"message", signer.sign(b"message"))


def test_a_pem_file_of_another_algorithm_is_refused(tmp_path: Path) -> None:
    key = generate_private_key(SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(pem)
    with pytest.raises(ValueError, match=r"key\.pem holds a key of an algorithm"):
        PemSigner(tmp_path / "key.pem")


def test_every_active_key_signs_and_no_other(kms, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    ed25519 = Ed25519PrivateKey.generate()
    a_pem(tmp_path / "vendor.pem", ed25519)

    def key(status: KeyStatus, pem: str | None = None) -> SigningKey:
        return SigningKey("id", ED25519, b"", status, None if pem else ARN, pem)

    keys = [
        key(KeyStatus.ACTIVE, "vendor.pem"),
        key(KeyStatus.RETIRED),
        key(KeyStatus.COMPROMISED),
        key(KeyStatus.ACTIVE),
    ]
    signers = Signers(partial(KmsSigner, kms), tmp_path)
    first = signers.of(keys)
    assert [type(signer) for signer in first] == [PemSigner, KmsSigner]
    assert all(a is b for a, b in zip(signers.of(keys), first, strict=True))  # made once
    with pytest.raises(NoSigningKey):
        signers.of(keys[1:3])


class Waiting:
    """A signer that signs only while another one signs."""

    alg, public, keyid = VENDOR.alg, VENDOR.public, VENDOR.keyid

    def __init__(self, barrier: Barrier) -> None:
        self._barrier = barrier

    def sign(self, message: bytes) -> bytes:
        self._barrier.wait()
        return VENDOR.sign(message)


def test_signers_work_side_by_side() -> None:
    both_here = Barrier(2, timeout=5)
    started = time.monotonic()
    sealed = seal_response(b"{}", [Waiting(both_here), Waiting(both_here)])
    assert time.monotonic() - started < 5
    envelope = open_envelope(sealed, RESPONSE)
    assert len(envelope.signatures) == 2
    assert envelope.is_signed_by(VENDOR.alg, VENDOR.public)
