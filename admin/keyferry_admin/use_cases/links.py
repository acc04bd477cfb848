"""Writes the CSV file of links for customers, one line for each computer."""

import csv
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from keyferry_admin.errors import LinksNotWritten
from keyferry_admin.use_cases.reissue import Reissued
from keyferry_protocol.encoding import format_time

COLUMNS = [
    "license",
    "licensee",
    "status",
    "seat",
    "computer",
    "protection",
    "file",
    "link",
    "until",
]
# The start of a formula in a spreadsheet, which may split cells at semicolons, depending on locale.
_FORMULA = re.compile(r"(^|[;\t])(\s*)(?=[=+\-@])")


@contextmanager
def links_file(path: Path, page: str) -> Iterator[Callable[[Reissued], None]]:
    """Write one line at a time. Only the owner can read the file, because each link is a secret.

    It replaces an older file once it is complete. Raises LinksNotWritten.
    """
    partial = path.with_name(f"{path.name}.part")
    try:
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="") as out:
            lines = csv.writer(out)
            lines.writerow(COLUMNS)
            yield lambda reissued: lines.writerow([_cell(each) for each in _line(reissued, page)])
        partial.replace(path)
    except OSError as error:
        raise LinksNotWritten(f"{path} cannot be written: {error.strerror}") from error


def _line(reissued: Reissued, page: str) -> list[str]:
    license, seat, ticket = reissued.license, reissued.seat, reissued.ticket
    return [
        license.number,
        license.licensee,
        license.status.value,
        str(seat.number),
        seat.machine_name,
        seat.protection,
        ticket.file_name,
        f"{page}/#t={ticket.id}",
        format_time(ticket.expires_at),
    ]


def _cell(text: str) -> str:
    """Escape a text, so no spreadsheet evaluates a computer name as a formula."""
    return _FORMULA.sub(r"\1\2'", text)
