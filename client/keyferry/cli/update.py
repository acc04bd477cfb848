"""`keyferry update`: ask for the license as it is at the vendor's now."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.request_output import hand_out, machine_name_option, output_option, wish_for
from keyferry.cli.settings import Settings
from keyferry_protocol.activation import parse_license_number


@click.command("update", cls=KeyferryCommand)
@click.argument("license_number")
@output_option
@machine_name_option
@click.pass_obj
def command(settings: Settings, license_number: str, output: str, machine_name: str | None) -> None:
    """Make a request file that asks for changes of an active license; it keeps working meanwhile.

    Example: keyferry update 015.120.020.093 --output /media/KINGSTON
    """
    wish = wish_for(settings, parse_license_number(license_number), "update")
    hand_out(settings, wish, output, machine_name)
