"""Deviations of the envelope, for requests and responses alike: (name, file, code)."""

import json
from base64 import b64decode
from collections.abc import Iterator, Sequence
from typing import Any

from tests.unit.conformance.cases import strict_json
from tests.unit.conformance.cases.files import Body, encode, envelope, pae, sealed, signed
from tests.unit.conformance.cases.keys import Key, b64, ed25519_key

Good = tuple[str, bytes]
Bad = tuple[str, bytes, str]


def _url_safe(text: str) -> str:
    return text.replace("+", "-").replace("/", "_")


def _until_symbols(
    payload_type: str, body: Body, keys: Sequence[Key]
) -> tuple[bytes, list[dict[str, str]]]:
    """A body, and its signatures, whose base64 has symbols in which the two alphabets differ."""
    text = b"?>?>~~"  # `Pz4/Pn5+` in base64, wherever it stands at a multiple of three bytes
    for spaces in range(3):
        data = encode(body)[:-1] + b',"x":"' + b" " * spaces + text + b'"}'
        if "/" in b64(data) and "+" in b64(data):
            return data, signed(payload_type, data, keys)
    raise AssertionError("no padding brings out the symbols")


def good(payload_type: str, body: Body, keys: Sequence[Key]) -> Iterator[Good]:
    data = encode(body)
    signatures = signed(payload_type, data, keys)
    stranger = signed(payload_type, data, [ed25519_key("unknown")])
    usual = envelope(payload_type, b64(data), signatures)
    special, special_signatures = _until_symbols(payload_type, body, keys)
    yield "spread over lines", json.dumps(usual, indent=4).encode()
    yield "members in another order", encode(dict(reversed(usual.items())))
    yield "unknown members", encode(usual | {"more": [1, {"a": None}]})
    yield "a log of any type", encode(usual | {"log": 7})
    yield "a log text", encode(usual | {"log": "c2sp.org/tlog-proof@v1\n"})
    yield "escapes in the envelope", encode(usual).replace(b"payloadType", b"payload\\u0054ype")
    yield (
        "unknown members of a signature",
        encode(usual | {"signatures": [s | {"note": 1} for s in signatures]}),
    )
    yield (
        "a signature by an unknown key before",
        encode(usual | {"signatures": stranger + signatures}),
    )
    yield (
        "a signature of a wrong length by an unknown key",
        encode(usual | {"signatures": [{"keyid": "", "sig": "AAAA"}, *signatures]}),
    )
    wrong = [{"keyid": s["keyid"], "sig": b64(bytes(64))} for s in signatures]
    yield (
        "a failing signature before a good one of the same keyid",
        encode(usual | {"signatures": wrong + signatures}),
    )
    many = signatures + [{"keyid": f"{i}", "sig": ""} for i in range(8 - len(signatures))]
    yield "eight signatures", encode(usual | {"signatures": many})
    yield "signatures in another order", encode(usual | {"signatures": signatures[::-1]})
    yield (
        "payload and signatures URL-safe",
        encode(
            envelope(
                payload_type,
                _url_safe(b64(special)),
                [s | {"sig": _url_safe(s["sig"])} for s in special_signatures],
            )
        ),
    )
    yield (
        "payload URL-safe alone",
        encode(envelope(payload_type, _url_safe(b64(special)), special_signatures)),
    )
    yield "BODY spread over lines", sealed(payload_type, json.dumps(body, indent=1).encode(), keys)
    yield "a PAE of 4,096 bytes", sealed(payload_type, of_pae(payload_type, body, 4096), keys)


def of_pae(payload_type: str, body: Body, size: int) -> bytes:
    """BODY, with white space before it, so that the PAE has this many bytes."""
    data = encode(body)
    while len(pae(payload_type, data)) < size:
        data = b" " + data
    return data


def of_size(data: bytes, size: int) -> bytes:
    """A file with white space after it."""
    return data + b" " * (size - len(data))


def bad(
    payload_type: str, body: Body, keys: Sequence[Key], unreadable: str, not_proven: str
) -> Iterator[Bad]:
    data = encode(body)
    signatures = signed(payload_type, data, keys)
    usual = envelope(payload_type, b64(data), signatures)
    for name in usual:
        lacking = {member: value for member, value in usual.items() if member != name}
        yield f"{name} is missing", encode(lacking), unreadable
        for label, value in (("null", None), ("a number", 1), ("an object", {}), ("true", True)):
            yield f"{name} is {label}", encode(usual | {name: value}), unreadable
    yield from _bad_base64(payload_type, body, keys, unreadable)
    first, *others = signatures
    for name in ("keyid", "sig"):
        lacking = {member: value for member, value in first.items() if member != name}
        entries = [lacking, *others]
        yield f"a signature without {name}", encode(usual | {"signatures": entries}), unreadable
        wrong: list[tuple[str, Any]] = [
            ("null", None),
            ("a number", 1),
            ("an array", [first[name]]),
        ]
        for label, value in wrong:
            entries = [first | {name: value}, *others]
            yield (
                f"a signature whose {name} is {label}",
                encode(usual | {"signatures": entries}),
                unreadable,
            )
    for label, entry in (("null", None), ("a text", first["sig"]), ("an array", [])):
        yield (
            f"a signature is {label}",
            encode(usual | {"signatures": [*signatures, entry]}),
            unreadable,
        )
    nine = signatures + [{"keyid": f"{i}", "sig": ""} for i in range(9 - len(signatures))]
    yield "nine signatures", encode(usual | {"signatures": nine}), unreadable
    yield (
        "a PAE of 4,097 bytes",
        sealed(payload_type, of_pae(payload_type, body, 4097), keys),
        unreadable,
    )
    yield "an empty file", b"", unreadable
    yield "cut short", encode(usual)[:-40], unreadable
    yield "an array", encode(usual).join([b"[", b"]"]), unreadable
    yield "not JSON", b"PK\x03\x04", unreadable
    head = encode(usual)[:-1]
    for name, fault in strict_json.INSIDE:
        yield f"JSON of the envelope: {name}", head + b',"x":' + fault + b"}", unreadable
    for name, fault in strict_json.AROUND:
        yield f"JSON of the envelope: {name}", fault.replace(b"{}", encode(usual)), unreadable
    yield "no signatures", encode(usual | {"signatures": []}), not_proven
    yield from _failing(usual, signatures, not_proven)
    reserialized = json.dumps(body, separators=(", ", ": ")).encode()
    moved = usual | {"payload": b64(reserialized)}
    yield "BODY serialized again", encode(moved), not_proven
    over = [{"keyid": key.keyid, "sig": b64(key.sign(data))} for key in keys]
    yield "signatures over BODY, not its PAE", encode(usual | {"signatures": over}), not_proven
    version = payload_type.replace("v1", "v2")
    over = signed(version, data, keys)
    yield "signatures over another type", encode(usual | {"signatures": over}), not_proven


