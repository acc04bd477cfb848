"""A key ended, and a file comes again: its application can check the answer, or must be updated."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.keys import KeySet, PinnedKey
from keyferry_protocol.response import verify_response
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.domain.license import Status
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from keyferry_service.use_cases.outcome import Answered
from tests.support.builders import LAB_07, LAB_08, SERVICE_KEY, VENDOR, a_key, a_request_file
from tests.support.world import KEYS, World, killed_while_it_publishes

NEW = a_key("new")
NEW_KEY = SigningKey(NEW.keyid, NEW.alg, NEW.public, KeyStatus.ACTIVE, pem="new.pem")
BOTH = KeySet((NEW.alg,), (*KEYS.keys, PinnedKey(NEW.keyid, NEW.alg, NEW.public, True)))
OLD_APPLICATION, NEW_APPLICATION = {"trusts": KEYS.trusts()}, {"trusts": BOTH.trusts()}
ENDINGS = [KeyStatus.RETIRED, KeyStatus.COMPROMISED]

pytestmark = pytest.mark.parametrize("ending", ENDINGS)


class Vendor:
    """Whoever ends the key that every application knows, for a new one."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, ending: KeyStatus) -> None:
        self._world, self._monkeypatch, self._ending = world, monkeypatch, ending
        pem = Ed25519PrivateKey.from_private_bytes(NEW.seed).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        (world.pem_folder / "new.pem").write_bytes(pem)

    def end_the_key(self) -> None:
        keys = SigningKeys(self._world.dynamodb, "Keys", "Licenses")
        keys.add(NEW_KEY)
        keys.end(SERVICE_KEY, self._ending, NEW_KEY)
        monotonic = time.monotonic  # a minute later, every function has read the keys again
        self._monkeypatch.setattr(time, "monotonic", lambda: monotonic() + 61)


@pytest.fixture
def vendor(world: World, monkeypatch: pytest.MonkeyPatch, ending: KeyStatus) -> Vendor:
    world.sell(seats=2)
    return Vendor(world, monkeypatch, ending)


def refused_with(world: World, ticket: str) -> str:
    answer = world.ticket(ticket)
    assert answer["state"] == "refused", answer
    code: str = answer["refusal"]["code"]
    return code


@pytest.mark.parametrize("kind", ["activate", "update"])
def test_an_application_that_knows_no_key_of_today_must_be_updated(
    world: World, vendor: Vendor, kind: str
) -> None:
    if kind == "update":
        world.activate(a_request_file(LAB_07, **OLD_APPLICATION))
    file = a_request_file(LAB_07, kind, id="a" * 32, **OLD_APPLICATION)
    first = world.activate(file)
    response, license = world.response(first), world.license()
    vendor.end_the_key()
    again = world.activate(file)
    assert refused_with(world, again) == "keys-too-old"
    assert world.ticket(again)["refusal"]["detail"].startswith("Update Example Modeler")
    assert list(world.answers(again)) == ["refusal.json"]
    assert world.license() == license
    # What was handed out before is still there, and the old application can check it.
    assert world.ticket(first)["state"] == "ready"
    assert world.response(first) == response
    verify_response(response, KEYS)


def test_an_application_that_knows_a_key_of_today_gets_the_same_answer_again(
    world: World, vendor: Vendor
) -> None:
    file = a_request_file(LAB_07, **NEW_APPLICATION)
    before = open_envelope(world.response(world.activate(file)), RESPONSE)
    vendor.end_the_key()
    again = verify_response(world.response(world.activate(file)), BOTH).envelope
    assert again.body == before.body
    assert [each.keyid for each in before.signatures] == [VENDOR.keyid]
    assert [each.keyid for each in again.signatures] == [NEW.keyid]


def test_a_file_that_was_not_answered_yet_takes_no_seat(world: World, vendor: Vendor) -> None:
    vendor.end_the_key()
    ticket = world.activate(a_request_file(LAB_07, **OLD_APPLICATION))
    assert refused_with(world, ticket) == "keys-too-old"
    assert world.license().seats_used == 0


