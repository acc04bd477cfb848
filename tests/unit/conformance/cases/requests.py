"""Requests: valid ones, and every deviation from format.md, "Envelope" and "Request"."""

import json
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from tests.unit.conformance.cases import bodies, envelopes, strict_json
from tests.unit.conformance.cases.files import (
    COMPONENTS,
    DONGLE,
    REQUEST,
    RESPONSE,
    USER,
    Body,
    Vector,
    changed,
    dongle_request,
    encode,
    pae,
    request,
    request_file,
    response,
    response_file,
    sealed,
)
from tests.unit.conformance.cases.keys import (
    ACTIVATION,
    DEVICE,
    LOAD,
    SERVICE,
    SERVICE_ML_DSA,
    STRANGER,
    TOKEN,
    TOKEN_ED25519,
    Key,
    b64,
    keyid,
)

BOTH = (DEVICE, ACTIVATION)
WITH_TOKEN = (DEVICE, ACTIVATION, TOKEN)
PARTS = ("machine", "components")


def vectors() -> Iterator[Vector]:
    yield from _good()
    yield from _good_envelopes()
    for name, data, code in _bad():
        expect = {"code": code}
        if code == "wrong-type":
            expect["code_at_the_service"] = "unreadable-request"
        yield _vector(name, data, expect)
    yield from _other_activation_keys()


def _vector(
    name: str, data: bytes, expect: dict[str, Any], activation: bytes | None = ACTIVATION.public
) -> Vector:
    key = None if activation is None else b64(activation)
    return {"name": name, "file": b64(data), "activation_key": key, "expect": expect}


def _facts(body: Body, data: bytes, proof: str = "device_key") -> dict[str, Any]:
    device_keyid = keyid("Ed25519", b64decode(body["device_key"]))
    return {
        "ok": True,
        "sha256": sha256(pae(REQUEST, data)).hexdigest(),
        "kind": body["kind"],
        "license_number": body["license_number"],
        "file_name": f"{body['license_number']}-{device_keyid[:4]}.request",
        "proof": proof,
    }


def personal_request() -> Body:
    """The BODY of a valid request for one user of a machine."""
    machine = request()["machine"] | {"components": COMPONENTS | USER}
    return request(protection="personal", machine=machine)


def _good() -> Iterator[Vector]:
    token = DONGLE | {"alg": "Ed25519", "public": b64(TOKEN_ED25519.public)}
    cases: list[tuple[str, Body, tuple[Key, ...]]] = [
        ("activate", request(), BOTH),
        ("activate, personal", personal_request(), BOTH),
        ("activate, a P-256 token", dongle_request(), WITH_TOKEN),
        (
            "activate, an Ed25519 token",
            dongle_request() | {"dongle": token},
            (DEVICE, ACTIVATION, TOKEN_ED25519),
        ),
        ("activate, in place of a lost machine", request(replaces_seat=3), BOTH),
        ("activate, with a seat to be chosen", request(choose_seat=True), BOTH),
        (
            "activate, a token, with a seat to be chosen",
            dongle_request(choose_seat=True),
            WITH_TOKEN,
        ),
        ("activate, signed with the load key too", request(), (*BOTH, LOAD)),
        ("update", request(kind="update", last_serial=4), (DEVICE,)),
        ("update, signed with the activation key too", request(kind="update"), BOTH),
        ("update, a token", dongle_request(kind="update"), (DEVICE, TOKEN)),
        ("deactivate", request(kind="deactivate", last_serial=9), (DEVICE,)),
        ("deactivate, a token", dongle_request(kind="deactivate"), (DEVICE, TOKEN)),
        ("the name withheld", changed(request(), ("machine", "name"), ""), BOTH),
        ("the version empty", changed(request(), ("product", "version"), ""), BOTH),
        ("the client empty", request(client=""), BOTH),
        ("the system empty", changed(request(), ("machine", "os"), ""), BOTH),
        ("64 code points", changed(request(), ("machine", "name"), "\U0001f600" * 64), BOTH),
        ("no key trusted", request(trusts=[]), BOTH),
        ("two keys trusted", request(trusts=[SERVICE.keyid, SERVICE_ML_DSA.keyid]), BOTH),
        ("16 keys trusted", request(trusts=[f"{i:016x}" for i in range(16)]), BOTH),
        ("the largest last_serial", request(last_serial=2**53 - 1), BOTH),
        ("unknown members", bodies.with_unknown_members(request()), BOTH),
        ("unknown members that JavaScript has names for", _with_inherited_names(), BOTH),
        ("members in another order", dict(reversed(request().items())), BOTH),
        ("the first second", request(created_at="0001-01-01T00:00:00Z"), BOTH),
    ]
    cases += [
        (f"environment {name}", changed(request(), ("machine", "environment"), name), BOTH)
        for name in ("virtual", "container", "unknown")
    ]
    cases += [(f"components: {n}", b, BOTH) for n, b in bodies.good_components(request(), PARTS)]
    for name, body, keys in cases:
        yield _vector(name, request_file(body, keys), _facts(body, encode(body)))
    yield from _good_by_load_key()
    data = envelopes.of_size(request_file(request()), 8192)
    yield _vector("a file of 8,192 bytes", data, _facts(request(), encode(request())))


