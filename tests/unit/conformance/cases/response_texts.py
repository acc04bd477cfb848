"""Text forms of responses, and the lines and codes in which they are typed or scanned."""

import json
import zlib
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from tests.unit.conformance.cases.files import (
    REQUEST,
    RESPONSE,
    Body,
    Vector,
    dongle_request,
    dongle_response,
    encode,
    pae,
    receipt,
    request,
    response,
    response_file,
)
from tests.unit.conformance.cases.keys import SERVICE, Key, b64

DICTIONARY = Path(__file__).parents[4] / "docs" / "vectors" / "dictionary-2.bin"
KEPT = Path(__file__).with_name("kept_streams.json")
SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LETTERS = "BCDEFGHJKNPRSTVX"
ASKED_BY = encode(request())
OTHER = encode(request(id="0" * 32))


def text_form_vectors() -> Iterator[Vector]:
    for name, body, request_body, stream in _good():
        expect = {"ok": True, "file": b64(response_file(body))}
        yield _vector(name, packed(body, stream, request_body), [OTHER, request_body], expect)
    whole = packed(response(), deflated(encode(response())))
    bad = {"code": "unreadable-response"}
    for size in (0, 1, 2, 4, 8, 9, 40, 83, len(whole) - 1):
        yield _vector(f"the first {size} bytes", whole[:size], [ASKED_BY], bad)
    for number in (0, 2, 3, 15, 16, 255):
        later = {"code": "unsupported-version"}
        form = bad if number in (0, 16, 255) else later
        yield _vector(f"form {number}", bytes((number,)) + whole[1:], [ASKED_BY], form)
        if number != 2:
            data = bytes((1, number)) + whole[2:]
            yield _vector(f"dictionary {number}", data, [ASKED_BY], form)
    yield _vector("dictionary 1, a request's", b"\1\1" + whole[2:], [ASKED_BY], bad)
    yield _vector("a byte after the end", whole + b"\0", [ASKED_BY], bad)
    yield _vector("no request is waiting", whole, [], {"code": "not-requested"})
    yield _vector("another request is waiting", whole, [OTHER], {"code": "not-requested"})
    streams = {
        "a second stream after the end": deflated(encode(response())) * 2,
        "no stream": b"",
        "a block of the reserved kind": b"\7",
        "a stream without a last block": b"\0" + _stored(encode(response()))[1:],
        "PAE of 4,097 bytes": _stored(bytes(4040)),
    }
    for name, stream in streams.items():
        yield _vector(name, packed(response(), stream), [ASKED_BY], bad)
    nine = packed(response(), _stored(encode(response())), keys=(SERVICE,) * 9)
    yield _vector("9 signatures", nine, [ASKED_BY], bad)


def typed_vectors() -> Iterator[Vector]:
    short = packed(response(), deflated(encode(response())))
    lines, codes = _lines(short), _codes(short * 7)
    good = {
        "lines": (short, lines),
        "lower case": (short, [line.lower() for line in lines]),
        "the last line first": (short, lines[::-1]),
        "a line twice": (short, [*lines, lines[2]]),
        "dashes, O, I, and L": (
            short,
            [n + " " + s.replace(" ", "-").replace("0", "o") for n, _, s in map(_split, lines)],
        ),
        "one code": (short, _codes(short)),
        "several codes": (short * 7, codes),
        "several codes in any order, one twice": (short * 7, [*codes[::-1], codes[0]]),
        "codes with nothing between them, in lower case": (short * 7, ["".join(codes).lower()]),
    }
    for name, (data, rows) in good.items():
        yield {"name": name, "rows": rows, "expect": {"ok": True, "text_form": b64(data)}}
    full = _split(lines[3])[2]
    other = _lines(short[:20] + b"\xff" + short[21:])
    bad = {
        "a wrong symbol": [*lines[:3], lines[3].replace(full[0], _next(full[0]), 1), *lines[4:]],
        "a wrong check symbol": [*lines[:3], lines[3][:-1] + _next(lines[3][-1]), *lines[4:]],
        "two symbols swapped": [f"1  {_swapped(_split(lines[0])[2])}", *lines[1:]],
        "two lines swapped": [
            lines[0],
            f"2  {_split(lines[2])[2]}",
            f"3  {_split(lines[1])[2]}",
            *lines[3:],
        ],
        "a symbol fewer": [lines[0], lines[1][:-1], *lines[2:]],
        "a symbol more": [lines[0], lines[1] + "0", *lines[2:]],
        "the letter U": [lines[0][:-1] + "U", *lines[1:]],
        "no number": [full],
        "line 0": [f"0  {full}"],
        "line 31": [f"31  {full}"],
        "the first line is missing": lines[1:],
        "a line is missing": [*lines[:4], *lines[5:]],
        "the last line is missing": lines[:-1],
        "a line too many": [*lines, _line(len(lines) + 1, "0")],
        "a code is missing": codes[:-1],
        "a letter of a code is lost": [codes[0][:30] + codes[0][31:], *codes[1:]],
        "a wrong letter of a code": [codes[0][:30] + "BC"[codes[0][30] == "B"] + codes[0][31:]],
        "codes of two responses": [codes[0], *_codes(short * 6 + other[0].encode())[1:]],
    }
    for name, rows in bad.items():
        yield {"name": name, "rows": rows, "expect": {"code": "wrong-line"}}