def _failing(usual: Body, signatures: list[dict[str, str]], code: str) -> Iterator[Bad]:
    """Each signature in turn missing, renamed or broken."""
    for i, signature in enumerate(signatures):
        raw = b64decode(signature["sig"])
        others = signatures[:i] + signatures[i + 1 :]
        which = f"signature {i + 1} of {len(signatures)}"
        for label, entry in (
            ("is of one byte too few", {"sig": b64(raw[:-1])}),
            ("is of one byte too many", {"sig": b64(raw + b"\0")}),
            ("is empty", {"sig": ""}),
            ("has its first bit changed", {"sig": b64(bytes([raw[0] ^ 1]) + raw[1:])}),
            ("has an unknown keyid", {"keyid": "0" * 16}),
            ("has an empty keyid", {"keyid": ""}),
            ("has its keyid in upper case", {"keyid": signature["keyid"].upper()}),
        ):
            entries = [*others, signature | entry]
            yield f"{which} {label}", encode(usual | {"signatures": entries}), code
        yield f"{which} is stripped", encode(usual | {"signatures": others}), code


def _bad_base64(
    payload_type: str, body: Body, keys: Sequence[Key], unreadable: str
) -> Iterator[Bad]:
    data, signatures = _until_symbols(payload_type, body, keys)
    while len(data) % 3 != 1:  # so that the payload ends in two padding signs
        data = b" " + data
    signatures = signed(payload_type, data, keys)
    usual = envelope(payload_type, b64(data), signatures)
    payload, sig = usual["payload"], signatures[0]["sig"]
    for name, member in (("payload", payload), ("sig", sig)):
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        bare = member.rstrip("=")
        loose = bare[:-1] + alphabet[alphabet.index(bare[-1]) | 1] + "=="
        for label, text in (
            ("no padding", bare),
            ("half the padding", bare + "="),
            ("too much padding", member + "="),
            ("bits left over", loose),
            ("a line feed inside", member[:40] + "\n" + member[40:]),
            ("a space at the end", member + " "),
            ("a symbol outside the alphabet", "!" + member[1:]),
            ("a letter of another script", "\u0410" + member[1:]),
            ("two alphabets mixed", "-/+_" + member[4:]),
            ("URL-safe without padding", _url_safe(bare)),
        ):
            spoilt = [signatures[0] | {"sig": text}, *signatures[1:]]
            changed = {"payload": text} if name == "payload" else {"signatures": spoilt}
            yield f"{name}: {label}", encode(usual | changed), unreadable
    spoilt = [*signatures, {"keyid": "unknown", "sig": "AAA"}]
    yield (
        "sig of an unknown key: not canonical",
        encode(usual | {"signatures": spoilt}),
        unreadable,
    )


def types(
    payload_type: str, other: str, body: Body, keys: Sequence[Key], wrong: str, later: str
) -> Iterator[Bad]:
    """Files of another type, correctly signed for the type they claim."""

    def sealed_as(name: str, code: str) -> Bad:
        return f"type {name}", sealed(name, body, keys), code

    for version in ("v2", "v9", "v10", "v19", "v123456789"):
        yield sealed_as(payload_type.replace("v1", version), later)
    for version in ("v0", "v01", "v02", "v", "v-2", "v2.0", "V2", "v1 ", "v\u0662", "v2x"):
        yield sealed_as(payload_type.replace("v1", version), wrong)
    for name in (other, other.replace("v1", "v2"), "", "application/json", payload_type.upper()):
        yield sealed_as(name, wrong)
    for name in (payload_type + "\n", " " + payload_type, payload_type.replace("v1+json", "v1")):
        yield sealed_as(name, wrong)
    undecoded = envelope(other, "not base64!", {"not": "an array"})
    yield "another type, payload and signatures no base64", encode(undecoded), wrong
    undecoded = envelope(payload_type.replace("v1", "v3"), None, None)
    yield "a later type, payload and signatures null", encode(undecoded), later
