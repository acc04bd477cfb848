"""Mutates the members of JSON inputs, which random changes of bytes rarely reach."""

import json
from collections.abc import Iterator
from copy import deepcopy
from random import Random
from typing import Any

# What readers stumble over: the ends of ranges, and values of another type.
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    10**9,
    2**53 - 1,
    2**53,
    -(2**53),
    10**400,
    0.5,
    1e999,
    "",
    "0",
    "\0",
    "\u202e",
    "\ud800",
    "a" * 64,
    "a" * 65,
    "é" * 64,
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    [],
    {},
    [[]],
    {"": {}},
    [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]],
)


def mutated(data: bytes, chance: Random) -> bytes | None:
    """The input with some values replaced, removed or copied elsewhere; None if it is not JSON."""
    try:
        document = json.loads(data[1:])
    except (ValueError, RecursionError):
        return None
    for _ in range(chance.randint(1, 3)):
        _change(document, chance)
    text = json.dumps(document, ensure_ascii=chance.random() < 0.5)
    return data[:1] + text.encode("utf-8", "surrogatepass")


def _change(document: Any, chance: Random) -> None:
    places = list(_places(document))
    if not places:
        return
    holder, name = chance.choice(places)
    match chance.randrange(4):
        case 0:
            del holder[name]
        case 1:
            other, key = chance.choice(places)
            holder[name] = deepcopy(other[key])
        case 2:
            alike = [odd for odd in ODD if type(odd) is type(holder[name])]
            holder[name] = deepcopy(chance.choice(alike or ODD))
        case _:
            holder[name] = deepcopy(chance.choice(ODD))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """The place of each value inside: its container, and its name or index there."""
    if isinstance(value, dict | list):
        for name in value if isinstance(value, dict) else range(len(value)):
            yield value, name
            yield from _places(value[name])
