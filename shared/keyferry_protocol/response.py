"""Responses: what the vendor's service grants (docs/format.md, "Response")."""

from collections.abc import Mapping
from typing import Any

from keyferry_protocol.algorithms import DEVICE_ALGORITHM
from keyferry_protocol.components import (
    LICENSABLE_ENVIRONMENTS,
    PROTECTIONS,
    ComponentHashes,
    parse_components,
)
from keyferry_protocol.encoding import b64, format_time, free_text, parse_time
from keyferry_protocol.envelope import RESPONSE, Envelope, open_envelope
from keyferry_protocol.errors import BadJson, KeyCompromised, NotGenuine, UnreadableResponse
from keyferry_protocol.frozen import frozen
from keyferry_protocol.keys import KeySet, keyid
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list
from keyferry_protocol.request import (
    KINDS,
    Dongle,
    body_bytes,
    components_as_json,
    decode_device_key,
    license_number_text,
    non_empty_text,
    parse_dongle,
    parse_load_key,
)
from keyferry_protocol.strict_json import InvalidMember, JsonObject, parse_json, text_matching

# A renewal answers no request: it is today's terms for a seat as it stands.
RESPONSE_KINDS = (*KINDS, "renewal")
_sha256_text = text_matching("[0-9a-f]{64}", "no-sha256")
_feature_name = text_matching("[a-z0-9_.-]{1,40}", "no-feature-name")


@frozen
class LicenseTerms:
    """What a license grants. Times are seconds since 1970; a feature is True or a limit."""

    number: str
    licensee: str
    product: str
    edition: str
    features: Mapping[str, bool | int]
    environments: tuple[str, ...]  # where it may run; `physical` is always among them
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
            "environments": list(self.environments),
            "trial": self.trial,
            "valid_from": format_time(self.valid_from),
            "valid_until": _time_or_null(self.valid_until),
            "maintenance_until": _time_or_null(self.maintenance_until),
        }


@frozen
class BoundTo:
    """The machine or dongle that a response is for."""

    protection: str
    device_key: bytes
    load_key: bytes | None  # None exactly for `dongle`
    components: ComponentHashes
    dongle: Dongle | None

    def as_json(self) -> dict[str, Any]:
        return {
            "protection": self.protection,
            "device_key": b64(self.device_key),
            "load_key": None if self.load_key is None else b64(self.load_key),
            "components": components_as_json(self.components),
            "dongle": None if self.dongle is None else self.dongle.as_json(),
        }


@frozen
class ResponseBody:
    """The BODY of a response; a lease ends at `check_in_by`, `grace_days` of 24 hours later."""

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
    def is_renewal(self) -> bool:
        return self.kind == "renewal"

    @property
    def file_stem(self) -> str:
        """The file name without its extension: the request's, and the serial."""
        device_keyid = keyid(DEVICE_ALGORITHM, self.bound_to.device_key)
        return f"{self.license.number}-{device_keyid[:4]}-{self.serial}"

    @property
    def file_name(self) -> str:
        return f"{self.file_stem}.response"

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
        """Serialize the BODY for the ledger and for signing."""
        return body_bytes(self.as_json())


@frozen
class Response(ResponseBody):
    """A response from a file."""

    envelope: Envelope


def verify_response(data: bytes, keys: KeySet) -> Response:
    """Verify the type and signatures of a response file, then parse it. Needs no machine or clock.

    Raises WrongType, UnsupportedVersion, UnreadableResponse, NotGenuine, KeyCompromised, or
    CannotVerify.
    """
    envelope = open_envelope(data, RESPONSE)
    verify_signatures(envelope, keys)
    return parse_response(envelope)


def verify_signatures(envelope: Envelope, keys: KeySet) -> None:
    """Require, for every required algorithm, a valid signature by a trusted key.

    Raises NotGenuine if an algorithm has no valid signature, and KeyCompromised if the only valid
    signature of an algorithm was made by a compromised key. Raises CannotVerify if this computer
    cannot check an algorithm, which says nothing about the file.
    """
    compromised = []
    for alg in keys.require:
        signed = [k for k in keys.keys if k.alg == alg and envelope.is_signed_by(alg, k.public)]
        if not signed:
            raise NotGenuine(message("errors.not-genuine.no-signature", alg=alg))
        if not any(key.trusted for key in signed):
            compromised.append(signed[0].keyid)
    if compromised:
        raise KeyCompromised(message("errors.key-compromised.key", keyid=compromised[0]))


def parse_response(envelope: Envelope) -> Response:
    """Parse the BODY of a response with verified signatures. Raises UnreadableResponse."""
    try:
        return _parse_body(JsonObject(parse_json(envelope.body)), envelope)
    except (BadJson, InvalidMember) as error:
        raise UnreadableResponse(str(error)) from error


def _parse_body(members: JsonObject, envelope: Envelope) -> Response:
    bound_to = members.json_object("bound_to")
    protection = bound_to.one_of("protection", PROTECTIONS)
    response = Response(
        request_sha256=members.text("request_sha256", _sha256_text),
        kind=members.one_of("kind", RESPONSE_KINDS),
        serial=members.integer("serial", 1),
        seat=members.integer("seat", 1),
        issued_at=members.text("issued_at", parse_time),
        license=_parse_terms(members.json_object("license")),
        bound_to=BoundTo(
            protection=protection,
            device_key=bound_to.text("device_key", decode_device_key),
            load_key=parse_load_key(bound_to, protection),
            components=parse_components(bound_to, protection),
            dongle=parse_dongle(bound_to, protection),
        ),
        check_in_by=_parse_time_or_null(members, "check_in_by"),
        grace_days=members.integer("grace_days", 0),
        envelope=envelope,
    )
    if response.is_receipt:
        if response.license.features:
            raise InvalidMember("license.features", message("format.receipt-features"))
        if response.license.valid_until != response.issued_at:
            raise InvalidMember("license.valid_until", message("format.receipt-end"))
    return response


def _parse_terms(members: JsonObject) -> LicenseTerms:
    return LicenseTerms(
        number=members.text("number", license_number_text),
        licensee=members.text("licensee", free_text),
        product=members.text("product", non_empty_text),
        edition=members.text("edition", free_text),
        features=_parse_features(members.json_object("features")),
        environments=_parse_environments(members),
        trial=members.boolean("trial"),
        valid_from=members.text("valid_from", parse_time),
        valid_until=_parse_time_or_null(members, "valid_until"),
        maintenance_until=_parse_time_or_null(members, "maintenance_until"),
    )


def _parse_features(members: JsonObject) -> dict[str, bool | int]:
    features: dict[str, bool | int] = {}
    for name in members.names():
        try:
            _feature_name(name)
        except ValueError as error:
            raise InvalidMember(members.path_of(name), str(error)) from error
        features[name] = True if members.value(name) is True else members.integer(name, 1)
    return features


def _parse_environments(members: JsonObject) -> tuple[str, ...]:
    environments = members.texts("environments", _environment)
    if len(set(environments)) < len(environments) or "physical" not in environments:
        raise InvalidMember(members.path_of("environments"), message("format.environments"))
    return environments


def _environment(text: str) -> str:
    if text not in LICENSABLE_ENVIRONMENTS:
        raise ValueError(message("format.none-of", values=comma_list(LICENSABLE_ENVIRONMENTS)))
    return text


def _parse_time_or_null(members: JsonObject, name: str) -> int | None:
    return None if members.is_null(name) else members.text(name, parse_time)


def _time_or_null(seconds: int | None) -> str | None:
    return None if seconds is None else format_time(seconds)
