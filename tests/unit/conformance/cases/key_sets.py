"""Key sets: each refusal of format.md, "Key sets"."""

import json
from collections.abc import Iterator
from typing import Any

from tests.unit.conformance.cases import strict_json
from tests.unit.conformance.cases.files import Vector, changed, encode, without
from tests.unit.conformance.cases.keys import (
    DEVICE,
    NUMBER,
    SERVICE,
    SERVICE_ML_DSA,
    STRANGER,
    TOKEN,
    Key,
    b64,
    ed25519_key,
    keyid,
)
from tests.unit.conformance.cases.signatures import REFUSED_ED25519

LEAKED = ed25519_key("leaked")


def key_set(*keys: dict[str, Any], **members: Any) -> dict[str, Any]:
    """A key set that requires Ed25519, of the service's key unless other keys are given."""
    usual = {"keyset": 1, "require": ["Ed25519"], "keys": list(keys), "revoked": []}
    return usual | ({} if keys else {"keys": [SERVICE.in_key_set()]}) | members


HYBRID = ["Ed25519", "ML-DSA-65"]
BOTH = (SERVICE.in_key_set(), SERVICE_ML_DSA.in_key_set())

# What the vectors of responses are verified with, by name.
KEY_SETS: dict[str, dict[str, Any]] = {
    "ed25519": key_set(),
    "hybrid": key_set(*BOTH, require=HYBRID),
    "ml-dsa": key_set(SERVICE_ML_DSA.in_key_set(), require=["ML-DSA-65"]),
    "both known, ed25519 required": key_set(*BOTH),
    "two ed25519": key_set(SERVICE.in_key_set(), STRANGER.in_key_set()),
    "hybrid, two ed25519": key_set(*BOTH, STRANGER.in_key_set(), require=HYBRID),
    "one compromised": key_set(SERVICE.in_key_set(), LEAKED.in_key_set("compromised")),
    "one compromised, listed first": key_set(
        LEAKED.in_key_set("compromised"), SERVICE.in_key_set()
    ),
    "hybrid, ed25519 compromised": key_set(*BOTH, LEAKED.in_key_set("compromised"), require=HYBRID),
    "another vendor": key_set(STRANGER.in_key_set()),
}


def _good() -> Iterator[tuple[str, Any]]:
    yield from KEY_SETS.items()
    yield "a license revoked", key_set(revoked=[NUMBER, "000000000000"])
    yield "a number twice in revoked", key_set(revoked=[NUMBER, NUMBER])
    yield "a name twice in require", key_set(require=["Ed25519", "Ed25519"])
    yield "unknown members", key_set(comment="x", keys=[SERVICE.in_key_set() | {"note": None}])
    yield "no key of an algorithm that is not required", key_set(SERVICE.in_key_set())


