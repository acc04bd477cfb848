"""The file with the activation codes of an import: on the disk before the first license is written.

So a run that is cut off loses no code, and the next run finds there which number and which code
each license was to have.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from keyferry_admin.errors.commands import BadTable, FileNotWritten, NotOurCodes
from keyferry_admin.use_cases.csv_table import read_table
from keyferry_admin.use_cases.spreadsheet import csv_line
from keyferry_admin.use_cases.whole_file import written_whole
from keyferry_protocol.activation import (
    parse_activation_code,
    parse_license_number,
    show_activation_code,
    show_license_number,
)
from keyferry_protocol.errors import KeyferryError

TITLES = ("license_number", "activation_code", "reference", "licensee", "product")


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A license and its activation code (30 symbols)."""

    number: str
    code: str
    reference: str
    licensee: str
    product: str


def read_codes(path: Path) -> dict[str, CodeLine]:
    """The lines by license number; none if there is no file yet. Raises NotOurCodes."""
    if not path.exists():
        return {}
    try:
        table = read_table(path)
        lines = [_line(*cells) for _, cells in table.rows]
    except (BadTable, KeyferryError, TypeError) as error:
        raise NotOurCodes(f"{path} has something else than activation codes: {error}") from error
    if table.titles != TITLES:
        raise NotOurCodes(f"{path} has other columns than {', '.join(TITLES)}")
    return {line.number: line for line in lines}


def write_codes(path: Path, known: Mapping[str, CodeLine], new: Iterable[CodeLine]) -> None:
    """Add the new codes to those that were read from the file. Raises FileNotWritten.

    The codes of another run, which added some at the same moment, are not lost.
    """
    with written_whole(path) as file:
        if read_codes(path) != known:
            raise FileNotWritten(f"Another run has just added codes to {path}")
        write = csv_line(file)
        write(TITLES)
        for line in (*known.values(), *new):
            number, code = show_license_number(line.number), show_activation_code(line.code)
            write((number, code, line.reference, line.licensee, line.product))


def _line(number: str, code: str, reference: str, licensee: str, product: str) -> CodeLine:
    number = parse_license_number(number)
    return CodeLine(number, parse_activation_code(code, number), reference, licensee, product)
