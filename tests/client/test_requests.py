"""What a request holds, and when the same command writes the same file again."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyferry import (
    KeyferryError,
    Machine,
    Token,
    parse_request,
    verify_request,
    verify_response,
)
from keyferry.manage import cancel
from keyferry_protocol.activation import activation_key, new_activation_code, parse_activation_code
from keyferry_protocol.keys import Ed25519Signer
from tests.support.offline import KEYS, LAB_07, LAB_09, OTHER, Room
from tests.support.samples import CODE, DAY, NOW, NUMBER
from tests.support.terminal import Shell

ACTIVATION = activation_key(parse_activation_code(CODE, NUMBER), NUMBER).public
ANOTHER_CODE = new_activation_code(NUMBER, lambda count: bytes(range(count)))


def test_a_request_proves_the_activation_code_without_containing_it(room: Room) -> None:
    data = room.request(product_version="4.2.0")
    request = verify_request(data, ACTIVATION)
    assert (request.kind, request.license_number, request.created_at) == ("activate", NUMBER, NOW)
    assert (request.product.name, request.product.version) == ("Example Modeler", "4.2.0")
    assert request.machine.name == "LAB-07"
    assert "user" not in request.machine.components
    assert sum(map(len, request.machine.components.values())) == 9
    assert request.trusts == KEYS.trusts()
    for secret in (CODE, CODE.replace("-", ""), CODE.replace("-", "").upper()):
        assert secret.encode() not in data
    for files in room.files().values():
        assert CODE.replace("-", "").upper().encode() not in files.upper().replace(b"-", b"")


def test_the_same_command_writes_the_same_file_for_seven_days(room: Room) -> None:
    first = room.request()
    room.now += 7 * DAY - 1
    assert room.request() == first
    room.now += 1
    again = room.request()
    assert again != first
    assert room.request() == again


def test_a_newer_response_in_the_meantime_makes_no_new_request(room: Room) -> None:
    room.activate()
    first = room.request("update")
    state = room.folder().state()
    room.folder().write_state(state._replace(max_serial=9))  # a renewal was installed
    assert room.request("update") == first


def test_a_machine_with_more_parts_than_fit_keeps_those_it_is_known_by(room: Room) -> None:
    room.activate()
    recorded = verify_response(room.folder().installed_bytes() or b"", KEYS).bound_to.components
    more = [f"d0bf9c9900{n:02x}" for n in range(20)]
    parts = {**LAB_07.components, "mac": [*LAB_07.components["mac"], *more]}
    room.machine = replace(LAB_07, components=parts)
    assert room.load().check(), "at load, nothing that is seen is cut"
    cards = parse_request(room.request("update")).machine.components["mac"]
    assert len(cards) == 8
    assert set(recorded["mac"]) <= set(cards)
    assert list(cards) == sorted(cards)


def test_only_an_activation_without_a_seat_lets_the_page_choose_one(room: Room) -> None:
    assert parse_request(room.request()).choose_seat
    assert not parse_request(room.request(choose_seat=False)).choose_seat
    assert not parse_request(room.request(replaces_seat=2)).choose_seat
    room.activate()
    assert not parse_request(room.request("update")).choose_seat


CHANGES = [
    pytest.param({"choose_seat": False}, id="the page may not choose a seat"),
    pytest.param({"code": ANOTHER_CODE}, id="another code signs"),
    pytest.param({"product_version": "4.2.1"}, id="the product was updated"),
    pytest.param({"replaces_seat": 2}, id="another seat is replaced"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_different_request_replaces_the_pending_one(room: Room, change: dict[str, Any]) -> None:
    first = room.request()
    second = room.request(**change)
    assert second != first
    assert room.request(**change) == second
    assert parse_request(first).device_key == parse_request(second).device_key
    with pytest.raises(KeyferryError) as excinfo:
        room.install(room.answer(first))
    assert excinfo.value.code == "not-requested"


LABELS = [
    pytest.param({"name": "dhcp-10-0-4-23"}, id="the network renamed the computer"),
    pytest.param({"name": ""}, id="the computer has no name any more"),
    pytest.param({"os": "Windows 11 Pro 24H2"}, id="the operating system was updated"),
]


@pytest.mark.parametrize("kind", ["activate", "update"])
@pytest.mark.parametrize("change", LABELS)
def test_yesterdays_response_installs_although_a_label_has_changed(
    room: Room, change: dict[str, str], kind: str
) -> None:
    if kind == "update":
        room.activate()
    first = room.request(kind)
    room.machine = replace(LAB_07, **change)
    room.now += DAY
    assert room.request(kind) == first
    assert room.install(room.answer(first)).license is not None


def test_a_newer_client_writes_the_same_file_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = room.request()
    monkeypatch.setattr("keyferry.request_options.__version__", "9.0.0")
    assert room.request() == first


PARTS = [
    pytest.param({"environment": "virtual"}, id="it runs on a virtual machine now"),
    pytest.param({"components": {**LAB_07.components, "mac": ["d0bf9c112244"]}}, id="a new card"),
]


@pytest.mark.parametrize("change", PARTS)
def test_a_changed_machine_makes_a_new_request(room: Room, change: dict[str, Any]) -> None:
    first = room.request()
    room.machine = replace(LAB_07, **change)
    assert room.request() != first


def test_another_product_of_the_vendor_asks_for_the_licenses_own(room: Room) -> None:
    room.activate()
    room.product = "Example Viewer"
    for kind in ("update", "deactivate"):
        request = parse_request(room.request(kind, product_version="7.0"))
        assert (request.product.name, request.product.version) == ("Example Modeler", "")


def test_requests_of_two_licenses_wait_side_by_side(room: Room) -> None:
    other = new_activation_code(OTHER, lambda count: bytes(range(count)))
    first, second = room.request(), room.request(number=OTHER, code=other)
    assert room.request() == first
    room.install(room.answer(second))
    room.install(room.answer(first))
    assert room.load().number == NUMBER


@pytest.mark.parametrize(
    ("number", "code", "error"),
    [
        ("01512002009", CODE, "wrong-license-number"),
        ("", CODE, "wrong-license-number"),
        ("٠١٥١٢٠٠٢٠٠٩٣", CODE, "wrong-license-number"),
        ("015120020094", CODE, "wrong-activation-code"),
        (NUMBER, CODE[:-1], "wrong-activation-code"),
        (NUMBER, CODE[:-1] + "w", "wrong-activation-code"),
        (NUMBER, "", "wrong-activation-code"),
        (NUMBER, None, "wrong-activation-code"),
    ],
)
def test_a_typing_error_makes_no_request(
    room: Room, number: str, code: str | None, error: str
) -> None:
    with pytest.raises(KeyferryError) as excinfo:
        room.request(number=number, code=code)
    assert excinfo.value.code == error
    assert room.files() == {}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(f"{CODE}\r\n".encode("utf-16"), id="PowerShell's UTF-16"),
        pytest.param(b"\xfe\xff" + CODE.encode("utf-16-be"), id="UTF-16, big endian"),
        pytest.param(CODE.encode("utf-16-le"), id="UTF-16 without a byte-order mark"),
        pytest.param(CODE.encode("utf-8-sig"), id="Notepad's byte-order mark"),
        pytest.param(f"\r\n {CODE}\r\n\r\n\n".encode(), id="blank lines around it"),
        pytest.param(CODE.replace("-", "\u2013").encode(), id="Word's dashes"),
        pytest.param(CODE.replace("-", "\u2013").encode("cp1252"), id="in Windows' code page"),
        pytest.param(f"{CODE}\u200b\n".encode("utf-16") + b"\r\0\n\0" * 1500, id="6 kB of lines"),
    ],
)
def test_a_code_file_is_read_however_it_was_saved(shell: Shell, data: bytes) -> None:
    Path("code.txt").write_bytes(data)
    number = f"\u200b{NUMBER}\u00a0"
    from_file = shell("request", number, "--activation-code-file", "code.txt", "--json")
    assert from_file.exit == 0, from_file.out
    assert shell("request", NUMBER, "--activation-code-file", "-", stdin=data).exit == 0


def test_a_code_file_of_anything_else_is_refused_in_words(shell: Shell) -> None:
    for data in (b"", b"\xff\xfe", b"\0" * 80, os.urandom(4096), b"\xd8\x00" * 40):
        refused = shell("request", NUMBER, "--activation-code-file", "-", "--json", stdin=data)
        assert refused.json["error"]["code"] == "wrong-activation-code"
        assert refused.err == ""


def test_a_seat_number_is_read_with_what_a_copy_brings_along(shell: Shell) -> None:
    shell("request", NUMBER, "--replaces-seat", "\u00a02\u200b")
    (request,) = Path().glob("*.request")
    assert parse_request(request.read_bytes()).replaces_seat == 2


@pytest.mark.parametrize(
    ("components", "protection", "recognized"),
    [
        pytest.param({"os_id": ["a" * 32]}, "machine", True, id="os_id alone: 3 points"),
        pytest.param({"disk_serial": ["S1"]}, "machine", False, id="a disk alone: 2 points"),
        pytest.param({}, "machine", False, id="nothing"),
        pytest.param({"mac": ["d0bf9c112233"]}, "personal", False, id="no user for a personal one"),
        pytest.param({"mac": ["d0bf9c112233"], "user": ["a"]}, "personal", True, id="with user"),
    ],
)
def test_a_machine_that_cannot_be_recognized_is_reported_before_a_file_exists(
    room: Room, components: dict[str, list[str]], protection: str, recognized: bool
) -> None:
    room.machine = Machine("LAB", "", "physical", components)
    if recognized:
        room.request(protection=protection)
    else:
        with pytest.raises(KeyferryError) as excinfo:
            room.request(protection=protection)
        assert excinfo.value.code == "machine-not-identified"
        assert "points" in str(excinfo.value)
        assert not any(name.endswith(".request") for name in room.files())


def test_a_machine_that_shows_nothing_can_deactivate_its_license(room: Room) -> None:
    room.activate()
    room.machine = Machine("", "", "unknown", {})
    assert parse_request(room.request("deactivate")).machine.components == {}


def test_a_computer_name_with_a_control_character_makes_no_request(room: Room) -> None:
    room.machine = replace(LAB_07, name="LAB\n07")
    with pytest.raises(KeyferryError) as excinfo:
        room.request()
    assert excinfo.value.code == "unreadable-request"
    assert "machine.name" in str(excinfo.value)
    assert room.files() == {}


def test_canceling_keeps_the_device_key(room: Room) -> None:
    first = room.request()
    cancel(NUMBER, room.state_dirs)
    with pytest.raises(KeyferryError) as excinfo:
        room.install(room.answer(first))
    assert excinfo.value.code == "not-requested"
    assert parse_request(room.request()).device_key == parse_request(first).device_key


# Dongles

P256 = ec.derive_private_key(7, ec.SECP256R1())
P256_PUBLIC = P256.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
ED = Ed25519Signer(b"t" * 32)
TOKENS = [
    pytest.param(
        Token(P256_PUBLIC, "YubiKey 5", "1234", lambda m: P256.sign(m, ec.ECDSA(SHA256()))),
        id="P-256",
    ),
    pytest.param(Token(ED.public, "SoftToken", "1", ED.sign), id="Ed25519"),
]


@pytest.mark.parametrize("token", TOKENS)
def test_any_machine_that_holds_the_dongle_may_install(
    room: Room, token: Token, tmp_path: Path
) -> None:
    room.dongle = token
    request = room.request(protection="dongle")
    assert verify_request(request, ACTIVATION).machine.components == {}
    response = room.answer(request)
    room.install(response)
    assert room.load().check()
    another = Room(tmp_path / "another", machine=LAB_09, dongle=token)
    another.install(response)
    assert another.load().check()
    assert parse_request(another.request("update")).protection == "dongle"


def test_without_its_dongle_a_license_cannot_be_installed_or_loaded(room: Room) -> None:
    room.dongle = Token(ED.public, "SoftToken", "1", ED.sign)
    response = room.answer(room.request(protection="dongle"))
    another = Ed25519Signer(b"u" * 32)
    liar = Token(ED.public, "SoftToken", "1", another.sign)
    for dongle in (None, Token(another.public, "SoftToken", "2", another.sign), liar):
        room.dongle = dongle
        for attempt in (lambda: room.install(response), room.load):
            with pytest.raises(KeyferryError) as excinfo:
                attempt()
            assert excinfo.value.code in ("dongle-missing", "pending")
    room.dongle = Token(ED.public, "SoftToken", "1", ED.sign)
    room.install(response)
    stranger = Token(another.public, "SoftToken", "2", another.sign)
    for dongle, words in (
        (None, "The dongle of this license is not plugged in: SoftToken 1"),
        (stranger, "The dongle 2 is not the one of this license"),
        (liar, "The dongle 1 did not prove its key"),
    ):
        room.dongle = dongle
        with pytest.raises(KeyferryError, match=words) as excinfo:
            room.load()
        assert excinfo.value.code == "dongle-missing"
    with pytest.raises(KeyferryError) as excinfo:
        replace(room, dongle=None).request(protection="dongle")
    assert excinfo.value.code == "dongle-missing"


def test_a_receipt_for_a_dongle_needs_no_dongle(room: Room) -> None:
    room.dongle = Token(ED.public, "SoftToken", "1", ED.sign)
    room.activate("dongle")
    request = room.request("deactivate")
    room.dongle = None
    assert room.install(room.answer(request)).kind == "deactivate"
