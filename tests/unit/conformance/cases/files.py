"""Builds valid requests and responses, and any deviation from them, from plain values."""

import copy
import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from hmac import digest
from typing import Any

from tests.unit.conformance.cases.keys import (
    ACTIVATION,
    DEVICE,
    LOAD,
    NUMBER,
    SERVICE,
    TOKEN,
    Key,
    b64,
)

REQUEST = "application/vnd.keyferry.request.v1+json"
RESPONSE = "application/vnd.keyferry.response.v1+json"
Body = dict[str, Any]
Path = tuple[str | int, ...]
Vector = dict[str, Any]


def component(name: str, value: str, number: str = NUMBER) -> str:
    """The hash of a component's value, as format.md defines it."""
    return b64(digest(number.encode(), name.encode() + b"\0" + value.encode(), "sha256")[:16])


COMPONENTS = {
    "mac": sorted([component("mac", "d0bf9c112233"), component("mac", "d0bf9c112234")]),
    "os_id": [component("os_id", "2f4d7a3b1c9e4f5a8b6c7d8e9f0a1b2c")],
    "disk_serial": [component("disk_serial", "S4EWNX0R612345")],
}
USER = {"user": [component("user", "anna")]}
DONGLE = {"alg": TOKEN.alg, "public": b64(TOKEN.public), "model": "YubiKey 5", "serial": "12345678"}


def request(**changes: Any) -> Body:
    """The BODY of a valid request to activate, with these members changed."""
    body = {
        "id": "7b0e1f2a3c4d5e6f708192a3b4c5d6e7",
        "kind": "activate",
        "created_at": "2026-11-24T09:47:00Z",
        "license_number": NUMBER,
        "product": {"name": "Example Modeler", "version": "4.2.0"},
        "protection": "machine",
        "device_key": b64(DEVICE.public),
        "load_key": b64(LOAD.public),
        "machine": {
            "name": "LAB-07",
            "os": "Debian GNU/Linux 12",
            "environment": "physical",
            "components": COMPONENTS,
        },
        "dongle": None,
        "replaces_seat": None,
        "choose_seat": False,
        "last_serial": 0,
        "trusts": [SERVICE.keyid],
        "client": "keyferry 1.0.0",
    }
    return copy.deepcopy(body | changes)


def dongle_request(**changes: Any) -> Body:
    """The BODY of a valid request for a dongle."""
    machine = request()["machine"] | {"components": {}}
    token = {"protection": "dongle", "load_key": None, "machine": machine, "dongle": DONGLE}
    return request(**token | changes)


def response(**changes: Any) -> Body:
    """The BODY of a valid response to `request()`, with these members changed."""
    body = {
        "request_sha256": sha256(pae(REQUEST, encode(request()))).hexdigest(),
        "kind": "activate",
        "serial": 1,
        "seat": 1,
        "issued_at": "2026-11-24T09:50:00Z",
        "license": {
            "number": NUMBER,
            "licensee": "Nordhaven Pilot Plant",
            "product": "Example Modeler",
            "edition": "Professional",
            "features": {"solver": True, "threads": 16},
            "environments": ["physical"],
            "trial": False,
            "valid_from": "2026-11-01T00:00:00Z",
            "valid_until": "2027-11-30T23:59:59Z",
            "maintenance_until": "2027-05-31T23:59:59Z",
        },
        "bound_to": {
            "protection": "machine",
            "device_key": b64(DEVICE.public),
            "load_key": b64(LOAD.public),
            "components": COMPONENTS,
            "dongle": None,
        },
        "check_in_by": "2027-02-24T00:00:00Z",
        "grace_days": 14,
    }
    return copy.deepcopy(body | changes)


def dongle_response() -> Body:
    """The BODY of a valid response for a dongle."""
    bound = {"protection": "dongle", "load_key": None, "components": {}, "dongle": DONGLE}
    return response(bound_to=response()["bound_to"] | bound)


def receipt() -> Body:
    """The BODY of a valid receipt."""
    body = response(kind="deactivate", serial=7, check_in_by=None)
    body["license"] |= {"features": {}, "valid_until": body["issued_at"]}
    return body


def encode(body: Body) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def pae(payload_type: str, body: bytes) -> bytes:
    name = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(body), body)


def signed(payload_type: str, body: bytes, keys: Sequence[Key]) -> list[dict[str, str]]:
    message = pae(payload_type, body)
    return [{"keyid": key.keyid, "sig": b64(key.sign(message))} for key in keys]


def envelope(payload_type: Any, payload: Any, signatures: Any, **more: Any) -> Body:
    return {"payloadType": payload_type, "payload": payload, "signatures": signatures} | more


def sealed(payload_type: str, body: Body | bytes, keys: Sequence[Key], **more: Any) -> bytes:
    """A whole file; `more` are additional members of its envelope."""
    data = body if isinstance(body, bytes) else encode(body)
    members = envelope(payload_type, b64(data), signed(payload_type, data, keys), **more)
    return encode(members)


def request_file(body: Body | bytes, keys: Sequence[Key] = (DEVICE, ACTIVATION)) -> bytes:
    return sealed(REQUEST, body, keys)


def response_file(body: Body | bytes, keys: Sequence[Key] = (SERVICE,)) -> bytes:
    return sealed(RESPONSE, body, keys)


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every member of a BODY, outermost first; hashes and features have cases of their own."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*path, name)
            if name not in ("components", "features"):
                yield from paths(inner, (*path, name))


def at(body: Body, path: Path) -> Any:
    value: Any = body
    for step in path:
        value = value[step]
    return value


def changed(body: Body, path: Path, value: Any) -> Body:
    """A copy with one member changed or added."""
    result = copy.deepcopy(body)
    at(result, path[:-1])[path[-1]] = value
    return result


def without(body: Body, path: Path) -> Body:
    """A copy that lacks one member."""
    result = copy.deepcopy(body)
    del at(result, path[:-1])[path[-1]]
    return result


def shown(path: Path) -> str:
    return ".".join(map(str, path))
