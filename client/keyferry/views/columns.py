"""Fits text into the columns of a terminal, where a wide character takes two."""

import shutil
import unicodedata
from collections.abc import Sequence

NO_LIMIT = 0


def window_columns() -> int:
    """The width of the window; NO_LIMIT if the text goes to no window."""
    return shutil.get_terminal_size((NO_LIMIT, 0)).columns


def columns_of(text: str) -> int:
    """How many columns a text takes."""
    return sum(map(_columns, text))


def pad(text: str, columns: int) -> str:
    """The text, with spaces up to this many columns."""
    return text + " " * (columns - columns_of(text))


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines, each cell as wide as the widest of its column."""
    widths = [max(map(columns_of, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def wrap(text: str, columns: int, indent: str = "") -> list[str]:
    """The text in lines of at most this many columns; those after the first are indented.

    A word that is too long stays whole, because it may be a path or a command; only a text in wide
    characters, which has no spaces, is broken anywhere.
    """
    lines: list[str] = []
    line = ""
    for word in _words(text):
        if line.strip() and columns != NO_LIMIT and columns_of(line + word.rstrip()) > columns:
            lines.append(line.rstrip())
            line = indent
        line += word
    return [*lines, line.rstrip()]


def _words(text: str) -> list[str]:
    """The parts of a text between which a line may end; each but the last has its space."""
    words = [""]
    for letter in text:
        if (words[-1].endswith(" ") and letter != " ") or (words[-1] and _columns(letter) == 2):
            words.append("")
        words[-1] += letter
    return words


def _columns(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
