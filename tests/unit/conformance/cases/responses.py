"""Responses: valid ones, and every deviation from format.md, "Envelope" and "Response"."""

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
    dongle_response,
    encode,
    pae,
    receipt,
    request,
    request_file,
    response,
    response_file,
    sealed,
)
from tests.unit.conformance.cases.key_sets import KEY_SETS, LEAKED
from tests.unit.conformance.cases.keys import (
    DEVICE,
    LOAD,
    SERVICE,
    SERVICE_ML_DSA,
    STRANGER,
    TOKEN_ED25519,
    Key,
    b64,
    ml_dsa_key,
)

PARTS = ("bound_to", "components")
NULLABLE = (
    "license.valid_until",
    "license.maintenance_until",
    "bound_to.dongle",
    "check_in_by",
)
UNREADABLE, NOT_GENUINE = "unreadable-response", "not-genuine"


def vectors() -> Iterator[Vector]:
    for name, body in _good():
        yield _vector(name, response_file(body), _facts(body, encode(body)))
    data = envelopes.of_size(response_file(response()), 20480)
    yield _vector("a file of 20,480 bytes", data, _facts(response(), encode(response())))
    for name, data in envelopes.good(RESPONSE, response(), [SERVICE]):
        payload = json.loads(data)["payload"].replace("-", "+").replace("_", "/")
        yield _vector(f"envelope: {name}", data, _facts(response(), b64decode(payload)))
    for name, data, code in _bad():
        yield _vector(name, data, {"code": code})
    yield from _by_key_set()


def _vector(name: str, data: bytes, expect: dict[str, Any], keys: str = "ed25519") -> Vector:
    return {"name": name, "file": b64(data), "key_set": keys, "expect": expect}


def _facts(body: Body, data: bytes) -> dict[str, Any]:
    return {
        "ok": True,
        "sha256": sha256(pae(RESPONSE, data)).hexdigest(),
        "request_sha256": body["request_sha256"],
        "kind": body["kind"],
        "license_number": body["license"]["number"],
        "serial": body["serial"],
        "seat": body["seat"],
        "file_name": f"{body['license']['number']}-{DEVICE.keyid[:4]}-{body['serial']}.response",
        "features": body["license"]["features"],
        "environments": body["license"]["environments"],
    }


def _personal() -> Body:
    bound = {"protection": "personal", "components": COMPONENTS | USER}
    return response(bound_to=response()["bound_to"] | bound)


_ENVIRONMENTS = [
    ["physical", "virtual"],
    ["container", "physical"],
    ["physical", "virtual", "container"],
    ["virtual", "container", "physical"],
]


def _good() -> Iterator[bodies.Case]:
    token = DONGLE | {"alg": "Ed25519", "public": b64(TOKEN_ED25519.public)}
    yield "activate", response()
    yield "activate, personal", _personal()
    yield "activate, a P-256 token", dongle_response()
    yield (
        "activate, an Ed25519 token",
        changed(dongle_response(), ("bound_to", "dongle"), token),
    )
    yield "update", response(kind="update", serial=2)
    yield "a renewal", response(kind="renewal", serial=18)
    yield "a renewal, personal", _personal() | {"kind": "renewal"}
    yield "a renewal, a token", dongle_response() | {"kind": "renewal"}
    for places in _ENVIRONMENTS:
        name = ", ".join(places)
        yield f"environments {name}", changed(response(), ("license", "environments"), places)
    yield "a receipt", receipt()
    yield (
        "a receipt with maintenance and a lease",
        receipt() | {"check_in_by": "2027-02-24T00:00:00Z"},
    )
    yield "no end", changed(response(), ("license", "valid_until"), None)
    yield "no maintenance", changed(response(), ("license", "maintenance_until"), None)
    yield "no lease", response(check_in_by=None)
    yield "no grace", response(grace_days=0)
    yield "grace without a lease", response(check_in_by=None, grace_days=14)
    yield "a trial", changed(response(), ("license", "trial"), True)
    yield "no features", changed(response(), ("license", "features"), {})
    yield (
        "the edges of features",
        changed(response(), ("license", "features"), {"a": 1, "0_.-": 2**53 - 1, "z" * 40: True}),
    )
    yield "no edition", changed(response(), ("license", "edition"), "")
    yield "no licensee", changed(response(), ("license", "licensee"), "")
    yield "64 code points", changed(response(), ("license", "licensee"), "\U0001f600" * 64)
    yield "the largest serial and seat", response(serial=2**53 - 1, seat=2**53 - 1)
    yield (
        "ends before it starts: a matter of loading",
        changed(response(), ("license", "valid_until"), "2026-10-01T00:00:00Z"),
    )
    yield "unknown members", bodies.with_unknown_members(response())
    yield "members in another order", dict(reversed(response().items()))
    for name, body in bodies.good_components(response(), PARTS):
        yield f"components: {name}", body


