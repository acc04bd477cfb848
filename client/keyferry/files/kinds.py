"""Identifies a file that is no response by its content, never by its name."""

import re
import zlib

from keyferry_protocol.envelope import MAX_FILE, RESPONSE
from keyferry_protocol.repair import is_email
from keyferry_protocol.typed_text import decode_text

_STARTS = (
    (b"%PDF", "pdf"),
    *((start, "picture") for start in (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")),
    *((start, "archive") for start in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")),
    (b"L\0\0\0\x01\x14\x02\0", "shortcut"),  # MS-SHLLINK
    (b"[InternetShortcut]", "shortcut"),
)
_WEB_PAGE = re.compile(
    r"(?:<\?xml[^>]*>|<!--[^>]*-->|\s)*<(?:!doctype html|html|head|meta|script)\b", re.I
)
_GZIP = b"\x1f\x8b"
_BEGINS = '{"payloadType"'
_ENDS = "}]}"


def kind_of(data: bytes) -> str:
    """The kind of a file, which names its message in the catalog (`terminal.kind.<kind>`)."""
    start = data.lstrip()
    if not start:
        return "empty"
    if is_email(data):
        return "e-mail"
    if data.startswith(_GZIP):
        return _kind_of_gzip(data)
    for signature, kind in _STARTS:
        if start.startswith(signature):
            return kind
    text = decode_text(data).strip("\0\x1a \t\r\n")
    if _WEB_PAGE.match(text):
        return "web page"
    if text.startswith(_BEGINS):
        return "editor" if _ENDS in text else "cut"
    if len(data) > MAX_FILE[RESPONSE]:
        return "big"
    return "editor" if not text or "payloadType" in text else "other"


def _kind_of_gzip(data: bytes) -> str:
    inflater = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        inflater.decompress(data, MAX_FILE[RESPONSE])
    except zlib.error:
        return "editor"
    return "archive" if inflater.eof or inflater.unconsumed_tail else "cut"
