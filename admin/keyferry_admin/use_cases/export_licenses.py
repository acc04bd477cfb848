"""Writes licenses to a CSV file that `license import` reads back equal, and their changes."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from keyferry_admin.use_cases.license_columns import (
    COLUMNS,
    NUMBER,
    READ_ONLY,
    show_moment,
    texts_of,
)
from keyferry_admin.use_cases.spreadsheet import csv_line
from keyferry_admin.use_cases.whole_file import written_whole
from keyferry_service.domain.license import LicenseRecord

_CHANGE_TEXTS = ("revision", "at", "who", "what", "subject", "undoes")


def write_licenses(path: Path, licenses: Iterable[LicenseRecord], now: int) -> None:
    """Write a line for each license, with what was used of it. Raises FileNotWritten."""
    with written_whole(path) as file:
        write = csv_line(file)
        write((NUMBER, *(column.name for column in COLUMNS), *READ_ONLY))
        for license in licenses:
            write((*texts_of(license), *_use_of(license, now)))


def _use_of(license: LicenseRecord, now: int) -> tuple[object, ...]:
    """What `READ_ONLY` names."""
    return (
        show_moment(license.ends_at),
        license.seats_used,
        license.moves_left(now),
        show_moment(license.valid_from),
        show_moment(license.first_issued_at),
        license.revision,
    )


def write_changes(path: Path, changes: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Write a line for each change, given as number and document. Raises FileNotWritten."""
    with written_whole(path) as file:
        write = csv_line(file)
        write((NUMBER, *_CHANGE_TEXTS, "before", "after"))
        for number, change in changes:
            texts = [change[name] for name in _CHANGE_TEXTS]
            write((number, *texts, *(json.dumps(change[each]) for each in ("before", "after"))))
