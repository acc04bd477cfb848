"""Requests: what an offline machine asks for (docs/format.md, "Request")."""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from keyferry_protocol.algorithms import DEVICE_ALGORITHM, DONGLE_ALGORITHMS, decode_public_key
from keyferry_protocol.components import (
    ENVIRONMENTS,
    PROTECTIONS,
    ComponentHashes,
    parse_components,
)
from keyferry_protocol.encoding import b64, format_time, free_text, parse_time
from keyferry_protocol.envelope import REQUEST, Envelope, open_envelope
from keyferry_protocol.errors import BadJson, NotAuthentic, UnreadableRequest
from keyferry_protocol.frozen import frozen
from keyferry_protocol.keys import keyid, keyid_text
from keyferry_protocol.messages import message
from keyferry_protocol.strict_json import InvalidMember, JsonObject, parse_json, text_matching

KINDS = ("activate", "update", "deactivate")
MAX_TRUSTS = 16
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)

_request_id = text_matching("[0-9a-f]{32}", "no-request-id")
license_number_text = text_matching("[0-9]{12}", "no-license-number")


@frozen
class Product:
    """The application that makes the request."""

    name: str
    version: str


@frozen
class Dongle:
    """A dongle as it appears in files: its raw public key, model, and serial number."""

    alg: str
    public: bytes
    model: str
    serial: str

    @property
    def keyid(self) -> str:
        return keyid(self.alg, self.public)

    def as_json(self) -> dict[str, str]:
        return {
            "alg": self.alg,
            "public": b64(self.public),
            "model": self.model,
            "serial": self.serial,
        }


@frozen
class HashedMachine:
    """A machine as a request describes it: names for people, hashes for the machine rule."""

    name: str
    os: str
    environment: str
    components: ComponentHashes


@frozen
class RequestBody:
    """The BODY of a request; times are seconds since 1970, keys are raw bytes."""

    id: str
    kind: str
    created_at: int
    license_number: str
    product: Product
    protection: str
    device_key: bytes
    load_key: bytes | None  # None exactly for `dongle`
    machine: HashedMachine
    dongle: Dongle | None
    replaces_seat: int | None
    choose_seat: bool  # whether the person on the page may name the seat to replace
    last_serial: int
    trusts: tuple[str, ...]
    client: str

    @property
    def device_keyid(self) -> str:
        return keyid(DEVICE_ALGORITHM, self.device_key)

    @property
    def file_stem(self) -> str:
        """The file name without its extension; a response's adds its serial."""
        return f"{self.license_number}-{self.device_keyid[:4]}"

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "kind": self.kind,
            "created_at": format_time(self.created_at),
            "license_number": self.license_number,
            "product": {"name": self.product.name, "version": self.product.version},
            "protection": self.protection,
            "device_key": b64(self.device_key),
            "load_key": None if self.load_key is None else b64(self.load_key),
            "machine": {
                "name": self.machine.name,
                "os": self.machine.os,
                "environment": self.machine.environment,
                "components": components_as_json(self.machine.components),
            },
            "dongle": None if self.dongle is None else self.dongle.as_json(),
            "replaces_seat": self.replaces_seat,
            "choose_seat": self.choose_seat,
            "last_serial": self.last_serial,
            "trusts": list(self.trusts),
            "client": self.client,
        }

    def to_bytes(self) -> bytes:
        """Serialize the BODY for signing."""
        return body_bytes(self.as_json())


@frozen
class Request(RequestBody):
    """A request from a file; trust it only after `verify_proofs`."""

    envelope: Envelope

    @property
    def sha256(self) -> str:
        return self.envelope.sha256

    @cached_property
    def is_by_load_key(self) -> bool:
        """Whether an update relies on the load key's signature, since the device key's is absent.

        `verify_proofs` checks that signature.
        """
        return (
            self.kind == "update"
            and self.load_key is not None
            and not self.envelope.is_signed_by(DEVICE_ALGORITHM, self.device_key)
        )


def body_bytes(members: Mapping[str, Any]) -> bytes:
    """Serialize a BODY as compact JSON. These exact bytes are signed and never re-encoded."""
    return _ENCODER.encode(members).encode("utf-8")


def components_as_json(components: ComponentHashes) -> dict[str, list[str]]:
    return {name: list(hashes) for name, hashes in components.items()}


def parse_request(data: bytes) -> Request:
    """Parse a request file strictly, without verifying its proofs.

    Raises UnreadableRequest, UnsupportedVersion or, for a response file, WrongType.
    """
    envelope = open_envelope(data, REQUEST)
    try:
        return _parse_body(JsonObject(parse_json(envelope.body)), envelope)
    except (BadJson, InvalidMember) as error:
        raise UnreadableRequest(str(error)) from error


def verify_request(data: bytes, activation_public_key: bytes | None) -> Request:
    """Parse a request file and verify its proofs.

    Raises what `parse_request` and `verify_proofs` raise.
    """
    request = parse_request(data)
    verify_proofs(request, activation_public_key)
    return request


