"""Reads a CSV file, in whatever encoding and with whatever separator a spreadsheet wrote it."""

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path

from keyferry_admin.errors.commands import BadTable
from keyferry_admin.use_cases.spreadsheet import text_of_cell

_SEPARATORS = ",;\t"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Table:
    """The titles of the columns, and each row that is not empty with the line it begins in."""

    titles: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read_table(path: Path) -> Table:
    """Read a CSV file (RFC 4180) whose first line has the titles. Raises BadTable.

    It may be UTF-8 or UTF-16, with commas, semicolons, or tabs, as the titles show.
    """
    text = _decode(path)
    titles = next(io.StringIO(text, newline=""), "")
    lines, begins = [], 1
    try:
        width = {each: len(next(csv.reader([titles], delimiter=each))) for each in _SEPARATORS}
        separator = max(_SEPARATORS, key=width.__getitem__)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((begins, tuple(text_of_cell(cell).strip() for cell in cells)))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise BadTable(
            f"The row of {path} that begins in line {begins} cannot be read: {error}",
            "A quotation mark inside a text is written twice, and the text between two more.",
        ) from error
    if not lines:
        raise BadTable(f"{path} is empty", "Its first line must have the titles of the columns.")
    return Table(lines[0][1], tuple(lines[1:]))


def _decode(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadTable(f"{path} cannot be read: {error.strerror}", "Check its name.") from error
    if data.startswith(_ZIP):
        raise BadTable(f"{path} is a workbook", "In the spreadsheet, save it as CSV UTF-8.")
    encoding = "utf-16" if data.startswith(_UTF_16) else "utf-8-sig"
    if b"\0" in data and encoding != "utf-16":
        raise BadTable(f"{path} is not a text file", "In the spreadsheet, save it as CSV UTF-8.")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadTable(
            f"Line {line} of {path} is neither UTF-8 nor UTF-16",
            "In the spreadsheet, save it as CSV UTF-8.",
        ) from error
