"""Encodes and decodes base64, times, and free text in files (docs/format.md)."""

import re
from binascii import Error, a2b_base64, b2a_base64
from datetime import datetime, timedelta

from keyferry_protocol.messages import message

MAX_TEXT = 64  # Unicode code points
_URL_SAFE = str.maketrans("-_", "+/")
_EPOCH = datetime(1970, 1, 1)  # all times here are in UTC
_TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")
# Category Cc, line and paragraph separators, bidirectional controls: they could disguise what
# people read.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def b64(data: bytes) -> str:
    """Encode as standard base64 with padding (RFC 4648, section 4)."""
    return b2a_base64(data, newline=False).decode("ascii")


def unb64(text: str) -> bytes:
    """Decode canonical standard base64. Raises ValueError."""
    try:
        data = a2b_base64(text.encode("ascii"), strict_mode=True)
    except (Error, UnicodeEncodeError) as error:
        raise ValueError(message("format.no-base64")) from error
    if b64(data) != text:
        raise ValueError(message("format.no-canonical-base64"))
    return data


def unb64_any(text: str) -> bytes:
    """Decode base64 in the standard or the URL-safe alphabet. Raises ValueError."""
    if "-" in text or "_" in text:
        if "+" in text or "/" in text:
            raise ValueError(message("format.two-alphabets"))
        text = text.translate(_URL_SAFE)
    return unb64(text)


def parse_time(text: str) -> int:
    """Parse `YYYY-MM-DDTHH:MM:SSZ` into seconds since 1970. Raises ValueError."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(message("format.no-time"))
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second)
    except ValueError as error:
        raise ValueError(message("format.no-real-time")) from error
    return (moment - _EPOCH) // timedelta(seconds=1)


def format_time(seconds: int) -> str:
    """Format whole seconds since 1970 as `YYYY-MM-DDTHH:MM:SSZ`."""
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment.isoformat()}Z"  # %Y does not pad before the year 1000, and is slower


def escape_controls(text: str) -> str:
    """Replace with U+FFFD what could disguise a text on a screen, and what no screen can show."""
    return _SURROGATE.sub("\ufffd", _FORBIDDEN.sub("\ufffd", text))


def free_text(text: str, longest: int = MAX_TEXT) -> str:
    """Return the text if a file may contain it. Raises ValueError with the reason."""
    if len(text) > longest:
        raise ValueError(message("format.too-long", n=longest))
    if _FORBIDDEN.search(text):
        raise ValueError(message("format.control-character"))
    if _SURROGATE.search(text):  # as Python reads a command line in another encoding
        raise ValueError(message("format.not-unicode"))
    return text
