"""`keyferry status`: a sentence about each license; the exit code tells what `load` would do."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.licenses_document import licenses_document
from keyferry.cli.settings import Settings
from keyferry.list_licenses import list_licenses
from keyferry.load_license import load_license
from keyferry.views.columns import NO_LIMIT, window_columns, wrap
from keyferry.views.license_status import details, long_status, names_path
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.messages import message

INDENT = " " * len("015.120.020.093  ")


@click.command("status", cls=KeyferryCommand)
@click.pass_obj
def command(settings: Settings) -> int:
    """Show the state of each license. Exit code 0 means the product can be used."""
    installation = settings.installation()
    rows = list_licenses(installation)
    settings.terminal.document(
        licenses_document(rows, settings.page) | {"key_set_sha256": settings.key_set_sha256}
    )
    for row in rows:
        number = show_license_number(row.number)
        for sentence in (f"{number}  {long_status(row)}", *details(row, settings.page)):
            indented = sentence if sentence.startswith(number) else INDENT + sentence
            columns = NO_LIMIT if names_path(row, sentence) else window_columns()
            for line in wrap(indented, columns, INDENT):
                settings.terminal.line(line)
    if not rows:
        settings.terminal.line(message("terminal.first-step", none=message("terminal.none")))
    try:
        load_license(installation)
    except KeyferryError as error:
        return error.exit
    return 0
