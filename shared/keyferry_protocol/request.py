"""Requests: what an offline machine asks for (docs/format.md, "Request")."""

import json
from collections.abc import Mapping
from typing import Any

from keyferry_protocol.algorithms import DEVICE_ALGORITHM, DONGLE_ALGORITHMS, read_public_key
from keyferry_protocol.components import ENVIRONMENTS, PROTECTIONS, ComponentHashes, read_components
from keyferry_protocol.encoding import b64, format_time, free_text, parse_time
from keyferry_protocol.envelope import REQUEST, Envelope, open_envelope
from keyferry_protocol.errors import BadJson, NotAuthentic, UnreadableRequest
from keyferry_protocol.frozen import frozen
from keyferry_protocol.keys import keyid, read_keyid
from keyferry_protocol.strict_json import InvalidMember, JsonObject, matching, parse_json

KINDS = ("activate", "update", "deactivate")
MAX_TRUSTS = 16
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)

_read_id = matching("[0-9a-f]{32}", "32 lower-case hex digits")
read_license_number = matching("[0-9]{12}", "a license number of 12 digits")


@frozen
class Product:
    """The application that asks."""

    name: str
    version: str


@frozen
class Dongle:
    """A token as it stands in files: its raw public key and what it is called."""

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
    """A machine as a request tells it: names for people, hashes for recognition."""

    name: str
    os: str
    environment: str
    components: ComponentHashes


@frozen
class RequestBody:
    """What one request says; times are seconds since 1970, keys raw bytes."""

    id: str
    kind: str
    created_at: int
    license_number: str
    product: Product
    protection: str
    device_key: bytes
    machine: HashedMachine
    dongle: Dongle | None
    replaces_seat: int | None
    last_serial: int
    trusts: tuple[str, ...]
    client: str

    @property
    def device_keyid(self) -> str:
        return keyid(DEVICE_ALGORITHM, self.device_key)

    @property
    def file_stem(self) -> str:
        """The file name without its extension; the response has the same."""
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
            "machine": {
                "name": self.machine.name,
                "os": self.machine.os,
                "environment": self.machine.environment,
                "components": components_as_json(self.machine.components),
            },
            "dongle": None if self.dongle is None else self.dongle.as_json(),
            "replaces_seat": self.replaces_seat,
            "last_serial": self.last_serial,
            "trusts": list(self.trusts),
            "client": self.client,
        }

    def to_bytes(self) -> bytes:
        """BODY, ready to be signed."""
        return body_bytes(self.as_json())


@frozen
class Request(RequestBody):
    """A request that was read from a file; believed only after `verify_proofs`."""

    envelope: Envelope

    @property
    def sha256(self) -> str:
        return self.envelope.sha256


def body_bytes(members: Mapping[str, Any]) -> bytes:
    """Compact JSON of a BODY. Its bytes are signed and kept; nobody writes them a second time."""
    return _ENCODER.encode(members).encode("utf-8")


def components_as_json(components: ComponentHashes) -> dict[str, list[str]]:
    return {name: list(hashes) for name, hashes in components.items()}


def parse_request(data: bytes) -> Request:
    """Read a request file strictly; nothing in it is believed yet.

    Raises UnreadableRequest, UnsupportedVersion or, for a response file, WrongType.
    """
    envelope = open_envelope(data, REQUEST)
    try:
        return _read_body(JsonObject(parse_json(envelope.body)), envelope)
    except (BadJson, InvalidMember) as error:
        raise UnreadableRequest(str(error)) from error


def verify_request(data: bytes, activation_public_key: bytes | None) -> Request:
    """Read a request file and verify its proofs; as `parse_request` and `verify_proofs` raise."""
    request = parse_request(data)
    verify_proofs(request, activation_public_key)
    return request


def verify_proofs(request: Request, activation_public_key: bytes | None) -> None:
    """Verify every signature that this kind of request needs. Raises NotAuthentic.

    `activation_public_key` is the license's raw Ed25519 key; None where there is no such license,
    unused for update and deactivate.
    """
    proofs = [(DEVICE_ALGORITHM, request.device_key)]
    if request.dongle is not None:
        proofs.append((request.dongle.alg, request.dongle.public))
    if request.kind == "activate" and activation_public_key is not None:
        proofs.append((DEVICE_ALGORITHM, activation_public_key))
    for alg, public in proofs:
        if not request.envelope.is_signed_by(alg, public):
            raise NotAuthentic("A signature that this request needs is missing or does not verify.")
    # Only now, so that an unknown license number takes no less time than a wrong code.
    if request.kind == "activate" and activation_public_key in (None, request.device_key):
        raise NotAuthentic("The activation code does not belong to this license number.")


def _read_body(record: JsonObject, envelope: Envelope) -> Request:
    kind = record.one_of("kind", KINDS)
    protection = record.one_of("protection", PROTECTIONS)
    machine = record.record("machine")
    product = record.record("product")
    return Request(
        id=record.text("id", _read_id),
        kind=kind,
        created_at=record.text("created_at", parse_time),
        license_number=record.text("license_number", read_license_number),
        product=Product(product.text("name", non_empty_text), product.text("version", free_text)),
        protection=protection,
        device_key=record.text("device_key", lambda text: read_public_key(DEVICE_ALGORITHM, text)),
        machine=HashedMachine(
            name=machine.text("name", free_text),
            os=machine.text("os", free_text),
            environment=machine.one_of("environment", ENVIRONMENTS),
            components=read_components(machine, protection),
        ),
        dongle=read_dongle(record, protection),
        replaces_seat=_read_replaces_seat(record, kind),
        last_serial=record.integer("last_serial", 0),
        trusts=_read_trusts(record),
        client=record.text("client", free_text),
        envelope=envelope,
    )


def non_empty_text(text: str) -> str:
    """A free text that may not be empty."""
    if not text:
        raise ValueError("is empty")
    return free_text(text)


def read_dongle(record: JsonObject, protection: str) -> Dongle | None:
    """The `dongle` member: an object exactly when the protection is `dongle`. Raises Malformed."""
    if record.is_null("dongle") != (protection != "dongle"):
        raise InvalidMember(record.path("dongle"), "does not fit the protection")
    if protection != "dongle":
        return None
    dongle = record.record("dongle")
    alg = dongle.one_of("alg", DONGLE_ALGORITHMS)
    return Dongle(
        alg=alg,
        public=dongle.text("public", lambda text: read_public_key(alg, text)),
        model=dongle.text("model", free_text),
        serial=dongle.text("serial", free_text),
    )


def _read_replaces_seat(record: JsonObject, kind: str) -> int | None:
    if record.is_null("replaces_seat"):
        return None
    if kind != "activate":
        raise InvalidMember(record.path("replaces_seat"), "is not null, as outside activate it is")
    return record.integer("replaces_seat", 1)


def _read_trusts(record: JsonObject) -> tuple[str, ...]:
    trusts = record.texts("trusts", read_keyid)
    if len(trusts) > MAX_TRUSTS or len(set(trusts)) < len(trusts):
        raise InvalidMember(
            record.path("trusts"), f"holds more than {MAX_TRUSTS} key ids or one twice"
        )
    return trusts
