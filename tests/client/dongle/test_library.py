"""What an application and the vendor's tools see of a dongle, through PKCS#11 itself."""

import pkcs11
import pytest
from pkcs11 import Attribute, ObjectClass

from keyferry import KeyferryError, load, make_request, verify_signature
from keyferry.dongle import pkcs11 as tokens_pkcs11
from keyferry.dongle.find import find_dongle, find_dongles, open_dongle
from keyferry.dongle.pkcs11 import make_key
from keyferry.dongle.plugged import PluggedDongle
from keyferry_protocol.algorithms import ECDSA_P256
from keyferry_protocol.errors import DongleMissing, DonglePin
from tests.client.dongle.conftest import PIN, Dongles, key_of_another_program
from tests.support.offline import KEYS, Room
from tests.support.samples import CODE, NOW, NUMBER, PRODUCT

SECP256K1 = bytes.fromhex("06052b8104000a")  # its points are as long as those of P-256


# The key on the dongle


def test_a_dongle_signs_with_a_key_that_never_leaves_it(dongles: Dongles) -> None:
    token = open_dongle(dongles.new(), PIN)
    assert token.alg == ECDSA_P256
    for message in (b"", b"keyferry", b"x" * 5000):
        assert verify_signature(token.alg, token.public, message, token.sign(message))
    assert not verify_signature(token.alg, token.public, b"another", token.sign(b"keyferry"))


def test_nobody_can_read_the_private_key(dongles: Dongles) -> None:
    dongle = dongles.new(key=False)
    make_key(dongle, PIN)
    (slot,) = [s for s in pkcs11.lib(dongles.module).get_slots() if s.slot_id == dongle.slot]
    with slot.get_token().open(user_pin=PIN) as session:
        (key,) = session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
        for attribute, value in {
            Attribute.PRIVATE: True,
            Attribute.SENSITIVE: True,
            Attribute.ALWAYS_SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.NEVER_EXTRACTABLE: True,
            Attribute.SIGN: True,
            Attribute.DECRYPT: False,
            Attribute.DERIVE: False,
        }.items():
            assert key[attribute] is value, attribute
        with pytest.raises(pkcs11.AttributeSensitive):
            key[Attribute.VALUE]
    with slot.get_token().open() as session:
        assert not list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY}))


def test_a_key_of_ours_comes_before_one_of_another_program(dongles: Dongles) -> None:
    blank = dongles.new(key=False)
    key_of_another_program(dongles, blank, "PIV AUTH pubkey")
    key_of_another_program(dongles, blank, "Coin key", curve=SECP256K1)
    (others,) = dongles.look(blank).keys
    assert not dongles.look(blank).has_our_key
    ours = make_key(blank, PIN)
    assert dongles.look(blank).keys == (ours, others)
    assert dongles.look(blank).has_our_key
    for public in (ours, others):
        token = open_dongle(dongles.look(blank), PIN, public)
        assert verify_signature(ECDSA_P256, public, b"x", token.sign(b"x"))


def test_a_key_is_made_while_another_key_of_the_dongle_is_in_use(dongles: Dongles) -> None:
    blank = dongles.new(key=False)
    key_of_another_program(dongles, blank, "PIV AUTH pubkey")
    token = open_dongle(dongles.look(blank), PIN)
    new_key = make_key(blank, PIN)
    for key in (token, open_dongle(dongles.look(blank), PIN, new_key)):
        assert verify_signature(ECDSA_P256, key.public, b"x", key.sign(b"x"))


def test_a_key_that_needs_its_pin_for_every_signature_gets_it(dongles: Dongles) -> None:
    """As slot 9c of a PIV card does."""
    blank = dongles.new(key=False)
    key_of_another_program(dongles, blank, "SIGN pubkey", ALWAYS_AUTHENTICATE=True)
    token = open_dongle(dongles.look(blank), PIN)
    for message in (b"once", b"twice"):
        assert verify_signature(ECDSA_P256, token.public, message, token.sign(message))


