"""Repairs a file that lost no byte on its way: packed, mailed, quoted, folded, or pasted.

The strict readers do not change: they read what comes out, and signatures decide. The page's
`static-site/js/repair.js` repairs the same (tests/support/changed_files.json).
"""

import html
import re
import zlib
from binascii import a2b_base64, a2b_qp
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope
from keyferry_protocol.errors import KeyferryError, UnsupportedVersion
from keyferry_protocol.text_form import from_text_form
from keyferry_protocol.typed_text import decode_text, has_changed_encoding, without_spaces

MAX_BYTES = 2**20  # an email with the file inside
_MAX_INFLATED = 2**16  # a response file in UTF-16 has 40,960 bytes
_MAX_DEPTH = 3  # packed, and that packed again: 4 MiB to look at, all in all
_MAX_PARTS = 16  # files, links, or blocks of base64 in one text

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_GZIP_WBITS = 16 + zlib.MAX_WBITS
_OLE, _TNEF = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x78\x9f\x3e\x22"
_ATTACHMENTS_OF_MSG = b"_\0_\0s\0u\0b\0s\0t\0g"
_HEADER = rb"(?:[A-Za-z][A-Za-z0-9_-]{0,60}:[^\n]*\n(?:[ \t][^\n]*\n){0,50}){0,100}?"
_EMAIL = re.compile(
    rb"(?:From \S+[^\n]*\n)?"
    + _HEADER
    + rb"(?:Received|Message-ID|MIME-Version|Return-Path|Delivered-To|Subject|From):",
    re.I,
)
_START = re.compile(r'\{\s*"(?:payloadType|payload|signatures)"\s*:')
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}]', re.S)
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>")
_QUOTE = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.M)
_QUOTATION_MARK = re.compile("[\u201c-\u201f\u2033\u2036\uff02]")
_ESCAPED_SPACE = re.compile(r"\\[rnt]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}(?:[ \t]*\r?\n[ \t]*[A-Za-z0-9+/_-]+)*")
_MIN_BASE64 = 300  # characters; the smallest request, compressed, has more
_LINK = re.compile(r"(?:#|%23)r(?:=|%3D)([A-Za-z0-9_\s-]{4,16000})", re.I)


class Repaired(NamedTuple):
    """A file, and by name what was done to read it: nothing, or in this order `repairs`."""

    data: bytes
    repairs: tuple[str, ...] = ()


class _Candidate(NamedTuple):
    """A file, and the text that it becomes one in by the changes of these names."""

    data: bytes
    text: str
    names: list[str]
    repairs: tuple[str, ...]


def repair_file(data: bytes, expected: str) -> Repaired:
    """The one request or response in these bytes, or the bytes themselves if there is none.

    A file of the `expected` type wins over others. Two that differ are none.
    """
    if len(data) > MAX_BYTES or type_of(data) is not None:
        return Repaired(data)
    files: dict[str, dict[bytes, _Candidate]] = {REQUEST: {}, RESPONSE: {}}
    for packed in _unpacked(data):
        for candidate in _candidates(packed):
            kind = type_of(candidate.data)
            if kind is not None:
                files[kind].setdefault(b"".join(candidate.data.split()), candidate)
    for kind in sorted(files, key=lambda kind: kind != expected):
        if len(files[kind]) == 1:
            (candidate,) = files[kind].values()
            return Repaired(candidate.data, _repairs(candidate))
        if files[kind]:
            break
    return Repaired(data)


def type_of(data: bytes) -> str | None:
    """The type of a file that the strict reader opens, or would in a later version."""
    for kind in (REQUEST, RESPONSE):
        try:
            open_envelope(data, kind)
        except UnsupportedVersion:
            return kind
        except KeyferryError:
            continue
        return kind
    return None


def is_email(data: bytes) -> bool:
    """Whether this is an email, as mail programs save one or Outlook attaches one."""
    if has_changed_encoding(data):
        data = decode_text(data).encode("utf-8", "replace")
    if data.startswith(_OLE):
        return _ATTACHMENTS_OF_MSG in data
    return data.startswith(_TNEF) or _EMAIL.match(data.lstrip()) is not None


def _unpacked(data: bytes) -> Iterator[Repaired]:
    """The data, and whatever it packs, the least packed first."""
    waiting = deque([(Repaired(data), 0)])
    while waiting:
        packed, depth = waiting.popleft()
        yield packed
        if depth < _MAX_DEPTH:
            waiting.extend((each, depth + 1) for each in _unpack(packed))


def _unpack(packed: Repaired) -> Iterator[Repaired]:
    data, repairs = packed
    if data.startswith(_GZIP):
        inflated = _inflate(data)
        if inflated is not None:
            yield Repaired(inflated, (*repairs, "compressed"))
        return
    if not _may_be_text(data):
        return
    text, repairs = _unquote(decode_text(data)), _of_text(packed)
    name = () if "email" in repairs else ("encoded",)
    plain = _from_html(text)
    blocks = [block[0] for block in _BASE64.finditer(plain) if len(block[0]) >= _MIN_BASE64]
    for block in sorted(blocks, key=len, reverse=True)[:_MAX_PARTS]:
        yield Repaired(_from_base64(block), (*repairs, *name))
    for source in (text, plain):  # a link may be in a tag
        for link in _first(_LINK.finditer(_from_quoted_printable(source))):
            request = _from_link(link[1])
            if request is not None:
                yield Repaired(request, (*repairs, "link"))


