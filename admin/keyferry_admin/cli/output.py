"""How the desk answers: words and tables to a person, TSV to a pipe, one document with --json."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

MARKS = {"ok": "✓", "warning": "!", "error": "X"}
PLAIN_MARKS = {"ok": "ok", "warning": "warn", "error": "FAIL"}
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Output:
    """Where an answer goes, and in which of the three forms."""

    as_json: bool = False
    is_terminal: bool = False

    def say(self, lines: Sequence[str], document: dict[str, Any]) -> None:
        """One answer: its lines, or the document that states the same facts."""
        if self.as_json:
            self._document({"ok": True} | document)
        else:
            _print(lines)

    def table(
        self,
        headings: Sequence[str],
        shown: Sequence[Sequence[str]],
        document: dict[str, Any],
        raw: Sequence[Sequence[object]],
        footer: str = "",
    ) -> None:
        """Rows as a person reads them (`shown`) or as a script does (`raw`, one TSV line each)."""
        if self.as_json:
            self._document({"ok": True} | document)
        elif self.is_terminal:
            _print([*aligned([headings, *shown]), *([footer] if footer else [])])
        else:
            _print(["\t".join(_cell(value) for value in row) for row in raw])

    def fail(self, error: dict[str, Any]) -> None:
        """What went wrong, in words on stderr or as the one document on stdout."""
        if self.as_json:
            self._document({"ok": False, "error": error})
            return
        print(f"{mark('error', sys.stderr)} {error['title']} ({error['code']})", file=sys.stderr)
        if error["next_step"]:
            print(f"  {error['next_step']}", file=sys.stderr)

    def _document(self, document: dict[str, Any]) -> None:
        _print([json.dumps(document, ensure_ascii=False)])


def mark(name: str, stream: Any = None) -> str:
    """✓ ! X, or words where the stream's encoding lacks them."""
    encoding = getattr(stream or sys.stdout, "encoding", None) or "ascii"
    try:
        MARKS["ok"].encode(encoding)
    except UnicodeEncodeError:
        return PLAIN_MARKS[name]
    return MARKS[name]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns two spaces apart, each as wide as its widest text."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def day(seconds: int | None, *, short: bool = False) -> str:
    """`30 November 2027`, in tables `30 Nov 2027`; `-` where there is none (UTC)."""
    if seconds is None:
        return "-"
    moment = datetime.fromtimestamp(seconds, UTC)
    month = _MONTHS[moment.month - 1]
    return f"{moment.day} {month[:3] if short else month} {moment.year}"


def minute(seconds: int) -> str:
    """`24 Nov 2026 09:47` (UTC)."""
    return f"{day(seconds, short=True)} {datetime.fromtimestamp(seconds, UTC):%H:%M}"


def counted(count: int, noun: str) -> str:
    """`1 seat`, `2 seats`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _cell(value: object) -> str:
    return "" if value is None else str(value).replace("\t", " ").replace("\n", " ")


def _print(lines: Sequence[str]) -> None:
    for line in lines:
        print(line)
