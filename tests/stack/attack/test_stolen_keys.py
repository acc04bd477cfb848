"""A signing key that got out, and tables that were read by somebody.

Told elsewhere: what the desk does about a compromised key and that every live seat is signed anew
(tests/stack/test_keys.py); stolen activation codes and device keys (tests/stack/attack/test_seats.py);
a stripped signature of a hybrid (docs/vectors, tests/unit/conformance/test_vectors.py).
"""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope, seal
from keyferry_protocol.errors import KeyCompromised, KeyferryError, NotGenuine
from keyferry_protocol.keys import Ed25519Signer, KeySet, PinnedKey, Signer
from keyferry_protocol.response import verify_response
from tests.service.functions.conftest import KEYS, World, link_in
from tests.support.builders import ACTIVATION, CODE, LAB_07, LAB_08, VENDOR, a_key, a_request_file
from tests.support.offline import NUMBER, key_set
from tests.support.offline import VENDOR as ROOM_VENDOR
from tests.support.terminal import Shell

NEXT = Ed25519Signer(b"n" * 32)
EVE = a_key("eve")


def pinned(signer: Signer, trusted: bool = True) -> PinnedKey:
    return PinnedKey(signer.keyid, signer.alg, signer.public, trusted)


AFTER = KeySet(("Ed25519",), (pinned(ROOM_VENDOR, trusted=False), pinned(NEXT)))


@pytest.fixture
def requested(shell: Shell) -> str:
    shell("request", NUMBER)
    (name,) = [path.name for path in Path().glob("*.request")]
    return name


def use(shell: Shell, keys: KeySet) -> None:
    """The application's next version, with other keys beside it."""
    Path("vendor/keys.json").write_bytes(keys.to_json())


def test_what_a_compromised_key_signs_is_refused_as_that(shell: Shell, requested: str) -> None:
    shell.carried(requested)  # as whoever has the key would sign it
    use(shell, AFTER)
    before = shell.room.files()
    for command in (("install",), ("verify", "--keys", "vendor/keys.json")):
        told = shell(command[0], "answer.response", *command[1:])
        assert told.exit == 7
        assert "(key-compromised)" in told.err
    assert shell.room.files() == before


def test_an_installed_license_of_a_compromised_key_stops_until_it_is_signed_anew(
    shell: Shell, requested: str
) -> None:
    genuine = shell.carried(requested)
    assert shell("install", str(genuine)).exit == 0
    use(shell, AFTER)
    assert shell("check").exit == 7
    body = open_envelope(genuine.read_bytes(), RESPONSE).body
    genuine.write_bytes(seal(RESPONSE, body, [ROOM_VENDOR, NEXT]))
    assert shell("install", str(genuine)).exit == 0
    assert shell("check").exit == 0


@pytest.mark.parametrize(
    ("signers", "error"),
    [
        pytest.param((ROOM_VENDOR,), KeyCompromised, id="the compromised key alone"),
        pytest.param((ROOM_VENDOR, EVE), KeyCompromised, id="and an unknown one"),
        pytest.param((EVE,), NotGenuine, id="an unknown key"),
        pytest.param((EVE, EVE, EVE), NotGenuine, id="an unknown key three times"),
        pytest.param((), NotGenuine, id="nobody"),
    ],
)
def test_no_set_of_keys_makes_up_for_a_trusted_one(
    shell: Shell, requested: str, signers: tuple[Signer, ...], error: type[KeyferryError]
) -> None:
    shell.room.signers = signers
    shell.carried(requested)
    with pytest.raises(error):
        verify_response(Path("answer.response").read_bytes(), AFTER)


def test_a_signature_under_a_trusted_keys_id_by_another_key_is_none(
    shell: Shell, requested: str
) -> None:
    shell.room.signers = (EVE,)
    file = shell.carried(requested)
    file.write_bytes(file.read_bytes().replace(EVE.keyid.encode(), NEXT.keyid.encode()))
    with pytest.raises(NotGenuine):
        verify_response(file.read_bytes(), AFTER)
    with pytest.raises(NotGenuine):
        verify_response(file.read_bytes(), key_set(ROOM_VENDOR, NEXT))


# The tables


def stolen(world: World) -> str:
    """All rows of both tables, in all the ways in which bytes are written."""
    rows = [*world.rows("Licenses"), *world.rows("Tickets")]
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
    secrets = [CODE, CODE.lower(), link, *(s.hex() for s in seeds)]
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
    (row,) = [r for r in sold.rows("Licenses") if r["sk"]["S"].startswith("answer#")]
    (body,) = [bytes(v["B"]) for v in row.values() if "B" in v and b"request_sha256" in v["B"]]
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
    told = sold.ticket(sold.activate(json.dumps(as_request).encode()))
    assert told["refusal"]["code"] == "unreadable-request"
    as_response = json.loads(a_request_file(LAB_07)) | {"payloadType": RESPONSE}
    with pytest.raises(NotGenuine):
        verify_response(json.dumps(as_response).encode(), KEYS)
