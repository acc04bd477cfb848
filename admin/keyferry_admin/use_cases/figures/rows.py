"""The figures as rows for a spreadsheet: one number each, which a pivot table can arrange."""

from collections.abc import Iterator
from datetime import date

from keyferry_admin.use_cases.figures.count import Figures, day_of

COLUMNS = ("figure", "day", "product", "code", "license", "licensee", "reference", "count")
Row = tuple[str, str, str, str, str, str, str, int]


def rows_of(figures: Figures) -> Iterator[Row]:
    """Every number of the period that is not 0, then seats and ends as they are today."""
    for cell, count in sorted(figures.cells.items()):
        if cell.day in figures.period:
            yield _row(cell.figure, cell.day, cell.product, count, cell.code)
    today = day_of(figures.now)
    for seats in figures.seats:
        yield _row("seats-in-use", today, seats.product, seats.in_use)
        yield _row("seats-sold", today, seats.product, seats.sold)
    for ending in figures.ending:
        license = ending.license
        number, licensee, reference = license.number, license.licensee, license.reference
        day = day_of(ending.ends_at).isoformat()
        yield ("ending", day, license.product, "", number, licensee, reference, license.seats)


def _row(figure: str, day: date, product: str, count: int, code: str = "") -> Row:
    return (figure, day.isoformat(), product, code, "", "", "", count)
