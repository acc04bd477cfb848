"""`keyferry-admin license`: history, undo."""

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.changes import CHANGES, change_as_json, changes_back, undo_warning
from keyferry_admin.cli.confirm import (
    confirm,
    confirm_yes,
    require_shorten,
    shorten_option,
    yes_option,
)
from keyferry_admin.cli.license import license
from keyferry_admin.cli.license_terms import as_json, heading, summary
from keyferry_admin.cli.output import aligned, mark
from keyferry_admin.cli.parameters import LicenseNumber
from keyferry_admin.use_cases import licenses, undo


@license.command()
@click.argument("number", type=LicenseNumber())
@click.pass_obj
def history(settings: Settings, number: str) -> None:
    """List every change you made to a license.

    Example: keyferry-admin license history 015120020093

    It says who made each one, by the AWS credentials. Responses are not changes:
    `keyferry-admin request list NUMBER` shows them.
    """
    licenses.find(settings.stack.licenses, number)
    changes = settings.stack.licenses.changes(number)
    footer = "" if changes else "No change is recorded. Releases up to 0.9 recorded none."
    settings.output.listing(CHANGES, changes, footer=footer, license_number=number)


@license.command(name="undo")
@click.argument("number", type=LicenseNumber())
@shorten_option
@yes_option
@click.pass_obj
def undo_(settings: Settings, number: str, shorten: bool, yes: bool) -> None:
    """Undo the last change of a license. Example: keyferry-admin license undo 015120020093

    Run it again to undo the change before that.
    """
    table = settings.stack.licenses
    before = licenses.find(table, number)
    change = undo.find_undoable(table, before)
    warning, changes = undo_warning(table, before, change, settings.now), changes_back(change)
    if undo.takes_rights_away(before, change, settings.now):
        require_shorten([(before, change.undone(before))], yes, shorten)
        confirm(settings.output, before, "undo it", warning, yes, changes)
    elif not yes:
        shown = [f"  {line}" for line in aligned(changes)]
        confirm_yes(settings.output, [heading(before), *shown, *warning], "Undo it?")
    after = undo.undo(table, number, change)
    settings.output.result(
        [f"{mark('ok')} {summary(after)}"],
        {"license": as_json(after), "undone": change_as_json(change)},
    )
