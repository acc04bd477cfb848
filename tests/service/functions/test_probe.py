"""The probe of `keyferry-admin keys create`: one fixed message, which is no part of any file."""

import json
from io import BytesIO
from typing import Any

import pytest
from botocore.stub import Stubber

from keyferry_protocol.algorithms import is_valid_signature
from keyferry_protocol.envelope import REQUEST, RESPONSE, Signature, open_envelope, pack, pae
from keyferry_service.adapters.probe_lambda import ProbeFailed, request_probe
from keyferry_service.domain.signing_keys import PROBE, KeyStatus, SigningKey
from tests.support.builders import SERVICE_KEY, VENDOR, a_key, a_request_file
from tests.support.world import World

ARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
IN_KMS = SigningKey(VENDOR.keyid, VENDOR.alg, VENDOR.public, KeyStatus.ACTIVE, kms_arn=ARN)
MORE = {"message": "DSSEv1 ...", "body": "QkxBSA==", "Records": [{"body": "{}"}]}


class Lambda:
    """Lambda's client, for the function in this process."""

    def __init__(self, world: World, **more: Any) -> None:
        self._world = world
        self._more = more

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        event = json.loads(Payload)
        event["probe"] |= self._more
        reply = self._world.handlers["process_request"](event | self._more, self._world.context)
        return {"Payload": BytesIO(json.dumps(reply).encode())}


@pytest.mark.parametrize("more", [{}, MORE], ids=["as the desk asks", "with a text to sign"])
def test_a_file_key_signs_the_probe_and_nothing_else(world: World, more: dict[str, Any]) -> None:
    signature = request_probe(Lambda(world, **more), "process_request", SERVICE_KEY)
    assert is_valid_signature(VENDOR.alg, VENDOR.public, PROBE, signature)


@pytest.mark.parametrize("more", [{}, MORE], ids=["as the desk asks", "with a text to sign"])
def test_a_key_in_kms_signs_the_probe_and_nothing_else(world: World, more: dict[str, Any]) -> None:
    call = {
        "KeyId": ARN,
        "Message": PROBE,
        "MessageType": "RAW",
        "SigningAlgorithm": "ED25519_SHA_512",
    }
    with Stubber(world.service["kms"]) as kms:
        kms.add_response("sign", {"Signature": VENDOR.sign(PROBE)}, call)
        signature = request_probe(Lambda(world, **more), "process_request", IN_KMS)
    assert signature == VENDOR.sign(PROBE)


@pytest.mark.parametrize("kind", [REQUEST, RESPONSE])
def test_the_signature_of_a_probe_is_that_of_no_file(kind: str) -> None:
    """A PAE begins with its type, whatever follows."""
    assert not PROBE.startswith(pae(kind, b"")[:6])
    for body in (PROBE, b"", b"{}"):
        file = pack(kind, body, [Signature(VENDOR.keyid, VENDOR.sign(PROBE))])
        assert not open_envelope(file, kind).is_signed_by(VENDOR.alg, VENDOR.public)


@pytest.mark.parametrize("code", ["AccessDeniedException", "NotFoundException"])
def test_what_kms_refuses_is_a_reply_and_no_failure_of_the_function(
    world: World, code: str
) -> None:
    """A failure would raise the alarm of the function."""
    with Stubber(world.service["kms"]) as kms:
        kms.add_client_error("sign", code)
        with pytest.raises(ProbeFailed) as failed:
            request_probe(Lambda(world), "process_request", IN_KMS)
    assert failed.value.code == code


@pytest.mark.parametrize("content", [None, b"", b"no key"], ids=["missing", "empty", "no PEM"])
def test_a_missing_or_damaged_key_file_is_a_reply(world: World, content: bytes | None) -> None:
    other = a_key("other")
    if content is not None:
        (world.pem_folder / "other.pem").write_bytes(content)
    key = SigningKey(other.keyid, other.alg, other.public, KeyStatus.ACTIVE, pem="other.pem")
    with pytest.raises(ProbeFailed) as failed:
        request_probe(Lambda(world), "process_request", key)
    assert failed.value.code == "NoPemKey"


@pytest.mark.parametrize("name", ["../pem/test.pem", "/etc/ssl/private/key.pem"])
def test_a_key_file_outside_its_folder_is_never_read(world: World, name: str) -> None:
    with pytest.raises(KeyError):  # it is no probe, and no batch of messages either
        request_probe(Lambda(world, pem=name), "process_request", SERVICE_KEY)


def test_requests_are_answered_as_before(world: World) -> None:
    world.sell()
    assert world.answers(world.activate(a_request_file()))
