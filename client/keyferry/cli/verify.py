"""`keyferry verify`: whether a response file is genuine, on any computer."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.settings import Settings
from keyferry.files.read_responses import read_response
from keyferry.views.license_status import terms_line
from keyferry.views.repair_note import repair_note
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list


@click.command("verify", cls=KeyferryCommand)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.pass_obj
def command(settings: Settings, file: str) -> None:
    """Check that the vendor signed a response file. Works on any computer."""
    keys = settings.keys
    response, _, _, repairs, _ = read_response(file, keys)
    algorithms = comma_list(keys.require)
    settings.terminal.good(message("terminal.genuine", n=len(keys.require), algorithms=algorithms))
    number = show_license_number(response.license.number)
    if response.is_receipt:
        settings.terminal.line(f"  {message('terminal.receipt-of', number=number)}")
    else:
        of_license = message("terminal.terms-of", number=number, terms=terms_line(response))
        settings.terminal.line(f"  {of_license}")
    settings.terminal.line(f"  {message('terminal.seat', n=response.seat)}")
    if repairs:
        settings.terminal.line(repair_note(repairs))
    settings.terminal.document(
        {
            "ok": True,
            "genuine": True,
            "algorithms": list(keys.require),
            "kind": response.kind,
            "license_number": response.license.number,
            "serial": response.serial,
            "seat": response.seat,
            "key_set_sha256": settings.key_set_sha256,
            "repaired": list(repairs),
        }
    )
