"""Registered dongles: the files they come from, and when they can be added and removed."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyferry_admin.errors.licenses import (
    BadDongle,
    DongleExists,
    DongleInUse,
    LicenseChanged,
    NoSuchDongle,
    NoSuchLicense,
)
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import change_license, dongles, licenses
from keyferry_protocol.algorithms import ECDSA_P256, ED25519
from keyferry_protocol.encoding import b64
from keyferry_protocol.request import Dongle
from keyferry_service.adapters.items_dynamodb import members, to_item
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.retries import ConditionFailed
from keyferry_service.domain.license import DongleSeat, LicenseRecord, RegisteredDongle
from tests.service.admin.screens import take_seat
from tests.support.builders import LAB_07, Computer, a_key, a_request_file
from tests.support.samples import NOW, NUMBER
from tests.support.valid_files import response_file

POINT = (
    generate_private_key(SECP256R1())
    .public_key()
    .public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
)
STICK = Dongle(ED25519, a_key("stick").public, "Token", "1")
CARD = Dongle(ECDSA_P256, POINT, "YubiKey 5C NFC", "12345678")


def key_file(dongle: Dongle, **changed: Any) -> bytes:
    return json.dumps(dongle.as_json() | changed).encode()


@pytest.fixture
def table(stack: Stack) -> Licenses:
    licenses.create(stack.licenses, "Example Modeler", NOW, NUMBER, seats=2)
    return stack.licenses


def give_seat(stack: Stack, dongle: Dongle, seat: int) -> None:
    """Write a dongle's seat as the service does: the seat, and its number on the dongle."""
    take_seat(stack, seat, protection="dongle", dongle_keyid=dongle.keyid)
    update = stack.licenses._update_dongle(NUMBER, DongleSeat(dongle.keyid, seat))["Update"]
    boto3.client("dynamodb").update_item(**update)
    before = licenses.find(stack.licenses, NUMBER)
    after = replace(
        before, seats_used=before.seats_used + 1, seats_ever_used=before.seats_ever_used + 1
    )
    stack.licenses.change(before, replace(after, revision=before.revision + 1))


@pytest.mark.parametrize(
    ("file", "dongle"),
    [
        pytest.param(key_file(STICK), STICK, id="the key file of an Ed25519 token"),
        pytest.param(key_file(CARD), CARD, id="the key file of a P-256 token"),
        pytest.param(key_file(CARD, label="mine"), CARD, id="with a member more"),
        pytest.param(
            a_request_file(replace(LAB_07, dongle=a_key("stick"))), STICK, id="a refused request"
        ),
        pytest.param(
            a_request_file(replace(LAB_07, dongle=a_key("stick")), signers=(a_key("no one"),)),
            STICK,
            id="a request without its proofs: who signs is asked when it is answered",
        ),
    ],
)
def test_a_key_file_or_a_request_has_a_dongle(file: bytes, dongle: Dongle) -> None:
    assert dongles.parse_dongle_file(file, NUMBER) == dongle


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        pytest.param(b"", "describes no dongle", id="an empty file"),
        pytest.param(b"-----BEGIN PUBLIC KEY-----", "describes no dongle", id="a PEM file"),
        pytest.param(b'"a text"', "describes no dongle", id="a text"),
        pytest.param(b'{"keyset": 1}', "dongle.alg is missing", id="a key set"),
        pytest.param(key_file(STICK, alg="ML-DSA-65"), "dongle.alg", id="no token's algorithm"),
        pytest.param(key_file(STICK, public=b64(bytes(32))), "low order", id="a key of low order"),
        pytest.param(
            key_file(CARD, public=b64(b"\x04" + bytes(64))), "point", id="a point off the curve"
        ),
        pytest.param(key_file(CARD, model="\u202eevil"), "dongle.model", id="a model that turns"),
        pytest.param(a_request_file(LAB_07), "without a dongle", id="a request without a dongle"),
        pytest.param(
            a_request_file(Computer(dongle=a_key("stick")), license_number="000000000001"),
            "is for license 000.000.000.001",
            id="a request for another license",
        ),
        pytest.param(response_file(), "cannot be read", id="a response"),
        pytest.param(a_request_file(LAB_07)[:-40], "no dongle", id="a request cut short"),
    ],
)
def test_a_file_without_a_dongle_is_refused_with_the_reason(file: bytes, reason: str) -> None:
    with pytest.raises(BadDongle, match=reason):
        dongles.parse_dongle_file(file, NUMBER)