def packed(
    body: Body, stream: bytes, request_body: bytes = ASKED_BY, keys: Sequence[Key] = (SERVICE,)
) -> bytes:
    signatures = bytes((len(keys),))
    for key in keys:
        signature = key.sign(pae(RESPONSE, encode(body)))
        signatures += bytes.fromhex(key.keyid) + len(signature).to_bytes(2, "big") + signature
    length = 8 + len(signatures) + len(stream)
    mark = sha256(pae(REQUEST, request_body)).digest()[:4]
    return b"\1\2" + length.to_bytes(2, "big") + mark + signatures + stream


def deflated(body: bytes, request_body: bytes = ASKED_BY) -> bytes:
    """Raw DEFLATE with the dictionary, made once and cached, since zlibs differ."""
    kept: dict[str, str] = json.loads(KEPT.read_text())
    name = sha256(request_body + body).hexdigest()
    if name not in kept:
        known = sha256(pae(REQUEST, request_body)).hexdigest().encode() + request_body
        deflater = zlib.compressobj(9, wbits=-15, zdict=DICTIONARY.read_bytes() + known)
        kept[name] = (deflater.compress(body) + deflater.flush()).hex()
        KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    return bytes.fromhex(kept[name])


def _good() -> Iterator[tuple[str, Body, bytes, bytes]]:
    token = encode(dongle_request())
    for name, body, request_body in [
        ("activate", response(), ASKED_BY),
        ("a receipt", receipt(), ASKED_BY),
        ("a dongle", dongle_response(), token),
        ("no lease", response(check_in_by=None), ASKED_BY),
    ]:
        yield name, body, request_body, deflated(encode(body), request_body)
    yield "not compressed: a stored block", response(), ASKED_BY, _stored(encode(response()))


def _vector(name: str, data: bytes, requests: Sequence[bytes], expect: Vector) -> Vector:
    bodies = [b64(body) for body in requests]
    return {"name": name, "text_form": b64(data), "request_bodies": bodies, "expect": expect}


def _stored(body: bytes) -> bytes:
    lengths = (len(body), len(body) ^ 0xFFFF)
    return b"\1" + b"".join(n.to_bytes(2, "little") for n in lengths) + body


def _lines(data: bytes) -> list[str]:
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    symbols = "".join(SYMBOLS[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))
    rows = [symbols[at : at + 28] for at in range(0, len(symbols), 28)]
    return [_line(number, row) for number, row in enumerate(rows, 1)]


def _line(number: int, symbols: str) -> str:
    values = [number >> 5, number & 31, *map(SYMBOLS.index, symbols)]
    first = second = 0
    for value in values[::-1]:
        first ^= value
        second = second * 2 ^ value if second < 16 else (second * 2 ^ 37) ^ value
    groups = [symbols[at : at + 4] for at in range(0, len(symbols), 4)]
    return f"{number}  {' '.join(groups)}  {SYMBOLS[first]}{SYMBOLS[second]}"


def _codes(data: bytes) -> list[str]:
    count = -(-len(data) // 566)
    size = -(-len(data) // count)
    codes = []
    for number in range(1, count + 1):
        part = data[(number - 1) * size : number * size]
        code = sha256(data).digest()[:2] + bytes((number, count)) + len(part).to_bytes(2, "big")
        code += part
        code += sha256(code).digest()[:4]
        codes.append("".join(LETTERS[int(digit, 16)] for digit in code.hex()))
    return codes


def _split(line: str) -> tuple[str, str, str]:
    return line.partition("  ")


def _next(symbol: str) -> str:
    return SYMBOLS[(SYMBOLS.index(symbol) + 1) % 32]


def _swapped(symbols: str) -> str:
    """The line with its first two neighbors that differ in each other's place."""
    at = next(
        at
        for at in range(len(symbols))
        if " " not in symbols[at : at + 2] and len(set(symbols[at : at + 2])) == 2
    )
    return symbols[:at] + symbols[at + 1] + symbols[at] + symbols[at + 2 :]