def _with_inherited_names() -> Body:
    """Unknown members that a reader must not confuse with its own objects' properties."""
    names = {"__proto__": {"kind": "update"}, "toString": 1, "constructor": None, "length": 0}
    return changed(request(**names), PARTS, COMPONENTS | names)


def _good_by_load_key() -> Iterator[Vector]:
    """Updates that the load key signs; the device key's signature counts where both hold."""
    failing = Key(DEVICE.alg, DEVICE.public, lambda message: DEVICE.sign(message + b"!"))
    update = request(kind="update", last_serial=4)
    personal = personal_request() | {"kind": "update"}
    cases: list[tuple[str, Body, tuple[Key, ...], str]] = [
        ("update by the load key", update, (LOAD,), "load_key"),
        ("update by the load key, personal", personal, (LOAD,), "load_key"),
        ("update by the load key and the activation key", update, (LOAD, ACTIVATION), "load_key"),
        ("update by both keys", update, (DEVICE, LOAD), "device_key"),
        ("update by both keys, in another order", update, (LOAD, DEVICE), "device_key"),
        ("update by the load key, the device's fails", update, (failing, LOAD), "load_key"),
    ]
    for name, body, keys, proof in cases:
        yield _vector(name, request_file(body, keys), _facts(body, encode(body), proof))


def _good_envelopes() -> Iterator[Vector]:
    for name, data in envelopes.good(REQUEST, request(), BOTH):
        payload = json.loads(data)["payload"].replace("-", "+").replace("_", "/")
        yield _vector(f"envelope: {name}", data, _facts(request(), b64decode(payload)))


def _bad() -> Iterator[envelopes.Bad]:
    for case in envelopes.bad(REQUEST, request(), BOTH, "unreadable-request", "not-authentic"):
        yield (f"envelope: {case[0]}", *case[1:])
    for case in envelopes.types(
        REQUEST, RESPONSE, request(), BOTH, "wrong-type", "unsupported-version"
    ):
        yield case
    yield "a good response", response_file(response()), "wrong-type"
    big = envelopes.of_size(request_file(request()), 8193)
    yield "a file of 8,193 bytes", big, "unreadable-request"
    for name, body, keys in _bad_bodies():
        yield f"BODY: {name}", request_file(body, keys), "unreadable-request"
    for name, data in strict_json.faults(encode(request())):
        yield f"BODY: {name}", request_file(data), "unreadable-request"
    spoilt = request_file(request(id="no"), (STRANGER,))
    yield "bad form and a bad signature: the form is told", spoilt, "unreadable-request"
    yield from _unproven()


def _bad_bodies() -> Iterator[tuple[str, Body, tuple[Key, ...]]]:
    one, personal, token = request(), personal_request(), dongle_request()
    for name, body in bodies.missing(one):
        yield name, body, BOTH
    for name, body in bodies.missing(token):
        if name.startswith("dongle."):
            yield name, body, WITH_TOKEN
    for name, body in bodies.wrong_types(one, nullable=("dongle", "replaces_seat")):
        yield name, body, BOTH
    for name, body in bodies.wrong_types(token, nullable=("dongle", "replaces_seat")):
        if name.startswith("dongle"):
            yield name, body, WITH_TOKEN
    for cases in (
        bodies.out_of_pattern(one, ("id",), bodies.hex_digits(32)),
        bodies.closed(one, ("kind",)),
        bodies.times(one, ("created_at",)),
        bodies.out_of_pattern(one, ("license_number",), bodies.NUMBERS),
        bodies.free_texts(one, ("product", "name"), may_be_empty=False),
        bodies.free_texts(one, ("product", "version")),
        bodies.closed(one, ("protection",)),
        bodies.ed25519_keys(one, ("device_key",)),
        bodies.ed25519_keys(one, ("load_key",)),
        bodies.free_texts(one, ("machine", "name")),
        bodies.free_texts(one, ("machine", "os")),
        bodies.closed(one, ("machine", "environment")),
        bodies.integers(one, ("replaces_seat",), 1),
        bodies.integers(one, ("last_serial",), 0),
        bodies.free_texts(one, ("client",)),
        _trusts(one),
        _fitting(one),
    ):
        for name, body in cases:
            yield name, body, BOTH
    yield "load_key is null, personal", personal | {"load_key": None}, BOTH
    for name, body in bodies.components(personal, PARTS):
        yield name, body, BOTH
    for name, body in bodies.dongles(token, ("dongle",)):
        yield name, body, WITH_TOKEN