def test_a_registered_dongle_is_a_row_and_a_revision(stack: Stack, table: Licenses) -> None:
    before = licenses.find(table, NUMBER)
    after, registered = dongles.add(table, NUMBER, CARD)
    assert after == replace(before, revision=1) == licenses.find(table, NUMBER)
    assert list(table.dongles(NUMBER)) == [registered]
    assert registered == RegisteredDongle(CARD.keyid, ECDSA_P256, POINT, CARD.model, CARD.serial)
    row = boto3.client("dynamodb").get_item(
        TableName=stack.output("LicensesTable"),
        Key=to_item({"pk": NUMBER, "sk": f"dongle#{CARD.keyid}"}),
    )["Item"]
    assert row == to_item({"pk": NUMBER, "sk": f"dongle#{CARD.keyid}", **members(registered)})


def test_a_dongle_is_registered_once(table: Licenses) -> None:
    dongles.add(table, NUMBER, CARD)
    with pytest.raises(DongleExists, match=CARD.keyid):
        dongles.add(table, NUMBER, replace(CARD, model="Another"))
    assert licenses.find(table, NUMBER).revision == 1
    assert [each.model for each in table.dongles(NUMBER)] == [CARD.model]


def test_the_table_itself_refuses_a_second_registration(table: Licenses) -> None:
    """Even if the revision is still the one that was read."""
    before, registered = dongles.add(table, NUMBER, CARD)
    with pytest.raises(ConditionFailed):
        table.add_dongle(before, replace(before, revision=2), replace(registered, seat=7))
    assert list(table.dongles(NUMBER)) == [registered]
    assert licenses.find(table, NUMBER) == before


class Busy(Licenses):
    """A table in which somebody else wins the first conflicts."""

    def __init__(self, stack: Stack, times: int) -> None:
        super().__init__(stack._dynamodb, stack.output("LicensesTable"))
        self.left = times

    def get(self, number: str) -> LicenseRecord | None:
        license = super().get(number)
        if license and self.left:
            self.left -= 1
            super().change(license, replace(license, seats=9, revision=license.revision + 1))
        return license


def test_a_conflict_reads_and_writes_again(stack: Stack, table: Licenses) -> None:
    after, _ = dongles.add(Busy(stack, 2), NUMBER, CARD)
    assert (after.revision, after.seats) == (3, 9)
    dongles.remove(Busy(stack, 2), NUMBER, CARD.keyid)
    assert list(table.dongles(NUMBER)) == []
    assert licenses.find(table, NUMBER).revision == 6


def test_a_registration_that_always_conflicts_writes_nothing(
    stack: Stack, table: Licenses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(LicenseChanged):
        dongles.add(Busy(stack, 99), NUMBER, CARD)
    assert list(table.dongles(NUMBER)) == []


def test_a_dongle_without_a_seat_can_be_removed_and_registered_again(table: Licenses) -> None:
    dongles.add(table, NUMBER, CARD)
    dongles.add(table, NUMBER, STICK)
    assert dongles.remove(table, NUMBER, CARD.keyid).keyid == CARD.keyid
    assert [each.keyid for each in table.dongles(NUMBER)] == [STICK.keyid]
    dongles.add(table, NUMBER, CARD)
    assert licenses.find(table, NUMBER).revision == 4


def test_a_dongle_with_a_seat_stays_until_the_seat_is_free(stack: Stack, table: Licenses) -> None:
    dongles.add(table, NUMBER, CARD)
    give_seat(stack, CARD, 2)
    with pytest.raises(DongleInUse, match="has seat 2") as error:
        dongles.remove(table, NUMBER, CARD.keyid)
    assert f"seat release {NUMBER} 2" in error.value.next_step
    assert error.value.facts == {"seat": 2}
    before = licenses.find(table, NUMBER)
    with pytest.raises(
        ConditionFailed
    ):  # the table itself keeps it, even if the revision were right
        table.remove_dongle(before, replace(before, revision=9), CARD.keyid)
    assert [each.seat for each in table.dongles(NUMBER)] == [2]
    change_license.release_seat(table, NUMBER, 2)
    assert [(each.seat, each.model) for each in table.dongles(NUMBER)] == [(None, CARD.model)]
    dongles.remove(table, NUMBER, CARD.keyid)
    assert list(table.dongles(NUMBER)) == []


def test_an_unknown_dongle_cannot_be_removed(table: Licenses) -> None:
    with pytest.raises(NoSuchDongle):
        dongles.remove(table, NUMBER, CARD.keyid)
    for deed in (
        lambda: dongles.add(table, "000000000001", CARD),
        lambda: dongles.remove(table, "000000000001", CARD.keyid),
    ):
        with pytest.raises(NoSuchLicense):
            deed()
