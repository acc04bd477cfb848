"""`keyferry remove`: remove a license from this computer."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.confirm import confirm, yes_option
from keyferry.cli.settings import Settings
from keyferry.manage import kept_request, remove
from keyferry.store.folder import Folder
from keyferry.store.own_folders import shared_folder
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
    state_dirs = settings.state_dirs
    kept = kept_request(number, state_dirs)
    if not kept:
        another = shared_folder(settings.own_state_dirs(number), number)
        if another is not None:
            warning = message("terminal.remove-warns.another", number=shown, path=another)
            settings.terminal.warn(warning)
        elif any(Folder(root, number).holds_license() for root in state_dirs):
            settings.terminal.warn(message("terminal.remove-warns", number=shown))
        if not confirm(settings, message("terminal.remove-asks", number=shown), yes):
            return
        kept = remove(number, state_dirs)
    if kept:
        settings.terminal.warn(message(f"terminal.remove-keeps.{kept}", number=shown))
    else:
        settings.terminal.good(message("terminal.removed", number=shown))
    state = "kept" if kept else "removed"
    settings.terminal.document({"ok": True, "license_number": number, "state": state})
