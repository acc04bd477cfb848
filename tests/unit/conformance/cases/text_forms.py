"""Text forms: valid ones, and every deviation from format.md, "Text form"."""

import json
import zlib
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from tests.unit.conformance.cases.files import (
    REQUEST,
    Body,
    Vector,
    dongle_request,
    encode,
    pae,
    request,
    request_file,
)
from tests.unit.conformance.cases.keys import DEVICE, Key, b64
from tests.unit.conformance.cases.requests import BOTH, WITH_TOKEN, personal_request

DICTIONARY = Path(__file__).parents[4] / "docs" / "vectors" / "dictionary-1.bin"
KEPT = Path(__file__).with_name("kept_streams.json")
MAX_PAE = 4096
HEADER = b"\x01\x01"


def vectors() -> Iterator[Vector]:
    for name, body, keys, stream in _good():
        data = HEADER + _signatures(encode(body), keys) + stream
        expect = {
            "ok": True,
            "file": b64(request_file(body, keys)),
            "sha256": sha256(pae(REQUEST, encode(body))).hexdigest(),
        }
        yield {"name": name, "text_form": b64(data), "expect": expect}
    for name, data, code in _bad():
        yield {"name": name, "text_form": b64(data), "expect": {"code": code}}


def _good() -> Iterator[tuple[str, Body, Sequence[Key], bytes]]:
    cases: list[tuple[str, Body, Sequence[Key]]] = [
        ("activate", request(), BOTH),
        ("activate, personal", personal_request(), BOTH),
        ("activate, a P-256 token", dongle_request(), WITH_TOKEN),
        ("update", request(kind="update", last_serial=4), (DEVICE,)),
        ("deactivate", request(kind="deactivate", last_serial=9), (DEVICE,)),
        ("a name outside ASCII", _named("Prüfstand 研究室"), BOTH),
    ]
    for name, body, keys in cases:
        yield name, body, keys, _deflated(encode(body))
    yield "no signatures", request(), (), _deflated(encode(request()))
    yield "8 signatures", request(), (DEVICE,) * 8, _deflated(encode(request()))
    yield "not compressed: a stored block", request(), BOTH, _stored(encode(request()))
    empty = b"\0" + b"\0\0\xff\xff"
    yield "an empty block before it", request(), BOTH, empty + _stored(encode(request()))
    full = _of_size(MAX_PAE)
    yield "PAE of 4,096 bytes", full, BOTH, _stored(encode(full))


def _bad() -> Iterator[tuple[str, bytes, str]]:
    body = encode(request())
    signatures, stream = _signatures(body, BOTH), _deflated(body)
    whole = HEADER + signatures + stream
    for size in (0, 1, 2, 3, 10, 40, len(whole) - len(stream), len(whole) - 1):
        yield f"the first {size} bytes", whole[:size], "unreadable-request"
    rest = signatures + stream
    for number in (0, 2, 15, 16, 255):
        code = "unsupported-version" if 2 <= number <= 15 else "unreadable-request"
        yield f"form {number}", bytes((number, 1)) + rest, code
        yield f"dictionary {number}", bytes((1, number)) + rest, code
    yield "form 2 with a dictionary of its own", b"\x02\x63" + rest, "unsupported-version"
    bad = [
        ("bytes after the end", rest + b"\0"),
        ("a second stream after the end", rest + stream),
        ("a request file", request_file(request())),
        ("one signature fewer than counted", b"\x03" + rest[1:]),
        ("one signature more than counted", b"\x01" + rest[1:]),
        ("9 signatures", _signatures(body, (DEVICE,) * 9) + stream),
        ("a signature that goes on beyond the end", b"\x01" + bytes(8) + b"\xff\xff" + stream),
        ("no stream", signatures),
        ("a stream without a last block", signatures + _stored(body, last=False)),
        ("a block of the reserved kind", signatures + b"\x07" + stream),
        ("a stored block whose length is contradicted", signatures + _spoiled(_stored(body))),
        ("with zlib's header", signatures + zlib.compress(body)),
        ("farther back than the dictionary goes", signatures + _too_far()),
        ("PAE of 4,097 bytes", signatures + _stored(encode(_of_size(MAX_PAE + 1)))),
        ("a million zeros", signatures + _zeros(1_000_000)),
    ]
    for name, data in bad:
        yield name, data if name == "a request file" else HEADER + data, "unreadable-request"


def _signatures(body: bytes, keys: Sequence[Key]) -> bytes:
    packed = bytes((len(keys),))
    for key in keys:
        signature = key.sign(pae(REQUEST, body))
        packed += bytes.fromhex(key.keyid) + len(signature).to_bytes(2, "big") + signature
    return packed


def _deflated(body: bytes) -> bytes:
    """Raw DEFLATE with the dictionary, made once and cached, since zlibs differ."""
    kept: dict[str, str] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    name = sha256(body).hexdigest()
    if name not in kept:
        deflater = zlib.compressobj(9, wbits=-15, zdict=DICTIONARY.read_bytes())
        kept[name] = (deflater.compress(body) + deflater.flush()).hex()
        KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    return bytes.fromhex(kept[name])


def _stored(body: bytes, last: bool = True) -> bytes:
    """An uncompressed block: its length, the complement of the length, and the bytes."""
    lengths = (len(body), len(body) ^ 0xFFFF)
    return bytes((last,)) + b"".join(n.to_bytes(2, "little") for n in lengths) + body


def _spoiled(stored: bytes) -> bytes:
    return stored[:3] + bytes((stored[3] ^ 1,)) + stored[4:]


def _bits(*fields: tuple[int, int]) -> bytes:
    """Bits as DEFLATE packs them: each field's value and width, least significant bit first."""
    value = at = 0
    for bits, width in fields:
        value |= bits << at
        at += width
    return value.to_bytes((at + 7) // 8, "little")


def _too_far() -> bytes:
    """Fixed codes: a match of 3 bytes that lies 1,025 back, where the dictionary has fewer."""
    length_3 = (0b1000000, 7)
    distance_1025 = (0b00101, 5), (0, 9)
    return _bits((0b011, 3), length_3, *distance_1025, (0, 7))


def _zeros(size: int) -> bytes:
    """Fixed codes: one zero, and matches of 258 bytes that lie 1 back."""
    literal_0 = (0b00001100, 8)
    length_258 = (0b10100011, 8)
    matches = [field for _ in range(size // 258) for field in (length_258, (0, 5))]
    return _bits((0b011, 3), literal_0, *matches, (0, 7))


def _named(name: str) -> Body:
    body = request()
    body["machine"]["name"] = name
    return body


def _of_size(size: int) -> Body:
    """A request whose PAE has this size, padded with an unknown member."""
    missing = size - len(pae(REQUEST, encode(request(x=""))))
    return request(x="-" * (missing - 1))  # its length will have a digit more
