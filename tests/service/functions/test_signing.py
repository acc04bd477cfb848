"""KMS as it fails, and keys that changed within the minute in which functions remember them."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import Stubber

from keyferry_protocol.algorithms import ED25519, ML_DSA_65
from keyferry_protocol.envelope import MAX_PAE, RESPONSE, open_envelope, pae
from keyferry_protocol.keys import MlDsa65Signer, Signer
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from tests.service.functions.test_resending import TICKET, asked_to_sign, opened_by_the_desk
from tests.support.builders import SERVICE_KEY, VENDOR, a_key, a_request_file
from tests.support.samples import NUMBER
from tests.support.tables import put_key
from tests.support.world import World

ARN = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NAMED = {ED25519: "ED25519_SHA_512", ML_DSA_65: "ML_DSA_SHAKE_256"}


def in_kms(signer: Signer) -> SigningKey:
    return SigningKey(signer.keyid, signer.alg, signer.public, KeyStatus.ACTIVE, kms_arn=ARN)


@pytest.mark.parametrize("signer", [VENDOR, MlDsa65Signer(b"q" * 32)], ids=list(NAMED))
@pytest.mark.parametrize(
    "code",
    [
        pytest.param("ThrottlingException", id="throttled"),
        pytest.param("AccessDeniedException", id="access denied"),
        pytest.param("DisabledException", id="a disabled key"),
    ],
)
def test_a_request_gets_the_same_answer_after_kms_failed(
    world: World, signer: Signer, code: str
) -> None:
    world.sell()
    put_key(world.dynamodb, "Keys", replace(SERVICE_KEY, status=KeyStatus.RETIRED))
    put_key(world.dynamodb, "Keys", in_kms(signer))
    ticket = world.open_ticket()
    # The application trusts this key, so that it is answered.
    message = world.upload(ticket, a_request_file(trusts=(signer.keyid,)))
    kms = world.service["kms"]
    with Stubber(kms) as stub:
        stub.add_client_error("sign", code)
        assert world.process(message) == [message["messageId"]]
        stub.assert_no_pending_responses()
    assert world.answers(ticket) == {}
    (recorded,) = world.licenses.ledger_entries(NUMBER)
    assert world.license().seats_used == 1
    whole = pae(RESPONSE, recorded.body)
    assert len(whole) <= MAX_PAE
    parameters: dict[str, Any] = {
        "KeyId": ARN,
        "Message": whole,
        "MessageType": "RAW",
        "SigningAlgorithm": NAMED[signer.alg],
    }
    answer = {"KeyId": ARN, "Signature": signer.sign(whole), "SigningAlgorithm": NAMED[signer.alg]}
    with Stubber(kms) as stub:
        stub.add_response("sign", answer, parameters)
        assert world.process(message) == []
    envelope = open_envelope(world.response(ticket), RESPONSE)
    assert envelope.body == recorded.body
    assert envelope.is_signed_by(signer.alg, signer.public)
    assert world.license().seats_used == 1


def test_resigning_uses_the_keys_that_are_active_now(world: World) -> None:
    world.sell()
    world.activate(a_request_file())  # and so the function has just read its keys
    new = a_key("new")
    keys = SigningKeys(world.dynamodb, "Keys", "Licenses")
    keys.add(in_kms(new))
    keys.end(SERVICE_KEY, KeyStatus.COMPROMISED, in_kms(new))
    opened_by_the_desk(world)
    (recorded,) = world.licenses.ledger_entries(NUMBER)
    signature = new.sign(pae(RESPONSE, recorded.body))
    with Stubber(world.service["kms"]) as stub:
        answer = {"KeyId": ARN, "Signature": signature, "SigningAlgorithm": NAMED[ED25519]}
        stub.add_response("sign", answer)
        assert world.process(asked_to_sign(world, TICKET)) == []
    envelope = open_envelope(world.response(TICKET), RESPONSE)
    assert [each.keyid for each in envelope.signatures] == [new.keyid]
