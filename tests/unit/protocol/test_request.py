"""Requests: parsed strictly, then verified."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from keyferry_protocol.algorithms import ECDSA_P256
from keyferry_protocol.components import hash_component
from keyferry_protocol.encoding import b64
from keyferry_protocol.envelope import REQUEST, seal
from keyferry_protocol.errors import NotAuthentic, UnreadableRequest
from keyferry_protocol.keys import Ed25519Signer, Signer, keyid
from keyferry_protocol.request import KINDS, Request, body_bytes, parse_request, verify_request
from tests.support.samples import NUMBER
from tests.support.valid_files import (
    ACTIVATION,
    DEVICE,
    LOAD,
    Change,
    request_file,
    request_members,
)

H = sorted(hash_component(NUMBER, "mac", str(n)) for n in range(9))


class Token:
    """A P-256 key as a dongle holds it."""

    alg = ECDSA_P256

    def __init__(self) -> None:
        self._key = ec.derive_private_key(11, ec.SECP256R1())
        self.public = self._key.public_key().public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )
        self.keyid = keyid(self.alg, self.public)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message, ec.ECDSA(SHA256()))


TOKEN = Token()


def with_dongle(members: dict[str, object]) -> None:
    members |= {"protection": "dongle", "load_key": None}
    members["machine"]["components"] = {}  # type: ignore[index]
    members["dongle"] = {"alg": TOKEN.alg, "public": b64(TOKEN.public), "model": "", "serial": "7"}


def test_a_valid_request_is_parsed_and_written_back() -> None:
    request = verify_request(request_file(), ACTIVATION.public)
    assert request.as_json() == request_members()
    assert request.file_stem == f"015120020093-{DEVICE.keyid[:4]}"
    assert json.loads(request.to_bytes()) == request_members()


def test_a_body_has_no_spaces_and_no_escaped_letters() -> None:
    assert (
        body_bytes({"name": "Köln", "mac": ["a", "b"]})
        == '{"name":"Köln","mac":["a","b"]}'.encode()
    )


@pytest.mark.parametrize("kind", ["update", "deactivate"])
def test_a_device_key_alone_proves_an_update_and_a_deactivation(kind: str) -> None:
    file = request_file(lambda m: m.update(kind=kind), DEVICE)
    assert verify_request(file, None).kind == kind
    with pytest.raises(NotAuthentic):
        verify_request(request_file(lambda m: m.update(kind=kind), ACTIVATION), ACTIVATION.public)


def test_an_activation_needs_both_proofs() -> None:
    for signers in ((DEVICE,), (ACTIVATION,), (DEVICE, Ed25519Signer(b"x" * 32))):
        with pytest.raises(NotAuthentic):
            verify_request(request_file(lambda m: None, *signers), ACTIVATION.public)
    with pytest.raises(NotAuthentic):
        verify_request(request_file(), None)


@pytest.mark.parametrize(
    ("device_key", "load_key"),
    [(ACTIVATION, LOAD), (DEVICE, ACTIVATION), (DEVICE, DEVICE)],
    ids=["device and activation", "load and activation", "device and load"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_the_keys_of_a_request_differ_from_each_other(
    kind: str, device_key: Ed25519Signer, load_key: Ed25519Signer
) -> None:
    keys = {"device_key": b64(device_key.public), "load_key": b64(load_key.public)}
    file = request_file(lambda m: m.update(kind=kind, **keys), device_key, ACTIVATION)
    with pytest.raises(NotAuthentic, match="must differ"):
        verify_request(file, ACTIVATION.public)


def test_an_update_may_be_proven_by_the_load_key() -> None:
    def update(*signers: Signer) -> Request:
        file = request_file(lambda m: m.update(kind="update"), *signers)
        return verify_request(file, ACTIVATION.public)

    assert update(LOAD).is_by_load_key
    assert not update(DEVICE).is_by_load_key
    assert not update(LOAD, DEVICE).is_by_load_key  # the device key's signature counts
    for kind, signers in (("deactivate", [LOAD]), ("activate", [LOAD, ACTIVATION])):
        file = request_file(lambda m, k=kind: m.update(kind=k), *signers)
        with pytest.raises(NotAuthentic):
            verify_request(file, ACTIVATION.public)


def test_a_dongle_signs_too() -> None:
    file = request_file(with_dongle, DEVICE, ACTIVATION, TOKEN)
    assert verify_request(file, ACTIVATION.public).dongle is not None
    with pytest.raises(NotAuthentic):
        verify_request(request_file(with_dongle, DEVICE, ACTIVATION), ACTIVATION.public)


def test_a_malformed_request_is_unreadable_even_if_a_signature_is_invalid_too() -> None:
    with pytest.raises(UnreadableRequest, match="kind"):
        verify_request(request_file(lambda m: m.update(kind="buy"), VENDORLESS), None)


VENDORLESS = Ed25519Signer(b"n" * 32)


def components(**sets: object) -> Change:
    return lambda m: m["machine"].update(components=sets)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda m: m.update(id="A" * 32), "id"),
        (lambda m: m.update(id="0" * 31), "id"),
        (lambda m: m.update(kind="Activate"), "kind"),
        (lambda m: m.update(created_at="2026-11-24T09:47:00+00:00"), "created_at"),
        (lambda m: m.update(license_number=15120020093), "license_number"),
        (lambda m: m.update(license_number="015.120.020.093"), "license_number"),
        (lambda m: m["product"].update(name=""), "product.name"),
        (lambda m: m["product"].update(version=4), "product.version"),
        (lambda m: m["product"].update(version="x" * 65), "product.version"),
        (lambda m: m.update(protection="none"), "protection"),
        (lambda m: m.update(device_key="AAAA"), "device_key"),
        (lambda m: m.update(device_key=b64(bytes(32))), "device_key"),
        (lambda m: m["machine"].update(name="a\u202eb"), "machine.name"),
        (lambda m: m["machine"].update(environment="Physical"), "machine.environment"),
        (components(mac=[]), "machine.components.mac"),
        (components(mac=H), "machine.components.mac"),
        (components(mac=[H[1], H[0]]), "machine.components.mac"),
        (components(mac=[H[0], H[0]]), "machine.components.mac"),
        (components(mac=[H[0][:-4]]), r"machine.components.mac\[0\]"),
        (components(mac=H[0]), "machine.components.mac"),
        (components(os_id=H[:2]), "machine.components.os_id"),
        (components(smbios_uuid=[H[0]], mac=H[:2]), "machine.components.mac contains"),
        (lambda m: m["machine"].update(components=[]), "machine.components"),
        (lambda m: m.update(dongle={}), "dongle"),
        (lambda m: m.update(load_key=None), "load_key does not fit the"),
        (lambda m: m.update(load_key=b64(bytes(32))), "load_key"),
        (lambda m: (with_dongle(m), m.update(load_key=b64(LOAD.public))), "load_key does not"),
        (lambda m: m.update(protection="dongle", load_key=None, dongle={}), "machine.components"),
        (lambda m: (with_dongle(m), m.update(dongle=None)), "dongle"),
        (
            lambda m: (with_dongle(m), m["machine"].update(components={"x": 1})),
            "machine.components",
        ),
        (lambda m: (with_dongle(m), m["dongle"].update(alg="ML-DSA-65")), "dongle.alg"),
        (lambda m: (with_dongle(m), m["dongle"].update(alg="Ed25519")), "dongle.public"),
        (lambda m: m.update(replaces_seat=0), "replaces_seat"),
        (lambda m: m.update(replaces_seat=True), "replaces_seat"),
        (lambda m: m.update(kind="update", replaces_seat=1), "replaces_seat is not null,"),
        (lambda m: m.update(choose_seat=None), "choose_seat"),
        (lambda m: m.update(choose_seat=True, kind="update"), "choose_seat must be false"),
        (lambda m: m.update(choose_seat=True, replaces_seat=1), "choose_seat must be false"),
        (lambda m: m.update(last_serial=-1), "last_serial"),
        (lambda m: m.update(trusts=["0" * 16] * 2), "trusts holds more than 16 key ids"),
        (lambda m: m.update(trusts=[f"{n:016x}" for n in range(17)]), "trusts"),
        (lambda m: m.update(trusts=["0" * 15]), r"trusts\[0\]"),
        (lambda m: m.update(client=None), "client"),
    ],
)
def test_the_error_names_the_malformed_member_of_a_request(change: Change, path: str) -> None:
    with pytest.raises(UnreadableRequest, match=f"^{path.replace('.', '[.]')} "):
        parse_request(request_file(change))


@pytest.mark.parametrize("name", list(request_members()))
def test_every_member_is_required(name: str) -> None:
    with pytest.raises(UnreadableRequest, match=f"^{name} is missing"):
        parse_request(request_file(lambda m: m.pop(name)))


def test_unknown_members_are_ignored() -> None:
    def change(m: dict[str, object]) -> None:
        m["x"] = {}
        m["machine"]["components"] |= {"user": [], "shoe": 4}  # type: ignore[index]

    assert "user" not in parse_request(request_file(change)).machine.components


def test_a_personal_request_carries_its_user() -> None:
    def change(m: dict[str, object]) -> None:
        m["protection"] = "personal"
        m["machine"]["components"]["user"] = [H[0]]  # type: ignore[index]

    assert parse_request(request_file(change)).machine.components["user"] == (H[0],)


def test_an_empty_set_is_well_formed() -> None:
    assert parse_request(request_file(components())).machine.components == {}


def test_a_request_is_identified_by_its_bytes_not_its_values() -> None:
    body = json.dumps(request_members(), indent=2).encode()
    other: Request = parse_request(seal(REQUEST, body, [DEVICE, ACTIVATION]))
    assert other.as_json() == request_members()
    assert other.sha256 != parse_request(request_file()).sha256
