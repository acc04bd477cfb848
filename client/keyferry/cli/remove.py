"""`keyferry remove`: remove a license from this computer."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.confirm import confirm, yes_option
from keyferry.cli.settings import Settings
from keyferry.manage import remove
from keyferry.store.folder import Folder
from keyferry_protocol.activation import parse_license_number, show_license_number
from keyferry_protocol.messages import message


@click.command("remove", cls=KeyferryCommand)
@click.argument("license_number")
@yes_option
@click.pass_obj
def command(settings: Settings, license_number: str, yes: bool) -> None:
    """Remove a license from this computer. To free its seat, deactivate it."""
    number = parse_license_number(license_number)
    shown = show_license_number(number)
    if any(Folder(root, number).holds_license() for root in settings.state_dirs):
        settings.terminal.warn(message("terminal.remove-warns", number=shown))
    if confirm(settings, message("terminal.remove-asks", number=shown), yes):
        remove(number, settings.state_dirs)
        settings.terminal.good(message("terminal.removed", number=shown))
        settings.terminal.document({"ok": True, "license_number": number, "state": "removed"})