def _bad() -> Iterator[envelopes.Bad]:
    for case in envelopes.bad(RESPONSE, response(), [SERVICE], UNREADABLE, NOT_GENUINE):
        yield (f"envelope: {case[0]}", *case[1:])
    yield from envelopes.types(
        RESPONSE, REQUEST, response(), [SERVICE], "wrong-type", "unsupported-version"
    )
    yield "a good request", request_file(request()), "wrong-type"
    big = envelopes.of_size(response_file(response()), 20481)
    yield "a file of 20,481 bytes", big, UNREADABLE
    for name, body in _bad_bodies():
        yield f"BODY: {name}", response_file(body), UNREADABLE
    for name, data in strict_json.faults(encode(response())):
        yield f"BODY: {name}", response_file(data), UNREADABLE
    spoilt = response_file(response(serial=0), [STRANGER])
    yield "bad form and a bad signature: the signature is told", spoilt, NOT_GENUINE
    swapped = sealed(REQUEST, response(), [SERVICE]).replace(REQUEST.encode(), RESPONSE.encode())
    yield "signed as a request", swapped, NOT_GENUINE
    yield "signed by the device", response_file(response(), [DEVICE]), NOT_GENUINE


def _bad_bodies() -> Iterator[bodies.Case]:
    one, token = response(), dongle_response()
    yield from bodies.missing(one)
    yield from (c for c in bodies.missing(token) if c[0].startswith("bound_to.dongle."))
    yield from bodies.wrong_types(one, NULLABLE)
    dongle_types = bodies.wrong_types(token, NULLABLE)
    yield from (c for c in dongle_types if c[0].startswith("bound_to.dongle"))
    yield from bodies.out_of_pattern(one, ("request_sha256",), bodies.hex_digits(64))
    yield from bodies.closed(one, ("kind",))
    yield from bodies.integers(one, ("serial",), 1)
    yield from bodies.integers(one, ("seat",), 1)
    yield from bodies.integers(one, ("grace_days",), 0)
    for path in (
        ("issued_at",),
        ("license", "valid_from"),
        ("license", "valid_until"),
        ("license", "maintenance_until"),
        ("check_in_by",),
    ):
        yield from bodies.times(one, path)
    yield from bodies.out_of_pattern(one, ("license", "number"), bodies.NUMBERS)
    yield from bodies.free_texts(one, ("license", "licensee"))
    yield from bodies.free_texts(one, ("license", "product"), may_be_empty=False)
    yield from bodies.free_texts(one, ("license", "edition"))
    yield from _features(one)
    yield from _environments(one)
    yield from bodies.closed(one, ("bound_to", "protection"))
    yield from bodies.ed25519_keys(one, ("bound_to", "device_key"))
    yield from bodies.ed25519_keys(one, ("bound_to", "load_key"))
    yield "load_key is null, personal", changed(_personal(), ("bound_to", "load_key"), None)
    yield from bodies.components(_personal(), PARTS)
    yield from bodies.dongles(token, ("bound_to", "dongle"))
    yield from _fitting(one, token)


def _features(one: Body) -> Iterator[bodies.Case]:
    path = ("license", "features")
    for name in ("", "z" * 41, "Solver", "a b", "a/b", "\u00e9", "a\n"):
        yield f"license.features: the name {name!a}", changed(one, path, {name: True})
    values: list[Any] = [False, None, 0, -1, "1", [], {}]
    for value in values:
        shown = json.dumps(value)
        yield f"license.features: the value {shown}", changed(one, path, {"solver": value})


def _environments(one: Body) -> Iterator[bodies.Case]:
    values: list[tuple[str, Any]] = [
        ("none", []),
        ("not the physical one", ["virtual"]),
        ("the physical one twice", ["physical", "physical"]),
        ("another twice", ["physical", "virtual", "virtual"]),
        ("unknown, which no license allows", ["physical", "unknown"]),
        ("an unknown one", ["physical", "cloud"]),
        ("another case", ["Physical"]),
        ("null inside", ["physical", None]),
        ("a number inside", ["physical", 1]),
        ("an array inside", ["physical", ["virtual"]]),
        ("a text", "physical"),
    ]
    yield from bodies.out_of_pattern(one, ("license", "environments"), values)


