"""`keyferry cancel`: discard a pending request."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.settings import Settings
from keyferry.manage import cancel
from keyferry_protocol.activation import parse_license_number, show_license_number
from keyferry_protocol.messages import message


@click.command("cancel", cls=KeyferryCommand)
@click.argument("license_number")
@click.pass_obj
def command(settings: Settings, license_number: str) -> None:
    """Cancel a waiting request. If it was already answered, its seat stays taken."""
    number = parse_license_number(license_number)
    cancel(number, settings.own_state_dirs(number))
    settings.terminal.good(message("terminal.cancelled", number=show_license_number(number)))
    settings.terminal.document({"ok": True, "license_number": number, "state": "cancelled"})
