"""Prints results: sentences and tables to a terminal, TSV to a pipe, a document for --json."""

import json
import os
import select
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TextIO, TypeVar

from keyferry_admin.errors.commands import OutputNotWritten
from keyferry_admin.use_cases.spreadsheet import tsv_line
from keyferry_protocol.encoding import escape_controls
from keyferry_protocol.messages.formats import long_date, short_date

_T = TypeVar("_T")
_TAB = "\t"  # between the cells of a line for a pipe

MARKS = {"ok": "✓", "warning": "!", "error": "X", "unknown": "?"}
PLAIN_MARKS = {"ok": "ok", "warning": "warn", "error": "FAIL", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class Column(Generic[_T]):
    """One column of a list: title and text in the table, members of the document in TSV."""

    title: str
    text: Callable[[_T], str]
    raw: tuple[str, ...] = ()  # names in `Listing.as_json`; without any, TSV has the text too


@dataclass(frozen=True, slots=True)
class Listing(Generic[_T]):
    """A list that a command prints, described once for all output formats."""

    member: str  # of the --json document, with the items
    as_json: Callable[[_T], Mapping[str, object]]
    columns: tuple[Column[_T], ...]

    def table(self, items: Sequence[_T]) -> list[str]:
        """The lines of the table, titles first."""
        titles = [column.title for column in self.columns]
        return aligned([titles, *([c.text(item) for c in self.columns] for item in items)])

    def tsv(self, items: Sequence[_T]) -> list[str]:
        """One line for each item, without titles."""
        return [tsv_line(self._raw(item)) for item in items]

    def _raw(self, item: _T) -> list[object]:
        members, cells = self.as_json(item), list[object]()
        for column in self.columns:
            cells += [members[name] for name in column.raw] or [column.text(item)]
        return cells


@dataclass(frozen=True, slots=True)
class Output:
    """Prints the results of a command in the format that suits the reader."""

    as_json: bool = False
    is_terminal: bool = False

    def result(self, lines: Sequence[str], document: dict[str, Any]) -> None:
        """Print the lines, or the document that states the same facts."""
        if self.as_json:
            self._document({"ok": True} | document)
        else:
            _print(lines)

    def listing(
        self, listing: Listing[_T], items: Sequence[_T], *, footer: str = "", **members: object
    ) -> None:
        """Print a list: a table and its footer, TSV, or a document with `members` before it."""
        if self.as_json:
            listed = [listing.as_json(item) for item in items]
            self._document({"ok": True} | members | {listing.member: listed})
        elif self.is_terminal:
            _print([*listing.table(items), *(footer.split("\n") if footer else [])])
        else:
            _print(listing.tsv(items))

    def error(self, error: dict[str, Any]) -> None:
        """Print an error: sentences to stderr, or the document to stdout."""
        if self.as_json:
            self._document({"ok": False, "error": error})
            return
        tell(f"{mark('error', sys.stderr)} {error['title']} ({error['code']})")
        if error["next_step"]:
            tell(f"  {error['next_step']}")

    def _document(self, document: dict[str, Any]) -> None:
        print(json.dumps(document, ensure_ascii=False))


def tell(line: str) -> None:
    """Print a line to stderr."""
    print(_harmless(line), file=sys.stderr)


def mark(name: str, stream: Any = None) -> str:
    """✓ ! X ?, or words if the stream cannot encode them."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "ascii"
    try:
        MARKS["ok"].encode(encoding)
    except UnicodeEncodeError:
        return PLAIN_MARKS[name]
    return MARKS[name]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns two spaces apart, each as wide as its widest text."""
    widths = [max(map(_columns, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            text + " " * (width - _columns(text)) for text, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: a wide character takes two, a mark none."""
    if text.isascii():
        return len(text)
    return sum(_character_columns(character) for character in text)


def _character_columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def day(seconds: int | None, *, short: bool = False) -> str:
    """`30 November 2027`, `30 Nov 2027` if short, `-` for None (UTC)."""
    if seconds is None:
        return "-"
    moment = datetime.fromtimestamp(seconds, UTC)
    return short_date(moment) if short else long_date(moment)


def minute(seconds: int) -> str:
    """`24 Nov 2026 09:47` (UTC)."""
    return f"{day(seconds, short=True)} {datetime.fromtimestamp(seconds, UTC):%H:%M}"


def count_of(count: int, noun: str) -> str:
    """`1 seat`, `2 seats`."""
    return f"{count} {noun}" if count == 1 else f"{count:,} {noun}s"


def require_reader() -> None:
    """Raises OutputNotWritten if no one can read stdout, such as a pipe whose reader has ended."""
    if not _is_open(sys.stdout):
        raise OutputNotWritten("The output cannot be written: its reader is gone")


def discard_stdout() -> None:
    """Discard what stdout still buffers, so that the end of the process does not fail on it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_open(stream: TextIO | None) -> bool:
    if stream is None:  # closed by the shell: `>&-`
        return False
    try:
        descriptor = stream.fileno()
    except OSError:  # not a file
        return True
    if not hasattr(select, "poll"):  # Windows
        return True
    poll = select.poll()
    poll.register(descriptor, 0)  # errors are always reported
    return not poll.poll(0)


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        print(_harmless(line))


def _harmless(line: str) -> str:
    """The line without what would command the terminal, as a title in a customer's file can."""
    return _TAB.join(map(escape_controls, line.split(_TAB)))