def test_a_key_that_the_dongle_does_not_hold_is_an_error(dongles: Dongles) -> None:
    dongle = dongles.new()
    with pytest.raises(DongleMissing, match=f"{dongle.serial} could not do what was asked"):
        open_dongle(dongle, PIN, b"\4" + b"a" * 64)
    with pytest.raises(DongleMissing, match="has no key yet"):
        open_dongle(dongles.new(key=False), PIN)


# PINs


@pytest.mark.parametrize("pin", [None, "", "000000"])
def test_without_its_pin_a_dongle_is_not_opened(dongles: Dongles, pin: str | None) -> None:
    dongle = dongles.new()
    dongles.restart()
    with pytest.raises(DonglePin, match=dongle.serial):
        open_dongle(dongle, pin)
    assert open_dongle(dongle, PIN).public == dongle.keys[0], "its key is not read again"


def test_a_dongle_that_refused_a_pin_is_not_tried_again_in_the_same_load(
    room: Room, dongles: Dongles
) -> None:
    dongles.new()
    room.dongle = find_dongle(PIN, dongles.module)
    room.activate("dongle")
    dongles.restart()
    pin_requests: list[str] = []

    def wrong(dongle: PluggedDongle) -> str:
        pin_requests.append(dongle.serial)
        return "000000"

    finder = find_dongle(wrong, dongles.module)
    for _ in range(3):
        with pytest.raises(KeyferryError) as error:
            load(PRODUCT, KEYS, room.state, room.machine, NOW, dongle=finder)
        assert error.value.code == "dongle-pin"
    assert len(pin_requests) == 1, "three wrong PINs lock a card"


# In an application


def test_an_application_finds_the_dongle_in_two_lines(room: Room, dongles: Dongles) -> None:
    dongles.new()
    room.dongle = find_dongle(PIN, dongles.module)
    room.activate("dongle")
    dongles.restart()
    license = load(
        PRODUCT,
        KEYS,
        room.state,
        room.machine,
        now=NOW,
        dongle=find_dongle(lambda token: PIN, module=dongles.module),
    )
    assert license.check("threads").value == 16


def test_a_dongle_pulled_while_the_application_runs_is_noticed_at_the_next_check(
    room: Room, dongles: Dongles
) -> None:
    token = dongles.new()
    room.dongle = find_dongle(PIN, dongles.module)
    room.activate("dongle")
    license = room.load()
    assert license.check("solver")
    dongles.pull(token)
    pulled = license.check("solver")
    assert (pulled.ok, pulled.code) == (False, "dongle-missing")
    with pytest.raises(DongleMissing):
        license.require("solver")
    dongles.plug(token)
    dongles.restart()
    room.dongle = find_dongle(PIN, dongles.module)
    assert room.load().check("solver"), "plugged in again, it is loaded again"


def test_an_application_may_load_repeatedly(room: Room, dongles: Dongles) -> None:
    """A card allows few sessions at a time: the first one serves all calls."""
    dongles.new()
    room.dongle = find_dongle(PIN, dongles.module)
    room.activate("dongle")
    sessions = dict(tokens_pkcs11._sessions)
    for _ in range(3):
        room.dongle = find_dongle(PIN, dongles.module)
        assert room.load().check()
    assert tokens_pkcs11._sessions == sessions


def test_two_equal_dongles_are_an_error_that_names_both(room: Room, dongles: Dongles) -> None:
    first, second = dongles.new(), dongles.new()
    room.dongle = find_dongle(PIN, dongles.module)
    with pytest.raises(DongleMissing, match=f"{first.serial}.*{second.serial}|{second.serial}.*"):
        room.request(protection="dongle")
    chosen = find_dongle(
        PIN, dongles.module, lambda plugged: next(t for t in plugged if t.serial == second.serial)
    )
    assert make_request(
        NUMBER,
        CODE,
        keys=KEYS,
        product=PRODUCT,
        protection="dongle",
        state_dir=room.state,
        machine=room.machine,
        now=NOW,
        dongle=chosen,
    )


def test_a_module_without_a_dongle_finds_none(dongles: Dongles) -> None:
    assert find_dongles(dongles.module) == []
