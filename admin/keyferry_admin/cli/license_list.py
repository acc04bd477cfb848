"""`keyferry-admin license list`: find, sort, and page through licenses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.license import license
from keyferry_admin.cli.license_filters import filter_options
from keyferry_admin.cli.license_terms import as_json, show_end
from keyferry_admin.cli.output import Column, Listing, day
from keyferry_admin.cli.progress import watch_seats
from keyferry_admin.use_cases.find import SEARCHED, Filters, find_sold, state_of
from keyferry_protocol.activation import show_license_number
from keyferry_service.domain.license import LicenseRecord

_PAGE = 100  # rows in a terminal
_NEVER = 1 << 62  # sorts after every end


def columns_of_list(now: int) -> dict[str, Column[LicenseRecord]]:
    """Every column of the list by its name."""
    columns: tuple[Column[LicenseRecord], ...] = (
        Column("LICENSE", lambda each: show_license_number(each.number), ("license_number",)),
        Column("LICENSEE", lambda each: each.licensee or "-", ("licensee",)),
        Column("PRODUCT", lambda each: each.product),
        Column("EDITION", lambda each: each.edition or "-", ("edition",)),
        Column("SEATS", lambda each: f"{each.seats_used} of {each.seats}", ("seats_used", "seats")),
        Column("ENDS", lambda each: show_end(each, short=True), ("valid_until",)),
        Column("STATUS", lambda each: state_of(each, now)),
        Column("REFERENCE", lambda each: each.reference or "-", ("reference",)),
        Column("LABELS", lambda each: ", ".join(each.labels) or "-"),
        Column("CONTACT", lambda each: each.contact or "-", ("contact",)),
        Column("SOLD", lambda each: day(each.valid_from, short=True), ("valid_from",)),
        Column("NOTE", lambda each: each.note or "-", ("note",)),
    )
    return {column.title.lower(): column for column in columns}


_COLUMNS = tuple(columns_of_list(0))
DEFAULT_COLUMNS = _COLUMNS[:7]
SORTS: dict[str, Callable[[LicenseRecord], Any]] = {
    "license": lambda each: each.number,
    "licensee": lambda each: each.licensee.casefold(),
    "product": lambda each: (each.product.casefold(), each.edition.casefold()),
    "ends": lambda each: _NEVER if each.ends_at is None else each.ends_at,
    "reference": lambda each: each.reference.casefold(),
    "sold": lambda each: each.valid_from,
}


class _Columns(click.ParamType[tuple[str, ...]]):
    name = "columns"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, ...]:
        names = tuple(value.lower().replace(" ", "").split(","))
        for name in names:
            if name not in _COLUMNS:
                self.fail(f"{name!r} is no column. There is {', '.join(_COLUMNS)}", param, ctx)
        return names


@license.command(name="list")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@filter_options()
@click.option(
    "--sort", type=click.Choice(tuple(SORTS)), default="license", help="What sorts the list."
)
@click.option("--reverse", is_flag=True, help="The last one first.")
@click.option("--columns", type=_Columns(), metavar="NAME,...", help=f"Of {', '.join(_COLUMNS)}.")
@click.option(
    "--rows",
    type=click.IntRange(1),
    help=f"Rows of a page. Default: {_PAGE} in a terminal, or all.",
)
@click.option("--page", type=click.IntRange(1), default=1, help="Which page.")
@click.pass_obj
def list_(
    settings: Settings,
    words: tuple[str, ...],
    filters: Filters,
    sort: str,
    reverse: bool,
    columns: tuple[str, ...] | None,
    rows: int | None,
    page: int,
) -> None:
    """List licenses. Example: keyferry-admin license list Acme --ends-before 2027-03-31

    Each WORD is a part of the number, licensee, contact, reference, product, edition, or a label,
    in capitals or not. A license is listed if it has every WORD and matches every filter.
    """
    licenses, filters = settings.stack.licenses, replace(filters, words=words)
    columns = columns or DEFAULT_COLUMNS
    searched = [name for name in SEARCHED if name in (*columns, sort)]
    watch = watch_seats(settings.output)
    matches = find_sold(licenses, filters, settings.now, searched, watch)
    matches.sort(key=SORTS[sort], reverse=reverse)
    in_terminal = settings.output.is_terminal and not settings.output.as_json
    rows = rows or (_PAGE if in_terminal or page > 1 else max(1, len(matches)))
    first = (page - 1) * rows
    shown = matches[first : first + rows]
    if page > 1 and not shown:
        raise click.UsageError(f"There is no page {page}: {_count(matches)} found.")
    if settings.output.as_json:
        rows_read = licenses.read(license.number for license in shown)
    else:
        use = ("seats_used", *(("note",) if "note" in columns else ()))  # all that a column shows
        rows_read = licenses.with_use(shown, use)
    whole = {license.number: license for license in rows_read}
    available = columns_of_list(settings.now)
    listing = Listing(
        "licenses",
        lambda each: as_json(each) | {"state": state_of(each, settings.now)},
        tuple(available[name] for name in columns),
    )
    settings.output.listing(
        listing,
        [whole[license.number] for license in shown if license.number in whole],
        footer=_footer(matches, first, len(shown), page) if matches else no_match(filters),
        total=len(matches),
    )


def _footer(matches: list[LicenseRecord], first: int, shown: int, page: int) -> str:
    last = first + shown
    if shown == len(matches):
        return f"{_count(matches)}."
    following = f" Next: --page {page + 1}" if last < len(matches) else ""
    return f"{first + 1:,} to {last:,} of {_count(matches)}.{following}"


def no_match(filters: Filters) -> str:
    if filters == Filters():
        return "No license yet. Make one:  keyferry-admin license create --help"
    return "No license matches."


def _count(matches: list[LicenseRecord]) -> str:
    return "1 license" if len(matches) == 1 else f"{len(matches):,} licenses"
