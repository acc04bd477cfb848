"""Writes figures into files of the vendor's."""

from pathlib import Path

from keyferry_admin.use_cases.figures.count import Figures
from keyferry_admin.use_cases.figures.rows import COLUMNS, rows_of
from keyferry_admin.use_cases.spreadsheet import csv_line
from keyferry_admin.use_cases.whole_file import written_whole


def write_text(path: Path, text: str) -> None:
    """Write a report or a picture. Raises FileNotWritten."""
    with written_whole(path) as file:
        file.write(text)


def write_csv(path: Path, figures: Figures) -> None:
    """Write every number. Raises FileNotWritten."""
    with written_whole(path) as file:
        file.write("\ufeff")  # without it, spreadsheets on Windows take names for another encoding
        write = csv_line(file)
        write(COLUMNS)
        for row in rows_of(figures):
            write(row)
