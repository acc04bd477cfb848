"""`keyferry list`: every license on this computer, in the order they are tried."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.licenses_document import licenses_document
from keyferry.cli.settings import Settings
from keyferry.list_licenses import list_licenses
from keyferry.views.columns import table
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
        return settings.terminal.line(message("terminal.none"))
    lines = [("", *map(message, COLUMNS))]
    for order, row in enumerate(rows, 1):
        number = show_license_number(row.number)
        lines.append((f"{order}.", number, row.product, short_status(row), end_date(row)))
    for line in table(lines):
        settings.terminal.line(line)
    return None
