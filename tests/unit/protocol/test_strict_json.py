"""Strict JSON: bytes that two parsers could read differently are refused."""

import pytest

from keyferry_protocol.errors import BadJson
from keyferry_protocol.strict_json import (
    MAX_DEPTH,
    InvalidMember,
    JsonObject,
    parse_json,
    text_matching,
)

SIXTEEN_DEEP: list[object] = []
for _ in range(15):
    SIXTEEN_DEEP = [SIXTEEN_DEEP]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b' {"a": [1, -2, true, null, "x"]}\r\n\t', {"a": [1, -2, True, None, "x"]}),
        (b"9007199254740991", 2**53 - 1),
        (b"-9007199254740991", -(2**53) + 1),
        (b"0", 0),
        (rb'"\ud83d\ude00 \u0041"', "\U0001f600 A"),
        ("\u00e9".join('""').encode(), "\u00e9"),
        (b'"' + b"[" * 100 + b'"', "[" * 100),
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, SIXTEEN_DEEP),
    ],
)
def test_json_that_every_parser_reads_alike_is_accepted(text: bytes, value: object) -> None:
    assert parse_json(text) == value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte-order mark"),
        pytest.param(b"{} {}", id="two values"),
        pytest.param(b"{}\x00", id="something after it"),
        pytest.param(b"\x0c{}", id="form feed is no white space"),
        pytest.param("\u00a0{}".encode(), id="no-break space is no white space"),
        pytest.param(b'{"a": 1, "a": 1}', id="duplicate name"),
        pytest.param(rb'{"a": 1, "\u0061": 1}', id="duplicate name after unescaping"),
        pytest.param(rb'{"x": {"a": 1, "a": 2}}', id="duplicate name inside"),
        pytest.param(rb'"\ud83d"', id="lone high surrogate"),
        pytest.param(rb'"\ude00\ud83d"', id="surrogates the wrong way round"),
        pytest.param(rb'{"\udc00": 1}', id="lone surrogate in a name"),
        pytest.param(rb'["\uDBFF\\"]', id="lone surrogate before an escape"),
        pytest.param(b'"\xed\xa0\x80"', id="surrogate as UTF-8"),
        pytest.param(b'"\xc0\x80"', id="overlong UTF-8"),
        pytest.param(b'"\xff"', id="not UTF-8"),
        pytest.param(b"[" * 17 + b"]" * 17, id="nested 17 deep"),
        pytest.param(b'{"a":' * 17 + b"1" + b"}" * 17, id="objects nested 17 deep"),
        pytest.param(b'"\\"' * 1 + b"[" * 17, id="unterminated string"),
        pytest.param(b"[" * 100_000, id="a nesting bomb"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b"-Infinity", id="infinity"),
        pytest.param(b"1.0", id="fraction"),
        pytest.param(b"1e3", id="exponent"),
        pytest.param(b"-0", id="minus zero"),
        pytest.param(b"01", id="leading zero"),
        pytest.param(b"+1", id="plus"),
        pytest.param(b"9007199254740992", id="2^53"),
        pytest.param(b"-9007199254740992", id="-2^53"),
        pytest.param(b"1" * 5000, id="5,000 digits"),
        pytest.param(b"'a'", id="single quotes"),
        pytest.param(b"[1,]", id="trailing comma"),
        pytest.param(b'"\n"', id="raw control character"),
        pytest.param(b"True", id="Python's True"),
    ],
)
def test_json_that_parsers_read_differently_is_refused(text: bytes) -> None:
    with pytest.raises(BadJson):
        parse_json(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b'"\n"', "Invalid control character at character 1."),
        (b'"a', "Unterminated string starting at character 0."),
        (b"{} {}", "Extra data at character 3."),
    ],
)
def test_the_place_of_a_mistake_is_told(text: bytes, sentence: str) -> None:
    with pytest.raises(BadJson) as error:
        parse_json(text)
    assert str(error.value) == sentence


def test_closed_brackets_do_not_count_as_depth() -> None:
    many = b"[],{}," * 20
    sixteen = b"[[" + many + b"[" * 14 + b"]" * 16
    assert isinstance(parse_json(sixteen), list)
    with pytest.raises(BadJson):
        parse_json(b"[[" + many + b"[" * 15 + b"]" * 17)
    assert parse_json(b'["' + b"[{" * 20 + b'"]') == ["[{" * 20]


def test_a_hostile_string_is_scanned_once() -> None:
    with pytest.raises(BadJson):
        parse_json(b"[" * 17 + b'"' + b'\\"' * 500_000)


def test_an_error_names_the_member_by_its_path() -> None:
    record = JsonObject({"machine": {"components": {"mac": ["ok", 7]}, "seats": True}})
    machine = record.json_object("machine")
    with pytest.raises(InvalidMember, match=r"^machine\.components\.mac\[1\] is not a string\.$"):
        machine.json_object("components").texts("mac", str)
    with pytest.raises(InvalidMember, match=r"^machine\.name is missing\.$"):
        machine.text("name", str)
    with pytest.raises(InvalidMember, match=r"^machine\.seats is not an integer\.$"):
        machine.integer("seats", 0)
    with pytest.raises(InvalidMember, match=r"^The document is not an object\.$"):
        JsonObject([])


def test_a_pattern_matches_the_whole_string_and_ascii_digits_only() -> None:
    digits = text_matching("[0-9]{2}", "no-license-number")
    assert digits("42") == "42"
    for text in ("42\n", " 42", "٤٢", "4"):
        with pytest.raises(ValueError, match="is not a license number"):
            digits(text)
