"""Writes figures into files of the vendor's."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keyferry_admin.errors import FiguresNotWritten
from keyferry_admin.use_cases.figures.count import Figures
from keyferry_admin.use_cases.figures.rows import COLUMNS, rows_of
from keyferry_admin.use_cases.spreadsheet import csv_line


def write_text(path: Path, text: str) -> None:
    """Write a report or a picture. Raises FiguresNotWritten."""
    with _translated(path):
        path.write_text(text, "utf-8", newline="")


def write_csv(path: Path, figures: Figures) -> None:
    """Write every number. Raises FiguresNotWritten."""
    # Without the mark, spreadsheets on Windows take names for another encoding.
    with _translated(path), path.open("w", encoding="utf-8-sig", newline="") as file:
        write = csv_line(file)
        write(COLUMNS)
        for row in rows_of(figures):
            write(row)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FiguresNotWritten(f"{path} cannot be written: {error.strerror}") from error