def _bad() -> Iterator[tuple[str, Any]]:
    one = key_set()
    for name in one:
        yield f"{name} is missing", without(one, (name,))
    for name in one["keys"][0]:
        yield f"keys.0.{name} is missing", without(one, ("keys", 0, name))
        yield f"keys.0.{name} is null", changed(one, ("keys", 0, name), None)
        yield f"keys.0.{name} is a number", changed(one, ("keys", 0, name), 1)
    yield "not an object", [one]
    yield "a text", "keys"
    for value in (None, "Ed25519", {}, {"Ed25519": True}):
        yield f"require is {json.dumps(value)}", key_set(require=value)
    yield "require is empty", key_set(require=[])
    yield "require holds a number", key_set(require=["Ed25519", 1])
    yield "require holds an unknown algorithm", key_set(require=["Ed25519", "ML-DSA-87"])
    yield "require in lower case", key_set(require=["ed25519"])
    yield "require holds a token's algorithm", key_set(require=["ECDSA-P256-SHA256"])
    yield "a required algorithm without a key", key_set(require=HYBRID)
    yield (
        "a required algorithm with a compromised key alone",
        key_set(SERVICE.in_key_set("compromised")),
    )
    yield "keys is null", key_set(keys=None)
    yield "keys is an object", key_set(keys={})
    yield "keys is empty", key_set(keys=[])
    yield "keys holds a text", key_set(keys=[SERVICE.keyid])
    good = SERVICE.in_key_set()
    yield "a key twice", key_set(good, good)
    yield "a key twice, once compromised", key_set(good, SERVICE.in_key_set("compromised"))
    yield "a key of a token's algorithm", key_set(good, TOKEN.in_key_set())
    yield "a key of an unknown algorithm", key_set(good, _key("Ed448", bytes(57)))
    yield "a keyid of another key", key_set(good | {"keyid": DEVICE.keyid})
    yield "a keyid in upper case", key_set(good | {"keyid": good["keyid"].upper()})
    yield "a keyid of 17 digits", key_set(good | {"keyid": good["keyid"] + "0"})
    wrong = keyid("ML-DSA-65", SERVICE.public)
    yield "a keyid under another algorithm's name", key_set(good | {"keyid": wrong})
    yield "an unknown status", key_set(good | {"status": "retired"})
    yield "a status in upper case", key_set(good | {"status": "Trusted"})
    yield "a key of 31 bytes", key_set(_key("Ed25519", SERVICE.public[:-1]))
    yield "a key of 33 bytes", key_set(_key("Ed25519", SERVICE.public + b"\0"))
    yield (
        "an ML-DSA-65 key of 1,951 bytes",
        key_set(good, _key("ML-DSA-65", SERVICE_ML_DSA.public[:-1])),
    )
    yield "an ML-DSA-65 key that is an Ed25519 key", key_set(good, _key("ML-DSA-65", DEVICE.public))
    yield "public without padding", key_set(good | {"public": good["public"].rstrip("=")})
    yield "public URL-safe", key_set(_url_safe(good))
    yield "public with white space", key_set(good | {"public": good["public"] + "\n"})
    yield "public not canonical", key_set(good | {"public": _loose(good["public"])})
    for name, public in REFUSED_ED25519:
        yield f"an Ed25519 key with {name}", key_set(good, _key("Ed25519", public))
    lists: list[Any] = [None, {}, NUMBER, [None], [15120020093], [[NUMBER]]]
    for value in lists:
        yield f"revoked is {json.dumps(value)}", key_set(revoked=value)
    for value in ("", "015.120.020.093", "01512002009", "0151200200930", "\u0660" * 12):
        yield f"revoked holds {value!a}", key_set(revoked=[value])


def _key(alg: str, public: bytes) -> dict[str, str]:
    return Key(alg, public, DEVICE.sign).in_key_set()


def _url_safe(entry: dict[str, str]) -> dict[str, str]:
    """An entry like this one whose base64 really differs in the URL-safe alphabet."""
    for i in range(100):
        entry = ed25519_key(f"url-safe {i}").in_key_set()
        if "+" in entry["public"] or "/" in entry["public"]:
            return entry | {"public": entry["public"].replace("+", "-").replace("/", "_")}
    raise AssertionError("no key with + or /")


def _loose(text: str) -> str:
    """Base64 of 32 bytes with an unused bit set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return text[:-2] + alphabet[alphabet.index(text[-2]) | 1] + "="


def vectors() -> Iterator[Vector]:
    for name, members in _good():
        data = encode(members)
        facts = {
            "require": sorted(set(members["require"])),
            "trusted": [k["keyid"] for k in members["keys"] if k["status"] == "trusted"],
            "revoked": sorted(set(members["revoked"])),
        }
        yield {"name": name, "file": b64(data), "expect": {"ok": True} | facts}
    spread = json.dumps(key_set(), indent=4).encode() + b"\r\n"
    facts = {"require": ["Ed25519"], "trusted": [SERVICE.keyid], "revoked": []}
    yield {"name": "spread over lines", "file": b64(spread), "expect": {"ok": True} | facts}

    for name, members in _bad():
        yield {"name": name, "file": b64(encode(members)), "expect": {"code": "bad-key-set"}}
    head = encode(key_set())[:-1]
    for name, data in strict_json.INSIDE:
        data = head + b',"x":' + data + b"}"
        yield {"name": f"JSON: {name}", "file": b64(data), "expect": {"code": "bad-key-set"}}
    for name, data in strict_json.AROUND:
        data = data.replace(b"{}", encode(key_set()))
        yield {"name": f"JSON: {name}", "file": b64(data), "expect": {"code": "bad-key-set"}}
    for value in (0, 2, 10, -1, True, None, "1", [1]):
        data = encode(key_set(keyset=value))
        name = f"keyset is {json.dumps(value)}"
        yield {"name": name, "file": b64(data), "expect": {"code": "unsupported-version"}}
    data = encode(key_set(keyset=1)).replace(b'"keyset":1', b'"keyset":1.0')
    yield {"name": "keyset is 1.0", "file": b64(data), "expect": {"code": "bad-key-set"}}