def test_a_recorded_answer_that_was_never_handed_out_is_refused_when_its_message_comes_again(
    world: World, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a dead letter that waited while the vendor gave up the key."""
    ticket = world.open_ticket("anna@example.org")
    message = world.upload(ticket, a_request_file(LAB_07, **OLD_APPLICATION))
    killed_while_it_publishes(world, message, monkeypatch)
    assert world.ticket(ticket)["state"] == "processing"
    vendor.end_the_key()
    for _ in range(2):  # as a message may come twice
        assert world.process(message) == []
        assert refused_with(world, ticket) == "keys-too-old"
        assert list(world.answers(ticket)) == ["refusal.json"]
    assert world.send(ticket) == []
    (mail,) = world.mails()
    assert b"too old" in mail
    # The seat is the computer's, and the updated application gets its license.
    assert world.license().seats_used == 1
    new = world.activate(a_request_file(LAB_07, id="b" * 32, **NEW_APPLICATION))
    assert verify_response(world.response(new), BOTH).seat == 1
    assert world.license().seats_used == 1


def test_what_was_handed_out_stays_when_its_message_comes_again(
    world: World, vendor: Vendor
) -> None:
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file(LAB_07, **OLD_APPLICATION))
    assert world.process(message) == []
    response = world.response(ticket)
    vendor.end_the_key()
    assert world.process(message) == []
    assert world.ticket(ticket)["state"] == "ready"
    assert world.answers(ticket).popitem()[1] == response


def test_a_deactivation_always_frees_its_seat_and_hands_out_no_receipt_that_would_be_rejected(
    world: World, vendor: Vendor
) -> None:
    """Its computer has erased its keys, so no other request could free the seat."""
    world.activate(a_request_file(LAB_07, **OLD_APPLICATION))
    vendor.end_the_key()
    file = a_request_file(LAB_07, "deactivate", **OLD_APPLICATION)
    for _ in range(2):  # the same file again: the same answer
        ticket = world.activate(file, "anna@example.org")
        assert world.license().seats_used == 0
        assert_nothing_to_install(world, ticket)
        assert world.send(ticket) == []
    for mail in world.mails():
        assert b"The seat" in mail
        assert b"nothing to install on LAB-07" in mail
        assert b"/api/responses/" not in mail
    assert world.ticket(ticket)["email"] == "sent"
    assert world.ticket(ticket)["response"]["link_expires_at"] is None


def test_a_deactivation_that_its_application_can_verify_gets_its_receipt(
    world: World, vendor: Vendor
) -> None:
    world.activate(a_request_file(LAB_07, **NEW_APPLICATION))
    vendor.end_the_key()
    file = a_request_file(LAB_07, "deactivate", **NEW_APPLICATION)
    assert verify_response(world.response(world.activate(file)), BOTH).is_receipt
    assert world.license().seats_used == 0


def test_a_receipt_that_was_handed_out_stays_and_is_not_handed_out_again(
    world: World, vendor: Vendor
) -> None:
    world.activate(a_request_file(LAB_07, **OLD_APPLICATION))
    file = a_request_file(LAB_07, "deactivate", **OLD_APPLICATION)
    before = world.activate(file)
    receipt = world.response(before)
    vendor.end_the_key()
    assert_nothing_to_install(world, world.activate(file))
    assert world.response(before) == receipt
    assert verify_response(receipt, KEYS).is_receipt


def test_a_receipt_that_was_recorded_and_never_handed_out_is_not_handed_out_later(
    world: World, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.activate(a_request_file(LAB_07, **OLD_APPLICATION))
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file(LAB_07, "deactivate", **OLD_APPLICATION))
    killed_while_it_publishes(world, message, monkeypatch)
    vendor.end_the_key()
    killed_while_it_publishes(world, message, monkeypatch)
    for _ in range(2):  # as a message may come twice
        assert world.process(message) == []
        assert_nothing_to_install(world, ticket)
    assert world.license().seats_used == 0


def assert_nothing_to_install(world: World, ticket: str) -> None:
    """The seat is free, and nobody is handed a file by whatever way."""
    document = world.ticket(ticket)
    assert (document["state"], document["kind"]) == ("ready", "deactivate")
    response = document["response"]
    file = ("filename", "bytes", "sha256", "download_url", "expires_at")
    assert {response[name] for name in file} == {None}
    assert response["seat"] == 1
    answer = world.call("GET", f"/api/requests/{ticket}/file")
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (409, "not-ready")


def test_the_keys_that_decided_are_those_that_sign(
    world: World, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two, the function may have to read the keys again."""
    keys = SigningKeys(world.dynamodb, "Keys", "Licenses")
    upload = world.put(world.open_ticket(), a_request_file(LAB_07, **OLD_APPLICATION))
    answer_request = world.answer_request(signing_keys=keys)
    claim = answer_request.decisions.claim

    def claim_late(*arguments: Any) -> None:
        claim(*arguments)
        vendor.end_the_key()

    monkeypatch.setattr(answer_request.decisions, "claim", claim_late)
    assert isinstance(answer_request.answer(upload, world.context), Answered)
    verify_response(world.response(upload.ticket_id), KEYS)


def test_an_application_that_must_be_updated_is_not_told_of_a_revoked_license_first(
    world: World, vendor: Vendor
) -> None:
    """The refusals have one order, whether the file was answered before or not."""
    file = a_request_file(LAB_08, **OLD_APPLICATION)
    world.activate(file)
    license = world.license()
    revoked = replace(license, status=Status.REVOKED, revision=license.revision + 1)
    world.licenses.change(license, revoked, "revoke")
    vendor.end_the_key()
    assert refused_with(world, world.activate(file)) == "keys-too-old"
