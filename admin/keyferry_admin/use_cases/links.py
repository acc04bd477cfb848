"""The file of links that a vendor hands out: one line for each computer."""

import csv
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from keyferry_admin.errors import LinksNotWritten
from keyferry_admin.use_cases.resign import Resigned
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
# Where a spreadsheet begins a cell: many countries' cut at semicolons, within our cells too.
_FORMULA = re.compile(r"(^|[;\t])(\s*)(?=[=+\-@])")


@contextmanager
def links_file(path: Path, page: str) -> Iterator[Callable[[Resigned], None]]:
    """Write one line at a time, for its owner alone: who has a link has the file.

    It takes the place of an older one when all is in it. Raises LinksNotWritten.
    """
    growing = path.with_name(f"{path.name}.part")
    try:
        growing.unlink(missing_ok=True)
        descriptor = os.open(growing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8", newline="") as out:
            lines = csv.writer(out)
            lines.writerow(COLUMNS)
            yield lambda resigned: lines.writerow([_cell(each) for each in _line(resigned, page)])
        growing.replace(path)
    except OSError as error:
        raise LinksNotWritten(f"{path} cannot be written: {error.strerror}") from error


def _line(resigned: Resigned, page: str) -> list[str]:
    license, seat, ticket = resigned.license, resigned.seat, resigned.ticket
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
    """No spreadsheet computes what a customer called a computer."""
    return _FORMULA.sub(r"\1\2'", text)
