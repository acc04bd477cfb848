"""`keyferry status`: a sentence about each license; the exit code tells what `load` would do."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.licenses_document import licenses_document
from keyferry.cli.settings import Settings
from keyferry.list_licenses import Row, list_licenses
from keyferry.load_license import load_license
from keyferry.times import local_time
from keyferry.views.license_status import long_status
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
        licenses_document(rows) | {"key_set_sha256": settings.key_set_sha256}
    )
    for row in rows:
        settings.terminal.line(f"{show_license_number(row.number)}  {long_status(row)}")
        for sentence in _details(row):
            settings.terminal.line(INDENT + sentence)
    if not rows:
        settings.terminal.line(message("terminal.none"))
    try:
        load_license(installation)
    except KeyferryError as error:
        return error.exit
    return 0


def _details(row: Row) -> list[str]:
    sentences = []
    if row.state != "pending" and row.request is not None:
        moment = local_time(row.request.created_at)
        sentences.append(message("terminal.status.updating", moment=moment))
    if row.request is not None and row.request_path:
        sentences.append(message("terminal.request-file", path=row.request_path))
    if row.error is not None:
        sentences.append(row.error.next_step)
    return sentences
