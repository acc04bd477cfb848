"""`keyferry deactivate`: end a license here, so that its seat is free for another computer."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.confirm import confirm, yes_option
from keyferry.cli.request_output import hand_out, machine_name_option, output_option, wish_for
from keyferry.cli.save_file import check_output
from keyferry.cli.settings import Settings
from keyferry.request import find
from keyferry_protocol.activation import parse_license_number, show_license_number
from keyferry_protocol.messages import message


@click.command("deactivate", cls=KeyferryCommand)
@click.argument("license_number")
@output_option
@machine_name_option
@yes_option
@click.pass_obj
def command(
    settings: Settings, license_number: str, output: str, machine_name: str | None, yes: bool
) -> None:
    """Stop using a license here and make the request file that frees its seat.

    Example: keyferry deactivate 015.120.020.093
    """
    number = parse_license_number(license_number)
    check_output(output)
    wish = wish_for(settings, number, "deactivate")
    find(wish, settings.where)  # nothing is asked about a license that is not here
    if not yes:
        settings.terminal.warn(message("terminal.deactivate-warns", product=settings.product))
    question = message("terminal.deactivate-asks", number=show_license_number(number))
    if confirm(settings, question, yes):
        hand_out(settings, wish, output, machine_name)
