"""Identifies a file that is no response by its content, never by its name."""

from keyferry_protocol.envelope import MAX_FILE, RESPONSE

_STARTS = (
    (b"%PDF", "pdf"),
    *((start, "picture") for start in (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF")),
    (b"PK\x03\x04", "archive"),
    (b"L\0\0\0\x01\x14\x02\0", "shortcut"),  # MS-SHLLINK
    (b"[InternetShortcut]", "shortcut"),
    *((start, "e-mail") for start in (b"From:", b"Return-Path:", b"Received:", b"Delivered-To:")),
    *(
        (start, "editor") for start in (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")
    ),  # byte order marks
)
_BEGINS = b'{"payloadType"'


def kind_of(data: bytes) -> str:
    """The kind of a file, which names its message in the catalog (`terminal.kind.<kind>`)."""
    text = data.strip()
    if not text:
        return "empty"
    if len(data) > MAX_FILE[RESPONSE]:
        return "big"
    for start, kind in _STARTS:
        if text.startswith(start):
            return kind
    if text.startswith(_BEGINS):
        return "editor" if text.endswith(b"}") else "cut"
    return "editor" if b"payloadType" in text else "other"
