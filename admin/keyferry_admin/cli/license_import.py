"""`keyferry-admin license`: import."""

from pathlib import Path

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.license import license
from keyferry_admin.cli.new_licenses import (
    CodePlaces,
    code_options,
    different,
    different_as_json,
    made_lines,
    make_licenses,
    require_good,
    unknown_products,
)
from keyferry_admin.cli.new_product import new_product_option
from keyferry_admin.cli.output import aligned, count_of, mark, require_reader
from keyferry_admin.cli.words import Words
from keyferry_admin.use_cases.code_file import read_codes
from keyferry_admin.use_cases.license_columns import BY_NAME, NUMBER
from keyferry_admin.use_cases.license_rows import LicenseRows, read_licenses
from keyferry_admin.use_cases.plan_licenses import Plan, plan_licenses


def _our_columns(_: click.Context, __: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    """Our column by the title in the file, from TITLE=COLUMN."""
    ours = {}
    for pair in pairs:
        title, equals, name = pair.rpartition("=")
        if not equals or name not in (NUMBER, *BY_NAME):
            columns = ", ".join((NUMBER, *BY_NAME))
            raise click.BadParameter(f"{pair!r} is not TITLE=COLUMN, with one of {columns}")
        ours[title.strip()] = name
    return ours


@license.command(name="import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@code_options
@click.option(
    "--column",
    "ours",
    multiple=True,
    metavar="TITLE=COLUMN",
    callback=_our_columns,
    help="The title in the file of one of our columns. Repeatable.",
)
@click.option(
    "--reference",
    metavar="TITLE",
    help="The title of the column with the old number, which becomes the reference.",
)
@click.option("--product", default="", help="The product of rows that name none.")
@click.option("--dry-run", is_flag=True, help="Say what it would make, and make nothing.")
@new_product_option
@click.pass_obj
def import_(
    settings: Settings,
    file: Path,
    codes: Path | None,
    letters: Path | None,
    words: Words,
    ours: dict[str, str],
    reference: str | None,
    product: str,
    dry_run: bool,
    new_product: bool,
) -> None:
    """Make a license for each row of a CSV file.

    Example: keyferry-admin license import licenses.csv --codes codes.csv --letters letters

    All rows are checked before the first license is made. If it is interrupted, run the same
    command again: rows whose license exists are skipped, by license_number or else by reference.
    It never changes a license; `keyferry-admin apply` does.
    """
    if codes is None and not dry_run:
        raise click.UsageError("Say where the activation codes go: --codes FILE")
    require_reader()
    if reference is not None:
        ours[reference] = "reference"
    table = read_licenses(file, ours, product)
    known = {} if codes is None else read_codes(codes)
    plan = plan_licenses(settings.stack.licenses, table.rows, table.bad, known, settings.now)
    if dry_run:
        _say_plan(settings, file, table, plan)
        return
    require_good(settings, plan, file, new_product)
    assert codes is not None
    places = CodePlaces(codes, letters, words, known)
    written = make_licenses(settings, plan, places)
    document = {
        "created": len(plan.new),
        "existing": len(plan.matches),
        "different": different_as_json(plan.changes),
        "codes": str(codes.resolve()),
        "letters": None if letters is None else str(letters.resolve()),
        "letters_written": written,
    }
    lines = made_lines(len(plan.new), plan, places, written)
    settings.output.result([*lines, *_existing(plan)], document)


def _say_plan(settings: Settings, file: Path, table: LicenseRows, plan: Plan) -> None:
    """Print what would be made. Raises BadRows."""
    lines = [
        f"{file}: {count_of(len(plan.new), 'license')} would be made.",
        *(f"  {line}" for line in aligned([(n, f"{c:,}") for n, c in plan.products.items()])),
        *_existing(plan),
        *different(plan.changes),
    ]
    if plan.unknown_products:
        names = unknown_products(plan)
        lines.append(f"{mark('warning')} No license has these products yet: {names}.")
        lines.append("  If they are new, import with --new-product.")
    if table.ignored:
        lines.append(f"Columns that are not read: {', '.join(table.ignored)}")
    document = {
        "created": 0,
        "to_create": len(plan.new),
        "existing": len(plan.matches),
        "different": different_as_json(plan.changes),
        "products": dict(plan.products),
        "unknown_products": plan.unknown_products,
        "columns_not_read": table.ignored,
    }
    if not (plan.bad and settings.output.as_json):
        settings.output.result(lines, document)
    require_good(settings, plan, file, is_new_product=True)


def _existing(plan: Plan) -> list[str]:
    """How many licenses exist already, with the same terms and with others."""
    same, others = len(plan.matches) - len(plan.changes), len(plan.changes)
    return [
        f"{count_of(count, 'license')} {'exists' if count == 1 else 'exist'} already with {terms}"
        for count, terms in (
            (same, "the same terms: unchanged."),
            (others, "other terms: not changed."),
        )
        if count
    ]
