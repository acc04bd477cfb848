"""`keyferry list`: every license on this computer, in the order they are tried."""

from collections.abc import Sequence

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.licenses_document import licenses_document
from keyferry.cli.settings import Settings
from keyferry.list_licenses import list_licenses
from keyferry.views.columns import NO_LIMIT, columns_of, table, window_columns, wrap
from keyferry.views.license_status import end_date, short_status
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.messages import message

COLUMNS = tuple(f"terminal.list-{name}" for name in ("license", "product", "status", "ends"))


@click.command("list", cls=KeyferryCommand)
@click.pass_obj
def command(settings: Settings) -> None:
    """Show every license on this computer, in the order in which they are tried."""
    rows = list_licenses(settings.installation())
    settings.terminal.document(licenses_document(rows, settings.page))
    if not rows:
        return settings.terminal.line(message("terminal.first-step", none=message("terminal.none")))
    lines = [("", *map(message, COLUMNS))]
    for order, row in enumerate(rows, 1):
        number = show_license_number(row.number)
        lines.append((f"{order}.", number, row.product, short_status(row), end_date(row)))
    columns = window_columns()
    if columns == NO_LIMIT or max(map(columns_of, table(lines))) <= columns:
        lines_to_print = table(lines)
    else:
        lines_to_print = [line for row in lines[1:] for line in _below_each_other(row, columns)]
    for line in lines_to_print:
        settings.terminal.line(line)
    return None


def _below_each_other(row: Sequence[str], columns: int) -> list[str]:
    """One license in a narrow window."""
    order, number, *texts = row
    indent = " " * len(f"{order} ")
    lines = [f"{order} {number}"]
    for column, text in zip(COLUMNS[1:], texts, strict=True):
        fact = message("terminal.list-fact", name=message(column), text=text)
        lines += wrap(indent + fact, columns, indent + "  ")
    return lines
