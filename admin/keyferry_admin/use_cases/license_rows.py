"""Reads the rows of a CSV file of licenses, with our columns or with those of another system."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from keyferry_admin.errors.commands import BadTable
from keyferry_admin.use_cases.csv_table import Table, read_table
from keyferry_admin.use_cases.license_columns import (
    BY_NAME,
    NUMBER,
    READ_ONLY,
    BadCell,
    Row,
    read_row,
)


@dataclass(frozen=True, slots=True)
class LicenseRows:
    """The rows of a file, what is wrong in it, and the titles of the columns that are not read."""

    rows: list[Row]
    bad: list[BadCell]
    ignored: list[str]


def read_licenses(path: Path, ours: Mapping[str, str], product: str) -> LicenseRows:
    """Read a CSV file of licenses. Raises BadTable.

    `ours` says for titles of another system which of our columns they are; with it, columns that
    it does not name are ignored. `product` is that of rows which name none.
    """
    table = read_table(path)
    columns = _columns(path, table, ours)
    named = zip(table.titles, columns, strict=True)
    ignored = [title for title, name in named if not name and title not in READ_ONLY]
    result = LicenseRows([], [], ignored)
    for line, cells in table.rows:
        if len(cells) != len(columns):
            text = f"It has {len(cells)} cells, and the titles are {len(columns)}. Correct the row."
            result.bad.append(BadCell(line, "", text))
            continue
        texts = {name: cell for name, cell in zip(columns, cells, strict=True) if name}
        if product and not texts.get("product"):
            texts["product"] = product
        row, bad = read_row(line, texts)
        result.rows.append(row)
        result.bad.extend(bad)
    return result


def _columns(path: Path, table: Table, ours: Mapping[str, str]) -> list[str]:
    """Our name of each column; "" for those that are not read. Raises BadTable."""
    if missing := [title for title in ours if title not in table.titles]:
        raise BadTable(
            f"{path} has no column {', '.join(missing)}", f"It has {', '.join(table.titles)}."
        )
    names = [ours.get(title) or title.lower().replace(" ", "_") for title in table.titles]
    for title, name in zip(table.titles, names, strict=True):
        if name != NUMBER and name not in (*BY_NAME, *READ_ONLY) and not ours:
            raise BadTable(f"{path} has a column {title!r}, which is none of ours", _known(name))
    names = [name if name in BY_NAME or name == NUMBER else "" for name in names]
    if twice := {name for name in names if name and names.count(name) > 1}:
        raise BadTable(
            f"{path} has two columns for {', '.join(sorted(twice))}", "Leave one of them."
        )
    return names


def _known(name: str) -> str:
    near = get_close_matches(name, BY_NAME, 1)
    return (
        f"{f'Did you mean {near[0]}? ' if near else ''}Our columns are"
        f" {', '.join((NUMBER, *BY_NAME))}. With --column TITLE=COLUMN, only the columns are read"
        " that it names or that have our names."
    )
