"""`keyferry deactivate`: end a license here to free its seat for another computer."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.confirm import confirm, yes_option
from keyferry.cli.request_output import (
    check_output,
    machine_name_option,
    output_option,
    write_request,
)
from keyferry.cli.settings import Settings
from keyferry.request import find_license
from keyferry.request_options import RequestOptions
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
    """Stop using a license here and make the request file that frees its seat."""
    number = parse_license_number(license_number)
    check_output(output)
    installation = settings.installation()
    options = RequestOptions(
        number, "deactivate", settings.product_version, machine_name=machine_name
    )
    find_license(
        options, settings.own_state_dirs(number)
    )  # do not prompt for a license that is not here
    if not yes:
        settings.terminal.warn(message("terminal.deactivate-warns", product=settings.product))
    question = message("terminal.deactivate-asks", number=show_license_number(number))
    if confirm(settings, question, yes):
        write_request(settings, options, installation, output)
