"""Crockford's base 32 as people type it (docs/format.md, "License number and activation code")."""

import re

from keyferry_protocol.typed_text import plain_separators

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SEPARATORS = re.compile(r"[ \t\r\n.\-_/]")
# Only ASCII is folded: str.upper() would let other scripts' letters in.
_FOLD = str.maketrans("abcdefghijklmnopqrstuvwxyzOIL", "ABCDEFGH1JK1MN0PQRSTUVWXYZ011")


def without_separators(text: str) -> str:
    """The text without its spaces, dashes, points, and line breaks."""
    return _SEPARATORS.sub("", plain_separators(text))


def typed_symbols(text: str) -> str:
    """The symbols of a typed text, upper-case; what is no symbol stays, so it can be named."""
    return without_separators(text).translate(_FOLD)
