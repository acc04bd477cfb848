"""`keyferry verify`: whether a response file is genuine, on any computer."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.settings import Settings
from keyferry.files.read_responses import read_repaired
from keyferry.views.repair_note import repair_note
from keyferry_protocol.envelope import RESPONSE
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list
from keyferry_protocol.response import verify_response


@click.command("verify", cls=KeyferryCommand)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.pass_obj
def command(settings: Settings, file: str) -> None:
    """Check that the vendor signed a response file. Works on any computer."""
    keys = settings.keys
    data, repairs = read_repaired(file, RESPONSE)
    response = verify_response(data, keys)
    algorithms = comma_list(keys.require)
    settings.terminal.good(message("terminal.genuine", n=len(keys.require), algorithms=algorithms))
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
            "key_set_sha256": settings.key_set_sha256,
            "repaired": list(repairs),
        }
    )
