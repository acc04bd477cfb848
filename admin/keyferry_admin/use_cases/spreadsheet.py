"""Lines for a spreadsheet, in which no text is evaluated as a formula."""

import csv
import re
from collections.abc import Callable, Iterable
from typing import TextIO

# A spreadsheet removes white space and quotes, and depending on the locale it splits a cell at a
# semicolon or a comma and reads full-width signs too.
_STARTS_FORMULA = r"(?=[\s\"']*[=+\-@\uff1d\uff0b\uff0d\uff20])"
_FORMULA = re.compile(r"(^|[;,\t])" + _STARTS_FORMULA)
_SPACE = re.compile(r"\s")
_DISARMED = re.compile(r"(^|[;,\t])'" + _STARTS_FORMULA)


def tsv_line(values: Iterable[object]) -> str:
    """One line of tab-separated values, without quotes: white space in a text becomes a space."""
    return "\t".join(_SPACE.sub(" ", _cell(value)) for value in values)


def csv_line(file: TextIO) -> Callable[[Iterable[object]], None]:
    """A function that writes one line to the file."""
    lines = csv.writer(file)
    return lambda values: lines.writerow([_cell(value) for value in values])


def text_of_cell(cell: str) -> str:
    """The text that was written as this cell, without the apostrophes that disarm it."""
    return _DISARMED.sub(r"\1", cell)


def _cell(value: object) -> str:
    """The text of a value. An apostrophe keeps a spreadsheet from evaluating a text."""
    if isinstance(value, str):
        return _FORMULA.sub(r"\1'", value)
    return "" if value is None else str(value)
