"""Text as people bring it: saved in any encoding, its separators changed on the way."""

import codecs
import re

_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}

# Format characters (category Cf) and what else is shown as nothing; the soft hyphen is a hyphen.
_UNSEEN = (
    "\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff0-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_SPACES = (
    "\t-\r\x1c-\x20\x85\xa0\u115f\u1160\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000"
    "\u3164\uffa0"
)
_DASHES = (  # category Pd, the minus signs, and what keyboards of other scripts type for them
    "\\-\xad\u058a\u05be\u1400\u1806\u2010-\u2015\u2043\u2053\u207b\u208b\u2212\u2500\u2501\u2e17"
    "\u2e1a\u2e3a\u2e3b\u2e40\u2e5d\u301c\u3030\u30a0\u30fc\ufe31\ufe32\ufe58\ufe63\uff0d\uff70"
    "\U00010d6e\U00010ead"
)
_POINTS = (
    "\xb7\u2022\u2024\u2027\u2044\u2215\u2219\u22c5\u3002\u30fb\ufe52\uff0e\uff0f\uff3f\uff61\uff65"
)

_IS_UNSEEN = re.compile(f"[{_UNSEEN}]")
_IS_SPACE = re.compile(f"[{_SPACES}]")
_IS_DASH = re.compile(f"[{_DASHES}{_POINTS}]")
_IS_SPACE_OR_UNSEEN = re.compile(f"[{_SPACES}{_UNSEEN}\xad]+")


def decode_text(data: bytes) -> str:
    """Decode UTF-8 or UTF-16, with or without a byte-order mark, else Windows' Latin 1.

    UTF-16 without a mark is recognized by its first character, which must be ASCII.
    """
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if has_changed_encoding(data):
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def plain_separators(text: str) -> str:
    """The text with `-` for each dash and point, ` ` for each space, and no character unseen.

    Letters and digits stay as they are, those of other scripts and widths too.
    """
    return _IS_DASH.sub("-", _IS_SPACE.sub(" ", _IS_UNSEEN.sub("", text)))


def without_spaces(text: str) -> str:
    """The text without spaces, line breaks, soft hyphens, and characters unseen."""
    return _IS_SPACE_OR_UNSEEN.sub("", text)


def has_changed_encoding(data: bytes) -> bool:
    """Whether this is text in UTF-16 or with a byte-order mark."""
    return data.startswith(tuple(_MARKS)) or (0 in data[:2] and data[:2] != b"\0\0")


def show_symbol(symbol: str) -> str:
    """Name a character that may look like another one, or like nothing: `А (U+0410)`."""
    code_point = f"U+{ord(symbol):04X}"
    return f"{symbol} ({code_point})" if symbol.isprintable() else code_point
