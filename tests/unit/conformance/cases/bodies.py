"""Deviations from a valid BODY that requests and responses share: (name, path, value)."""

import copy
import json
from collections.abc import Iterable, Iterator
from typing import Any

from tests.unit.conformance.cases.files import (
    COMPONENTS,
    DONGLE,
    Body,
    Path,
    at,
    changed,
    component,
    paths,
    shown,
    without,
)
from tests.unit.conformance.cases.keys import DEVICE, TOKEN, b64
from tests.unit.conformance.cases.machines import MAX_HASHES
from tests.unit.conformance.cases.signatures import REFUSED_ED25519
from tests.unit.conformance.cases.texts import BAD_TEXTS, BAD_TIMES

Case = tuple[str, Body]


def missing(body: Body) -> Iterator[Case]:
    for path in paths(body):
        yield f"{shown(path)} is missing", without(body, path)


def wrong_types(body: Body, nullable: Iterable[str]) -> Iterator[Case]:
    """Each member as another type, and as null unless null is allowed."""
    for path in paths(body):
        value = at(body, path)
        for other in _other_types(value):
            yield f"{shown(path)} is {_named(other)}", changed(body, path, other)
        if value is not None and shown(path) not in nullable:
            yield f"{shown(path)} is null", changed(body, path, None)


def _other_types(value: Any) -> list[Any]:
    match value:
        case bool():
            return [0, "true"]
        case str():
            return [7, [value]]
        case int():
            return [str(value), True, [value]]
        case list():
            return ["x", {}]
        case dict():
            return ["x", []]
        case _:
            return [False]


