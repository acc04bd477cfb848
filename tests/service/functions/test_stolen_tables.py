"""Tables that were read by somebody.

Tested elsewhere: stolen activation codes and device keys (tests/service/functions/test_seats.py).
"""

import json
from base64 import b64encode
from typing import Any

import pytest

from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope, seal
from keyferry_protocol.errors import NotGenuine
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.response import verify_response
from tests.support.builders import ACTIVATION, LAB_07, LAB_08, VENDOR, a_key, a_request_file
from tests.support.samples import BARE_CODE, NUMBER
from tests.support.world import KEYS, World, link_in

pytestmark = pytest.mark.attack


EVE = a_key("eve")


def stolen(world: World) -> str:
    """All rows of both tables and what the ledger's hold, in all the ways to write bytes."""
    bodies = [entry.body for entry in world.licenses.ledger_entries(NUMBER)]
    rows = [*world.rows("Licenses"), *world.rows("Tickets"), *bodies]
    return json.dumps(rows, default=lambda value: [value.hex(), b64encode(value).decode()])


@pytest.fixture
def sold(world: World) -> World:
    world.sell(seats=2)
    world.send(world.activate(a_request_file(LAB_07), "anna@example.org"))
    return world


def test_stolen_tables_hold_no_code_no_private_key_and_no_link(sold: World) -> None:
    rows = stolen(sold)
    link = link_in(sold.mails()[-1].replace(b"=\r\n", b"")).rpartition("/")[2]
    seeds = [ACTIVATION.seed, LAB_07.device.seed, VENDOR.seed]
    secrets = [BARE_CODE, BARE_CODE.lower(), link, *(s.hex() for s in seeds)]
    secrets += [b64encode(seed).decode() for seed in seeds]
    assert ACTIVATION.public.hex() in rows  # what is there is public
    assert [secret for secret in secrets if secret in rows] == []


def test_stolen_tables_forge_no_request(sold: World) -> None:
    """All public keys are in them: none of them signs."""
    keys = [ACTIVATION.public, LAB_07.device.public]
    for guess in (Ed25519Signer(key) for key in keys):
        files = [
            a_request_file(LAB_08, activation=guess, id="1" * 32),
            a_request_file(LAB_07, "update", signers=(guess,), id="2" * 32),
            a_request_file(LAB_07, "deactivate", signers=(guess,), id="3" * 32),
        ]
        for file in files:
            refusal = sold.ticket(sold.activate(file))["refusal"]
            assert refusal["code"] == "not-authentic"
    assert sold.license().seats_used == 1


def test_stolen_tables_forge_no_response(sold: World) -> None:
    """The ledger has the very bytes that were signed, and no signature."""
    (body,) = [entry.body for entry in sold.licenses.ledger_entries(NUMBER)]
    genuine = sold.response(sold.activate(a_request_file(LAB_07)))
    assert open_envelope(genuine, RESPONSE).body == body
    assert open_envelope(genuine, RESPONSE).signatures[0].sig.hex() not in stolen(sold)
    for signers in ((), (EVE,), (Ed25519Signer(VENDOR.public),)):
        with pytest.raises(NotGenuine):
            verify_response(seal(RESPONSE, body, signers), KEYS)


def test_a_request_and_a_response_cannot_pass_for_each_other(sold: World) -> None:
    """What a device signs is no license, and what the vendor signed is no request."""
    genuine = sold.response(sold.activate(a_request_file(LAB_07)))
    as_request: dict[str, Any] = json.loads(genuine) | {"payloadType": REQUEST}
    ticket = sold.ticket(sold.activate(json.dumps(as_request).encode()))
    assert ticket["refusal"]["code"] == "unreadable-request"
    as_response = json.loads(a_request_file(LAB_07)) | {"payloadType": RESPONSE}
    with pytest.raises(NotGenuine):
        verify_response(json.dumps(as_response).encode(), KEYS)
