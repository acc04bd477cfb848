"""`keyferry prefer`: which license is tried first."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.settings import Settings
from keyferry.manage import prefer
from keyferry_protocol.activation import parse_license_number, show_license_number
from keyferry_protocol.messages import message


@click.command("prefer", cls=KeyferryCommand)
@click.argument("license_number")
@click.pass_obj
def command(settings: Settings, license_number: str) -> None:
    """Try this license before the others."""
    number = parse_license_number(license_number)
    order = prefer(number, settings.state_dirs)
    settings.terminal.good(message("terminal.preferred", number=show_license_number(number)))
    settings.terminal.document({"ok": True, "license_number": number, "order": order})