def _may_be_text(data: bytes) -> bool:
    """Whether there is text in it: pictures and programs have a null byte near their start."""
    if data.startswith(_ZIP):
        return False  # what opens archives says which of their files it takes
    return has_changed_encoding(data) or 0 not in data[:512] or b"payloadType" in data


def _of_text(packed: Repaired) -> tuple[str, ...]:
    """What is to be said of a text, whatever is found in it."""
    repairs = packed.repairs
    if has_changed_encoding(packed.data):
        repairs = (*repairs, "encoding")
    if is_email(packed.data) and "email" not in repairs:
        repairs = (*repairs, "email")
    return repairs


def _candidates(packed: Repaired) -> Iterator[_Candidate]:
    """What begins as an envelope does, with ever more changes of the text undone."""
    if packed.data.startswith((b"{", _GZIP)) and type_of(packed.data) is not None:
        yield _Candidate(packed.data, "", [], packed.repairs)
    elif not packed.data.startswith(_GZIP) and _may_be_text(packed.data):
        text, repairs = decode_text(packed.data), _of_text(packed)
        for changed, names in _stages(text):
            for data in _objects(changed):
                yield _Candidate(data, text, names, repairs)


def _stages(text: str) -> Iterator[tuple[str, list[str]]]:
    """The text with one more change undone each time, and the names of those that changed it."""
    names: list[str] = []
    yield text, names
    for name, change in _CHANGES.items():
        changed = change(text)
        if changed != text:
            text, names = changed, [*names, name]
            yield text, names


def _repairs(candidate: _Candidate) -> tuple[str, ...]:
    """What was done to read it, without the changes that made no difference to this file."""
    data, text, names, repairs = candidate
    for name in names:
        fewer = [other for other in names if other != name]
        if data in _objects(_change(text, fewer)):
            names = fewer
    if "email" in repairs:
        names = [name for name in names if name != "encoded"]
    return (*repairs, *names) or ("around",)


def _change(text: str, names: Iterable[str]) -> str:
    for name in names:
        text = _CHANGES[name](text)
    return text


def _objects(text: str) -> list[bytes]:
    """Every object that begins as an envelope does, up to the brace that closes it."""
    objects, end = [], 0
    for start in _first(_START.finditer(text)):
        if start.start() < end:
            continue  # inside the one before it
        depth = 0
        for token in _TOKEN.finditer(text, start.start(), start.start() + _MAX_INFLATED):
            depth += {"{": 1, "}": -1}.get(token[0], 0)
            if depth == 0:
                end = token.end()
                objects.append(text[start.start() : end].encode("utf-8", "replace"))
                break
    return objects


def _first(matches: Iterator[re.Match[str]]) -> Iterator[re.Match[str]]:
    for _, match in zip(range(_MAX_PARTS), matches, strict=False):
        yield match


def _inflate(data: bytes) -> bytes | None:
    inflater = zlib.decompressobj(_GZIP_WBITS)
    try:
        inflated = inflater.decompress(data, _MAX_INFLATED)
    except zlib.error:
        return None
    return inflated if inflater.eof else None


def _from_base64(text: str) -> bytes:
    """Decode either alphabet; a single symbol left over at the end is no part of it."""
    symbols = "".join(text.split()).replace("-", "+").replace("_", "/")
    if len(symbols) % 4 == 1:
        symbols = symbols[:-1]
    return a2b_base64(symbols + "=" * (-len(symbols) % 4))


def _from_link(text: str) -> bytes | None:
    """The request in a link that may be wrapped, or have text after it."""
    packed = ""
    for _, word in zip(range(64), text.split(), strict=False):
        packed += word
        with suppress(KeyferryError):
            return from_text_form(_from_base64(packed))
    return None


def _from_html(text: str) -> str:
    for _ in range(2):  # a mail program may escape what a page had escaped
        text = html.unescape(_TAG.sub("", text))
    return text


def _from_quoted_printable(text: str) -> str:
    """RFC 2045, 6.7. Base64 that ends in `=` always has some after its escape, `=3D`."""
    if "=3d" not in text.lower():
        return text
    return a2b_qp(text.encode("utf-8", "replace")).decode("utf-8", "replace")


def _unquote(text: str) -> str:
    return _QUOTE.sub("", text)


def _decode(text: str) -> str:
    return _from_quoted_printable(_from_html(text))


def _unedit(text: str) -> str:
    """No member of an envelope contains a space, so each came on the way."""
    return without_spaces(_ESCAPED_SPACE.sub("", _QUOTATION_MARK.sub('"', text)))


_CHANGES: dict[str, Callable[[str], str]] = {
    "encoded": _decode,
    "quoted": _unquote,
    "edited": _unedit,
}
