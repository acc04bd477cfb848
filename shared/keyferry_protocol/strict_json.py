"""Strict JSON (RFC 8259, narrowed by docs/format.md) and typed access to its members."""

import json
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

from keyferry_protocol.errors import BadJson
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list

MAX_DEPTH = 16
MAX_INTEGER = 2**53 - 1
# Possessive, so an unterminated string takes one pass, without backtracking.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_T = TypeVar("_T")


def parse_json(data: bytes) -> object:
    """Parse JSON, accepting only what every parser reads the same way. Raises BadJson."""
    try:
        text = bytes(data).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadJson(message("format.utf-8", position=error.start)) from error
    _check_depth(text)
    try:
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        why = error.msg.removesuffix(" at")  # some of Python's sentences end in it
        raise BadJson(message("format.syntax", why=why, position=error.pos)) from error
    if "\\u" in text:
        _check_surrogates(value)
    return value


def _check_depth(text: str) -> None:
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise BadJson(message("format.depth", n=MAX_DEPTH))
        elif token[0] in "]}":
            depth -= 1


def _check_surrogates(value: object) -> None:
    match value:
        case str():
            if _LONE_SURROGATE.search(value):
                raise BadJson(message("format.surrogate"))
        case list():
            for item in value:
                _check_surrogates(item)
        case dict():
            for name, item in value.items():
                _check_surrogates(name)
                _check_surrogates(item)


def _unique_members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise BadJson(message("format.name-twice"))
    return members


def _small_integer(text: str) -> int:
    if text == "-0" or len(text) > 17 or abs(int(text)) > MAX_INTEGER:
        raise BadJson(message("format.big-integer", number=text[:20]))
    return int(text)


def _refuse_number(text: str) -> object:
    raise BadJson(message("format.plain-integer", number=text[:20]))


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_members,
    parse_int=_small_integer,
    parse_float=_refuse_number,
    parse_constant=_refuse_number,
)


class InvalidMember(Exception):
    """A member that is missing, has the wrong type, or does not match its pattern."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            message("format.member", member=path or message("format.document"), reason=reason)
        )


class JsonObject:
    """One JSON object. Members are read by name and type, and every error names the path.

    The methods raise InvalidMember.
    """

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, dict):
            raise InvalidMember(path, message("format.no-object"))
        self._members: dict[str, object] = value
        self._path = path

    def path_of(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def names(self) -> Iterator[str]:
        return iter(self._members)

    def value(self, name: str) -> object:
        if name not in self._members:
            raise InvalidMember(self.path_of(name), message("format.missing"))
        return self._members[name]

    def text(self, name: str, parse: Callable[[str], _T]) -> _T:
        """A string member, converted by `parse`, whose ValueError gives the reason of a failure."""
        value = self.value(name)
        try:
            return parse(_string(value))
        except ValueError as error:
            raise InvalidMember(self.path_of(name), str(error)) from error

    def one_of(self, name: str, allowed: Collection[str]) -> str:
        value = self.text(name, str)
        if value not in allowed:
            raise InvalidMember(
                self.path_of(name), message("format.none-of", values=comma_list(allowed))
            )
        return value

    def integer(self, name: str, minimum: int) -> int:
        value = self.value(name)
        if type(value) is not int:  # bool is an int in Python, not in JSON
            raise InvalidMember(self.path_of(name), message("format.no-integer"))
        if value < minimum:
            raise InvalidMember(self.path_of(name), message("format.below", minimum=minimum))
        return value

    def boolean(self, name: str) -> bool:
        value = self.value(name)
        if not isinstance(value, bool):
            raise InvalidMember(self.path_of(name), message("format.no-boolean"))
        return value

    def array(self, name: str) -> list[Any]:
        value = self.value(name)
        if not isinstance(value, list):
            raise InvalidMember(self.path_of(name), message("format.no-array"))
        return value

    def texts(self, name: str, parse: Callable[[str], _T]) -> tuple[_T, ...]:
        """An array of strings, each converted by `parse`."""
        values: list[_T] = []
        try:
            for item in self.array(name):
                values.append(parse(_string(item)))
        except ValueError as error:
            raise InvalidMember(self.path_of(f"{name}[{len(values)}]"), str(error)) from error
        return tuple(values)

    def json_object(self, name: str) -> "JsonObject":
        return JsonObject(self.value(name), self.path_of(name))

    def json_objects(self, name: str) -> list["JsonObject"]:
        return [
            JsonObject(item, f"{self.path_of(name)}[{index}]")
            for index, item in enumerate(self.array(name))
        ]

    def is_null(self, name: str) -> bool:
        return self.value(name) is None


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(message("format.no-string"))
    return value


def text_matching(pattern: str, rule: str) -> Callable[[str], str]:
    """Return a `parse` function that requires a full match; its error is `format.{rule}`."""
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(message(f"format.{rule}"))
        return text

    return parse