def _named(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return "a text"
        case int():
            return "a number"
        case list():
            return "an array"
        case _:
            return "an object"


def out_of_pattern(body: Body, path: Path, values: Iterable[tuple[str, Any]]) -> Iterator[Case]:
    for name, value in values:
        yield f"{shown(path)}: {name}", changed(body, path, value)


NUMBERS = [
    ("nothing", ""),
    ("separators", "015.120.020.093"),
    ("11 digits", "01512002009"),
    ("13 digits", "0151200200930"),
    ("digits of another script", "\u0660" * 12),
    ("a line feed at the end", "015120020093\n"),
]


def hex_digits(count: int) -> list[tuple[str, str]]:
    return [
        ("nothing", ""),
        ("one digit too few", "a" * (count - 1)),
        ("one digit too many", "a" * (count + 1)),
        ("upper case", "A" * count),
        ("no hex digit", "g" * count),
        ("a line feed at the end", "a" * count + "\n"),
        ("digits of another script", "\u0661" * count),
    ]


def times(body: Body, path: Path) -> Iterator[Case]:
    """A few of the bad times; all of them are in times.json."""
    few = {"the year 0000", "29 February of a common year", "a leap second", "an offset"}
    few |= {"a fraction", "lower case", "a line feed at the end"}
    yield from out_of_pattern(body, path, [case for case in BAD_TIMES if case[0] in few])


def free_texts(body: Body, path: Path, may_be_empty: bool = True) -> Iterator[Case]:
    """A few of the bad texts; all of them are in free-texts.json."""
    few = {"65 letters", "65 code points beyond the BMP", "U+000A", "U+0085", "U+2028", "U+202E"}
    few |= {"U+2066"}
    yield from out_of_pattern(body, path, [case for case in BAD_TEXTS if case[0] in few])
    if not may_be_empty:
        yield from out_of_pattern(body, path, [("nothing", "")])


def integers(body: Body, path: Path, minimum: int) -> Iterator[Case]:
    yield from out_of_pattern(body, path, [(f"{minimum - 1}", minimum - 1), ("-7", -7)])


def closed(body: Body, path: Path) -> Iterator[Case]:
    good = at(body, path)
    values = [("an unknown value", "other"), ("another case", good.swapcase()), ("nothing", "")]
    yield from out_of_pattern(body, path, [*values, ("a space after it", good + " ")])


def ed25519_keys(body: Body, path: Path) -> Iterator[Case]:
    good = b64(DEVICE.public)
    values = [
        ("31 bytes", b64(DEVICE.public[:-1])),
        ("33 bytes", b64(DEVICE.public + b"\0")),
        ("nothing", ""),
        ("no padding", good.rstrip("=")),
        ("a line feed at the end", good + "\n"),
        ("URL-safe", b64(b"\xff" * 31 + b"\x7e").replace("/", "_")),
        ("hexadecimal", DEVICE.public.hex()),
    ]
    yield from out_of_pattern(body, path, values)
    yield from out_of_pattern(body, path, [(name, b64(raw)) for name, raw in REFUSED_ED25519])


def components(body: Body, path: Path) -> Iterator[Case]:
    """Deviations in a set of hashes; `body` is for `personal`."""
    first, second = COMPONENTS["mac"]
    nine = sorted(component("mac", f"{i}") for i in range(9))
    loose = first[:-3] + ("B" if first[-3] == "A" else chr(ord(first[-3]) + 1)) + "=="
    for name in MAX_HASHES:
        values: list[tuple[str, Any]] = [("an empty list", []), ("a text", first), ("null", None)]
        values += [("a hash that is null", [None]), ("an object", {"0": first})]
        yield from out_of_pattern(body, (*path, name), values)
    for name in (name for name, most in MAX_HASHES.items() if most == 1):
        yield from out_of_pattern(body, (*path, name), [("two hashes", [first, second])])
    yield from out_of_pattern(
        body,
        (*path, "mac"),
        [
            ("descending", [second, first]),
            ("the same hash twice", [first, first]),
            ("nine hashes", nine),
            ("a hash of 15 bytes", [b64(bytes(15))]),
            ("a hash of 17 bytes", [b64(bytes(17))]),
            ("an empty hash", [""]),
            ("a hash without padding", [first.rstrip("=")]),
            ("a hash that is not canonical", [loose]),
            ("a hash in hexadecimal", ["0" * 32]),
            ("a hash with a line feed", [first + "\n"]),
            ("a URL-safe hash", ["_" * 21 + "w=="]),
            ("a number", [1]),
        ],
    )

    for one, other in [
        ("mac", "smbios_uuid"),
        ("mac", "disk_serial"),
        ("os_id", "board_serial"),
        ("tpm_key", "user"),
    ]:
        several = sorted([first, second]) if one == "mac" else [first]
        twice = changed(changed(body, (*path, one), several), (*path, other), [first])
        yield f"{shown(path)}: one hash in {one} and in {other}", twice


def good_components(body: Body, path: Path) -> Iterator[Case]:
    """Sets that are well formed; `body` is for `machine`."""
    eight = sorted(component("mac", f"{i}") for i in range(8))
    yield "an empty set, weak but well formed", changed(body, path, {})
    yield "eight hashes", changed(body, (*path, "mac"), eight)
    yield "an unknown component", changed(body, (*path, "cpu"), ["x"])
    others: list[Any] = [7, None, True, "x", {}, {"x": ["y"]}, [], [None], [[7]]]
    for value in others:
        name = f"an unknown component that is {json.dumps(value)}"
        yield name, changed(body, (*path, "cpu"), value)
    yield "an unknown component alone", changed(body, path, {"cpu": 7})
    hashes = COMPONENTS["mac"]
    yield "an unknown component with a hash of another", changed(body, (*path, "cpu"), hashes)
    yield "an ignored user with a hash of another", changed(body, (*path, "user"), hashes[:1])
    yield "a user outside personal, ignored", changed(body, (*path, "user"), "anna")
    yield "an ignored user with an empty list", changed(body, (*path, "user"), [])


def dongles(body: Body, path: Path) -> Iterator[Case]:
    """Deviations in the `dongle` member; `body` is for `dongle`."""
    point = TOKEN.public
    yield from closed(body, (*path, "alg"))
    yield from free_texts(body, (*path, "model"))
    yield from free_texts(body, (*path, "serial"))
    yield f"{shown(path)} is null for a dongle", changed(body, path, None)
    yield "an algorithm that no token has", changed(body, (*path, "alg"), "ML-DSA-65")
    yield "a P-256 point as Ed25519", changed(body, (*path, "alg"), "Ed25519")
    values = [
        ("a compressed point", b64(bytes([2 + point[-1] % 2]) + point[1:33])),
        ("a hybrid point", b64(bytes([6 + point[-1] % 2]) + point[1:])),
        ("off the curve", b64(point[:-1] + bytes([point[-1] ^ 1]))),
        ("at infinity", b64(b"\0")),
        ("without its first byte", b64(point[1:])),
        ("no padding", b64(point).rstrip("=")),
        ("nothing", ""),
    ]
    yield from out_of_pattern(body, (*path, "public"), values)
    low = DONGLE | {"alg": "Ed25519", "public": b64(REFUSED_ED25519[2][1])}
    yield f"{shown(path)}: an Ed25519 key of low order", changed(body, path, low)


def with_unknown_members(body: Body) -> Body:
    """The body with an additional member in each of its objects."""
    result = copy.deepcopy(body)
    for path in [(), *paths(body)]:
        value = at(result, path)
        if isinstance(value, dict) and path[-1:] != ("features",):
            value["unknown"] = {"a": [None, True, 1]}
    return result
