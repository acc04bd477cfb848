"""Strict JSON: every rule of format.md, "Base64, JSON, times, texts"."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from tests.unit.conformance.cases.files import Vector

# The third value is what is read; `...` where it is too deep to compare.
GOOD: list[tuple[str, bytes, Any]] = [
    ("an object", b'{"a":1,"b":[true,false,null,"x"]}', {"a": 1, "b": [True, False, None, "x"]}),
    ("white space around and inside", b' \t\r\n{ "a" : [ 1 , 2 ] } \t\r\n', {"a": [1, 2]}),
    ("a scalar alone", b"0", 0),
    ("a text alone", b'"x"', "x"),
    ("an empty object", b"{}", {}),
    ("an empty array", b"[]", []),
    ("the largest integer", b"9007199254740991", 9007199254740991),
    ("the smallest integer", b"-9007199254740991", -9007199254740991),
    ("minus one", b"-1", -1),
    ("depth 16, arrays", b"[" * 16 + b"]" * 16, ...),
    ("depth 16, a scalar inside counts for nothing", b"[" * 16 + b"1" + b"]" * 16, ...),
    ("depth 16, mixed", b'{"a":[' * 8 + b"]}" * 8, ...),
    ("brackets inside a text are no nesting", b'"' + b"[" * 40 + b'"', "[" * 40),
    ("an escaped quote before brackets", b'"\\"' + b"[" * 40 + b'"', '"' + "[" * 40),
    ("an escaped pair of surrogates", b'"\\ud83d\\ude00"', "\U0001f600"),
    ("a character beyond the BMP", b'"\xf0\x9f\x98\x80"', "\U0001f600"),
    ("every escape", b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041"', '"\\/\b\f\n\r\tA'),
    ("an escaped null character", b'"\\u0000"', "\0"),
    ("a noncharacter", b'"\xef\xbf\xbf"', "\uffff"),
    ("a byte-order mark inside a text", b'"\xef\xbb\xbf"', "\ufeff"),
    ("names that differ in case", b'{"a":1,"A":2}', {"a": 1, "A": 2}),
    (
        "names that differ in composition",
        b'{"\\u00e9":1,"e\\u0301":2}',
        {"\u00e9": 1, "e\u0301": 2},
    ),
    ("the same name in two objects", b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
    ("an empty name", b'{"":1}', {"": 1}),
    ("the delete character in a text", b'"\x7f"', "\x7f"),
]

BAD: list[tuple[str, bytes]] = [
    ("nothing", b""),
    ("white space alone", b" \n"),
    ("a byte-order mark", b"\xef\xbb\xbf{}"),
    ("UTF-16", "{}".encode("utf-16")),
    ("UTF-16 without a mark", "{}".encode("utf-16-le")),
    ("a byte that is not UTF-8", b'"\xff"'),
    ("an overlong encoding", b'"\xc0\xaf"'),
    ("a surrogate encoded in UTF-8", b'"\xed\xa0\x80"'),
    ("a code point beyond U+10FFFF", b'"\xf4\x90\x80\x80"'),
    ("UTF-8 cut short", b'"\xe2\x82"'),
    ("something after the value", b"{} {}"),
    ("a null byte after the value", b"{}\0"),
    ("a form feed around the value", b"\x0c{}"),
    ("a no-break space around the value", b"\xc2\xa0{}"),
    ("a name twice", b'{"a":1,"a":1}'),
    ("a name twice, once escaped", b'{"a":1,"\\u0061":1}'),
    ("a name twice, deep inside", b'{"x":[{"a":1,"b":2,"a":3}]}'),
    ("a lone high surrogate", b'"\\ud800"'),
    ("a lone low surrogate", b'"\\udc00"'),
    ("two surrogates in the wrong order", b'"\\ude00\\ud83d"'),
    ("a lone surrogate in a name", b'{"\\ud800":1}'),
    ("a lone surrogate deep inside", b'[{"a":["\\uDBFF"]}]'),
    ("depth 17, arrays", b"[" * 17 + b"]" * 17),
    ("depth 17, objects", b'{"a":' * 17 + b"1" + b"}" * 17),
    ("depth 17, mixed", b'{"a":[' * 8 + b"[]" + b"]}" * 8),
    ("depth 20,000", b"[" * 20_000),
    ("NaN", b"NaN"),
    ("Infinity", b"Infinity"),
    ("-Infinity", b"[-Infinity]"),
    ("a fraction", b"1.5"),
    ("a fraction that is whole", b"1.0"),
    ("an exponent", b"1e3"),
    ("an exponent in upper case", b"1E3"),
    ("minus zero", b"-0"),
    ("minus zero inside", b'{"a":-0}'),
    ("2 to the 53rd", b"9007199254740992"),
    ("minus 2 to the 53rd", b"-9007199254740992"),
    ("a number of 400 digits", b"1" * 400),
    ("a number of 5,000 digits", b"1" * 5000),
    ("a leading zero", b"01"),
    ("a leading plus", b"+1"),
    ("a minus alone", b"-"),
    ("a point without digits before it", b".5"),
    ("a point without digits after it", b"1."),
    ("hexadecimal", b"0x10"),
    ("digits of another script", "\u0661".encode()),
    ("a trailing comma in an array", b"[1,]"),
    ("a trailing comma in an object", b'{"a":1,}'),
    ("a comment", b"{} // no"),
    ("single quotes", b"{'a':1}"),
    ("a bare name", b"{a:1}"),
    ("a missing comma", b"[1 2]"),
    ("a missing value", b'{"a":}'),
    ("an open array", b"[1"),
    ("an open text", b'"abc'),
    ("a raw line feed in a text", b'"a\nb"'),
    ("a raw tab in a text", b'"a\tb"'),
    ("a raw null in a text", b'"a\0b"'),
    ("an unknown escape", b'"\\x41"'),
    ("a short escape", b'"\\u12"'),
    ("an escape with a sign", b'"\\u+123"'),
    ("True in Python's spelling", b"True"),
    ("undefined", b"undefined"),
]


def vectors() -> Iterator[Vector]:
    for name, data, value in GOOD:
        expect = {"ok": True} | ({} if value is ... else {"value": value})
        yield {"name": name, "input": b64encode(data).decode(), "expect": expect}
    for name, data in BAD:
        yield {
            "name": name,
            "input": b64encode(data).decode(),
            "expect": {"code": "bad-json"},
        }


# Faults that a file shows too: inside it as a member's value, and around a whole object `{}`.
_INSIDE = (
    "a byte that is not UTF-8",
    "a surrogate encoded in UTF-8",
    "a name twice, once escaped",
    "a lone high surrogate",
    "NaN",
    "a fraction that is whole",
    "an exponent",
    "minus zero",
    "2 to the 53rd",
    "a leading zero",
    "a trailing comma in an object",
    "a raw line feed in a text",
)
_AROUND = ("a byte-order mark", "something after the value", "a null byte after the value")
INSIDE = [
    *((name, data) for name, data in BAD if name in _INSIDE),
    ("nested deeper than 16", b"[" * 16 + b"]" * 16),
]
AROUND = [(name, data) for name, data in BAD if name in _AROUND]


def faults(whole: bytes) -> Iterator[tuple[str, bytes]]:
    """What is no JSON object, and this one with each of these faults inside and around it."""
    yield "empty", b""
    yield "an array", b"[]"
    yield "null", b"null"
    for name, fault in INSIDE:
        yield f"JSON, {name}", whole[:-1] + b',"x":' + fault + b"}"
    for name, fault in AROUND:
        yield f"JSON, {name}", fault.replace(b"{}", whole)
