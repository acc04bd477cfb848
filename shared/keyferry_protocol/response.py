"""Responses: what the vendor's service grants (docs/format.md, "Response")."""

from collections.abc import Mapping
from typing import Any

from keyferry_protocol.algorithms import DEVICE_ALGORITHM, read_public_key
from keyferry_protocol.components import PROTECTIONS, ComponentHashes, read_components
from keyferry_protocol.encoding import b64, format_time, free_text, parse_time
from keyferry_protocol.envelope import RESPONSE, Envelope, open_envelope
from keyferry_protocol.errors import BadJson, KeyCompromised, NotGenuine, UnreadableResponse
from keyferry_protocol.frozen import frozen
from keyferry_protocol.keys import KeySet, keyid
from keyferry_protocol.request import (
    KINDS,
    Dongle,
    body_bytes,
    components_as_json,
    non_empty_text,
    read_dongle,
    read_license_number,
)
from keyferry_protocol.strict_json import InvalidMember, JsonObject, matching, parse_json

_read_sha256 = matching("[0-9a-f]{64}", "64 lower-case hex digits")
_read_feature_name = matching("[a-z0-9_.-]{1,40}", "a feature name")


@frozen
class LicenseTerms:
    """What the license grants; times are seconds since 1970, a feature's value True or a limit."""

    number: str
    licensee: str
    product: str
    edition: str
    features: Mapping[str, bool | int]
    trial: bool
    valid_from: int
    valid_until: int | None
    maintenance_until: int | None

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "licensee": self.licensee,
            "product": self.product,
            "edition": self.edition,
            "features": dict(self.features),
            "trial": self.trial,
            "valid_from": format_time(self.valid_from),
            "valid_until": _time_or_null(self.valid_until),
            "maintenance_until": _time_or_null(self.maintenance_until),
        }


@frozen
class BoundTo:
    """The machine, or token, that a response is for."""

    protection: str
    device_key: bytes
    components: ComponentHashes
    dongle: Dongle | None

    def as_json(self) -> dict[str, Any]:
        return {
            "protection": self.protection,
            "device_key": b64(self.device_key),
            "components": components_as_json(self.components),
            "dongle": None if self.dongle is None else self.dongle.as_json(),
        }


@frozen
class ResponseBody:
    """What one response says; `check_in_by` ends a lease, `grace_days` of 24 hours follow it."""

    request_sha256: str
    kind: str
    serial: int
    seat: int
    issued_at: int
    license: LicenseTerms
    bound_to: BoundTo
    check_in_by: int | None
    grace_days: int

    @property
    def is_receipt(self) -> bool:
        return self.kind == "deactivate"

    @property
    def file_stem(self) -> str:
        """The file name without its extension, as the request has it."""
        return f"{self.license.number}-{keyid(DEVICE_ALGORITHM, self.bound_to.device_key)[:4]}"

    def as_json(self) -> dict[str, Any]:
        return {
            "request_sha256": self.request_sha256,
            "kind": self.kind,
            "serial": self.serial,
            "seat": self.seat,
            "issued_at": format_time(self.issued_at),
            "license": self.license.as_json(),
            "bound_to": self.bound_to.as_json(),
            "check_in_by": _time_or_null(self.check_in_by),
            "grace_days": self.grace_days,
        }

    def to_bytes(self) -> bytes:
        """BODY, ready to be recorded and signed."""
        return body_bytes(self.as_json())


@frozen
class Response(ResponseBody):
    """A response that was read from a file."""

    envelope: Envelope


def verify_response(data: bytes, keys: KeySet) -> Response:
    """Read a response file: type, signatures, then strict parsing; no machine and no clock.

    Raises WrongType, UnsupportedVersion, UnreadableResponse, NotGenuine or KeyCompromised.
    """
    envelope = open_envelope(data, RESPONSE)
    verify_signatures(envelope, keys)
    return parse_response(envelope)


def verify_signatures(envelope: Envelope, keys: KeySet) -> None:
    """One valid signature by a trusted key for every required algorithm, or an error.

    Raises KeyCompromised where only a compromised key's signature stands in the way, else
    NotGenuine.
    """
    compromised = []
    for alg in keys.require:
        signed = [k for k in keys.keys if k.alg == alg and envelope.is_signed_by(alg, k.public)]
        if not signed:
            raise NotGenuine(f"It has no {alg} signature by a key that this product trusts.")
        if not any(key.trusted for key in signed):
            compromised.append(signed[0].keyid)
    if compromised:
        raise KeyCompromised(f"Its signing key {compromised[0]} is marked as compromised.")


def parse_response(envelope: Envelope) -> Response:
    """Read the BODY of a response whose signatures hold. Raises UnreadableResponse."""
    try:
        return _read_body(JsonObject(parse_json(envelope.body)), envelope)
    except (BadJson, InvalidMember) as error:
        raise UnreadableResponse(str(error)) from error


def _read_body(record: JsonObject, envelope: Envelope) -> Response:
    bound_to = record.record("bound_to")
    protection = bound_to.one_of("protection", PROTECTIONS)
    response = Response(
        request_sha256=record.text("request_sha256", _read_sha256),
        kind=record.one_of("kind", KINDS),
        serial=record.integer("serial", 1),
        seat=record.integer("seat", 1),
        issued_at=record.text("issued_at", parse_time),
        license=_read_terms(record.record("license")),
        bound_to=BoundTo(
            protection=protection,
            device_key=bound_to.text(
                "device_key", lambda text: read_public_key(DEVICE_ALGORITHM, text)
            ),
            components=read_components(bound_to, protection),
            dongle=read_dongle(bound_to, protection),
        ),
        check_in_by=_read_time_or_null(record, "check_in_by"),
        grace_days=record.integer("grace_days", 0),
        envelope=envelope,
    )
    if response.is_receipt:
        if response.license.features:
            raise InvalidMember("license.features", "is not empty, as a receipt's is")
        if response.license.valid_until != response.issued_at:
            raise InvalidMember("license.valid_until", "is not issued_at, as a receipt's is")
    return response


def _read_terms(record: JsonObject) -> LicenseTerms:
    return LicenseTerms(
        number=record.text("number", read_license_number),
        licensee=record.text("licensee", free_text),
        product=record.text("product", non_empty_text),
        edition=record.text("edition", free_text),
        features=_read_features(record.record("features")),
        trial=record.boolean("trial"),
        valid_from=record.text("valid_from", parse_time),
        valid_until=_read_time_or_null(record, "valid_until"),
        maintenance_until=_read_time_or_null(record, "maintenance_until"),
    )


def _read_features(record: JsonObject) -> dict[str, bool | int]:
    features: dict[str, bool | int] = {}
    for name in record.names():
        try:
            _read_feature_name(name)
        except ValueError as error:
            raise InvalidMember(record.path(name), str(error)) from error
        features[name] = True if record.value(name) is True else record.integer(name, 1)
    return features


def _read_time_or_null(record: JsonObject, name: str) -> int | None:
    return None if record.is_null(name) else record.text(name, parse_time)


def _time_or_null(seconds: int | None) -> str | None:
    return None if seconds is None else format_time(seconds)
