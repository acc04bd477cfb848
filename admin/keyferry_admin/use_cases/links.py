"""Writes the CSV file of links for customers, one line for each computer."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from keyferry_admin.errors.keys import LinksNotWritten
from keyferry_admin.use_cases.reissue import Reissued
from keyferry_admin.use_cases.spreadsheet import csv_line
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
            write = csv_line(out)
            write(COLUMNS)
            yield lambda reissued: write(_line(reissued, page))
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