def _trusts(one: Body) -> Iterator[bodies.Case]:
    values = [
        ("17 keys", [f"{i:016x}" for i in range(17)]),
        ("one key twice", [SERVICE.keyid, SERVICE.keyid]),
        ("null inside", [None]),
        ("a number inside", [7]),
        *((f"a keyid, {name}", [value]) for name, value in bodies.hex_digits(16)),
    ]
    yield from bodies.out_of_pattern(one, ("trusts",), values)


def _fitting(one: Body) -> Iterator[bodies.Case]:
    """Members that are valid alone but not together."""
    yield "a load key beside a token", dongle_request(load_key=b64(LOAD.public))
    yield "a token for protection machine", one | {"dongle": DONGLE}
    yield "protection dongle without a token", one | {"protection": "dongle"}
    token = dongle_request()
    yield "components of a token", changed(token, PARTS, COMPONENTS)
    yield "an unknown component of a token", changed(token, PARTS, {"cpu": ["x"]})
    yield "a user of a token", changed(token, PARTS, USER)
    for kind in ("update", "deactivate"):
        yield f"replaces_seat in {kind}", one | {"kind": kind, "replaces_seat": 1}
        yield f"choose_seat in {kind}", one | {"kind": kind, "choose_seat": True}
    yield "choose_seat beside a replaces_seat", one | {"replaces_seat": 1, "choose_seat": True}
    yield "a renewal, which nobody requests", one | {"kind": "renewal"}


def _unproven() -> Iterator[envelopes.Bad]:
    code = "not-authentic"
    yield "activate without the device's signature", request_file(request(), [ACTIVATION]), code
    yield "activate without the code's signature", request_file(request(), [DEVICE]), code
    yield "activate with another code", request_file(request(), [DEVICE, STRANGER]), code
    yield (
        "update with the code's signature alone",
        request_file(request(kind="update"), [ACTIVATION]),
        code,
    )
    yield (
        "deactivate signed by another device",
        request_file(request(kind="deactivate"), [STRANGER]),
        code,
    )
    yield "a token that did not sign", request_file(dongle_request(), BOTH), code
    other = Key(TOKEN.alg, TOKEN.public, lambda message: TOKEN.sign(message + b"!"))
    yield "a token that signed something else", request_file(dongle_request(), [*BOTH, other]), code
    update = dongle_request(kind="update")
    yield "a token alone", request_file(update, [TOKEN]), code
    yield "a token with a load key that it does not name", request_file(update, [LOAD, TOKEN]), code
    by_load_key = [
        ("activate by the load key", request(), [LOAD, ACTIVATION]),
        ("deactivate by the load key", request(kind="deactivate"), [LOAD]),
        ("update by another load key", request(kind="update"), [STRANGER]),
    ]
    for name, body, keys in by_load_key:
        yield name, request_file(body, keys), code
    posing = Key(DEVICE.alg, DEVICE.public, LOAD.sign)
    data = request_file(request(kind="update"), [posing])
    yield "update by the load key under the device's keyid", data, code
    yield from _equal_keys()
    swapped = sealed(RESPONSE, request(), BOTH).replace(RESPONSE.encode(), REQUEST.encode())
    yield "signed as a response", swapped, code


def _equal_keys() -> Iterator[envelopes.Bad]:
    device, load, activation = b64(DEVICE.public), b64(LOAD.public), b64(ACTIVATION.public)
    for kind in ("activate", "update", "deactivate"):
        for name, keys in [
            ("the device key is the activation key", {"device_key": activation, "load_key": load}),
            ("the load key is the activation key", {"device_key": device, "load_key": activation}),
            ("the load key is the device key", {"device_key": device, "load_key": device}),
        ]:
            data = request_file(request(kind=kind, **keys), BOTH)
            yield f"{kind}: {name}", data, "not-authentic"
        token = dongle_request(kind=kind, device_key=activation)
        data = request_file(token, (ACTIVATION, TOKEN))
        yield f"{kind}, a token: the device key is the activation key", data, "not-authentic"
    spoilt = request(load_key=device, choose_seat=None)
    yield "equal keys in a bad form: the form is told", request_file(spoilt), "unreadable-request"


def _other_activation_keys() -> Iterator[Vector]:
    refused = {"code": "not-authentic"}
    data, update = request_file(request()), request(kind="update")
    yield _vector("activate, no such license", data, refused, None)
    yield _vector("activate, the license of another code", data, refused, STRANGER.public)
    signed = request_file(update, [DEVICE])
    yield _vector("update needs no activation key", signed, _facts(update, encode(update)), None)
    equal = request_file(request(kind="update", load_key=b64(DEVICE.public)))
    yield _vector("update with equal keys and no activation key", equal, refused, None)
    for name, body, keys, proof in [
        ("device", request(kind="update", device_key=b64(ACTIVATION.public)), BOTH, "device_key"),
        ("load", request(kind="update", load_key=b64(ACTIVATION.public)), [ACTIVATION], "load_key"),
    ]:
        facts = _facts(body, encode(body), proof)
        name = f"update whose {name} key is compared with no activation key"
        yield _vector(name, request_file(body, keys), facts, None)