def verify_proofs(request: Request, activation_public_key: bytes | None) -> None:
    """Verify every signature that this kind of request needs. Raises NotAuthentic.

    `activation_public_key` is the license's raw Ed25519 key, or None if there is no such license.
    An update or a deactivation does not need it. `Request.is_by_load_key` says which key of the
    machine made the proof.
    """
    own_keys = [key for key in (request.device_key, request.load_key) if key is not None]
    proofs = [(DEVICE_ALGORITHM, own_keys[1] if request.is_by_load_key else own_keys[0])]
    if request.dongle is not None:
        proofs.append((request.dongle.alg, request.dongle.public))
    if request.kind == "activate" and activation_public_key is not None:
        proofs.append((DEVICE_ALGORITHM, activation_public_key))
    for alg, public in proofs:
        if not request.envelope.is_signed_by(alg, public):
            raise NotAuthentic(message("errors.not-authentic.signature"))
    # Checked last, so an unknown license number takes as long as a wrong code.
    if request.kind == "activate" and activation_public_key is None:
        raise NotAuthentic(message("errors.not-authentic.code"))
    if activation_public_key in own_keys or len(set(own_keys)) < len(own_keys):
        raise NotAuthentic(message("errors.not-authentic.same-key"))


def _parse_body(members: JsonObject, envelope: Envelope) -> Request:
    kind = members.one_of("kind", KINDS)
    protection = members.one_of("protection", PROTECTIONS)
    machine = members.json_object("machine")
    product = members.json_object("product")
    return Request(
        id=members.text("id", _request_id),
        kind=kind,
        created_at=members.text("created_at", parse_time),
        license_number=members.text("license_number", license_number_text),
        product=Product(product.text("name", non_empty_text), product.text("version", free_text)),
        protection=protection,
        device_key=members.text("device_key", decode_device_key),
        load_key=parse_load_key(members, protection),
        machine=HashedMachine(
            name=machine.text("name", free_text),
            os=machine.text("os", free_text),
            environment=machine.one_of("environment", ENVIRONMENTS),
            components=parse_components(machine, protection),
        ),
        dongle=parse_dongle(members, protection),
        replaces_seat=_parse_replaces_seat(members, kind),
        choose_seat=_parse_choose_seat(members, kind),
        last_serial=members.integer("last_serial", 0),
        trusts=_parse_trusts(members),
        client=members.text("client", free_text),
        envelope=envelope,
    )


def non_empty_text(text: str) -> str:
    """Return the text if it is not empty and a file may contain it. Raises ValueError."""
    if not text:
        raise ValueError(message("format.empty"))
    return free_text(text)


def decode_device_key(text: str) -> bytes:
    """Decode a machine's raw Ed25519 public key from base64. Raises ValueError."""
    return decode_public_key(DEVICE_ALGORITHM, text)


def parse_load_key(members: JsonObject, protection: str) -> bytes | None:
    """Parse the `load_key` member: null if, and only if, the protection is `dongle`.

    Raises InvalidMember.
    """
    if members.is_null("load_key") != (protection == "dongle"):
        raise InvalidMember(members.path_of("load_key"), message("format.other-protection"))
    return None if protection == "dongle" else members.text("load_key", decode_device_key)


def parse_dongle(members: JsonObject, protection: str) -> Dongle | None:
    """Parse the `dongle` member: an object if, and only if, the protection is `dongle`.

    Raises InvalidMember.
    """
    if members.is_null("dongle") != (protection != "dongle"):
        raise InvalidMember(members.path_of("dongle"), message("format.other-protection"))
    if protection != "dongle":
        return None
    dongle = members.json_object("dongle")
    alg = dongle.one_of("alg", DONGLE_ALGORITHMS)
    return Dongle(
        alg=alg,
        public=dongle.text("public", lambda text: decode_public_key(alg, text)),
        model=dongle.text("model", free_text),
        serial=dongle.text("serial", free_text),
    )


def _parse_replaces_seat(members: JsonObject, kind: str) -> int | None:
    if members.is_null("replaces_seat"):
        return None
    if kind != "activate":
        raise InvalidMember(members.path_of("replaces_seat"), message("format.replaces-seat"))
    return members.integer("replaces_seat", 1)


def _parse_choose_seat(members: JsonObject, kind: str) -> bool:
    choose_seat = members.boolean("choose_seat")
    if choose_seat and (kind != "activate" or not members.is_null("replaces_seat")):
        raise InvalidMember(members.path_of("choose_seat"), message("format.choose-seat"))
    return choose_seat


def _parse_trusts(members: JsonObject) -> tuple[str, ...]:
    trusts = members.texts("trusts", keyid_text)
    if len(trusts) > MAX_TRUSTS or len(set(trusts)) < len(trusts):
        raise InvalidMember(members.path_of("trusts"), message("format.key-ids", n=MAX_TRUSTS))
    return trusts