def _fitting(one: Body, token: Body) -> Iterator[bodies.Case]:
    """Members that are valid alone but not together."""
    yield "a load key beside a token", changed(token, ("bound_to", "load_key"), b64(LOAD.public))
    yield "a token for protection machine", changed(one, ("bound_to", "dongle"), DONGLE)
    yield "protection dongle without a token", changed(one, ("bound_to", "protection"), "dongle")
    yield "components of a token", changed(token, PARTS, COMPONENTS)
    yield "an unknown component of a token", changed(token, PARTS, {"cpu": ["x"]})
    given_back = receipt()
    yield "a receipt with a feature", changed(given_back, ("license", "features"), {"solver": True})
    end = ("license", "valid_until")
    yield "a receipt without an end", changed(given_back, end, None)
    yield "a receipt that ends later", changed(given_back, end, "2026-11-24T09:50:01Z")
    yield "a receipt that ends sooner", changed(given_back, end, "2026-11-24T09:49:59Z")


def _by_key_set() -> Iterator[Vector]:
    body = response()
    facts = _facts(body, encode(body))
    other = ml_dsa_key("another")
    compromised = {"code": "key-compromised"}
    not_genuine = {"code": NOT_GENUINE}
    cases: list[tuple[str, list[Key], dict[str, Any]]] = [
        ("hybrid", [SERVICE, SERVICE_ML_DSA], facts),
        ("hybrid", [SERVICE_ML_DSA, SERVICE], facts),
        ("hybrid", [SERVICE], not_genuine),
        ("hybrid", [SERVICE_ML_DSA], not_genuine),
        ("hybrid", [SERVICE, other], not_genuine),
        ("hybrid", [STRANGER, SERVICE_ML_DSA], not_genuine),
        ("hybrid, two ed25519", [SERVICE, STRANGER], not_genuine),
        ("hybrid, two ed25519", [SERVICE, STRANGER, SERVICE_ML_DSA], facts),
        ("ml-dsa", [SERVICE_ML_DSA], facts),
        ("ml-dsa", [SERVICE], not_genuine),
        ("ml-dsa", [SERVICE, SERVICE_ML_DSA], facts),
        ("ed25519", [SERVICE, SERVICE_ML_DSA], facts),
        ("both known, ed25519 required", [SERVICE], facts),
        ("both known, ed25519 required", [SERVICE_ML_DSA], not_genuine),
        ("two ed25519", [STRANGER], facts),
        ("two ed25519", [SERVICE, STRANGER], facts),
        ("one compromised", [LEAKED], compromised),
        ("one compromised", [LEAKED, SERVICE], facts),
        ("one compromised", [STRANGER], not_genuine),
        ("one compromised, listed first", [LEAKED], compromised),
        ("one compromised, listed first", [LEAKED, SERVICE], facts),
        ("one compromised, listed first", [SERVICE, LEAKED], facts),
        ("hybrid, ed25519 compromised", [LEAKED, SERVICE_ML_DSA], compromised),
        ("hybrid, ed25519 compromised", [LEAKED], not_genuine),
        ("hybrid, ed25519 compromised", [LEAKED, SERVICE], not_genuine),
        ("another vendor", [SERVICE], not_genuine),
    ]
    names = {
        id(SERVICE): "service",
        id(SERVICE_ML_DSA): "service's ML-DSA",
        id(STRANGER): "another Ed25519",
        id(other): "another ML-DSA",
        id(LEAKED): "leaked",
    }
    for key_set, keys, expect in cases:
        assert key_set in KEY_SETS
        by = ", ".join(names[id(key)] for key in keys)
        yield _vector(f"keys {key_set}; signed by {by}", response_file(body, keys), expect, key_set)
    spoilt = Key("ML-DSA-65", SERVICE_ML_DSA.public, lambda m: SERVICE_ML_DSA.sign(m)[:-1])
    data = response_file(body, [SERVICE, spoilt])
    yield _vector("keys hybrid; ML-DSA signature a byte short", data, not_genuine, "hybrid")
    posing = Key("ML-DSA-65", SERVICE_ML_DSA.public, SERVICE.sign)
    data = response_file(body, [SERVICE, posing])
    yield _vector("keys hybrid; Ed25519 under ML-DSA's keyid", data, not_genuine, "hybrid")
