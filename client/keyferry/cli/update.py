"""`keyferry update`: ask for the current terms of a license."""

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.request_output import machine_name_option, output_option, write_request
from keyferry.cli.settings import Settings
from keyferry.request_options import RequestOptions
from keyferry_protocol.activation import parse_license_number


@click.command("update", cls=KeyferryCommand)
@click.argument("license_number")
@output_option
@machine_name_option
@click.pass_obj
def command(settings: Settings, license_number: str, output: str, machine_name: str | None) -> None:
    """Make a request file that asks for changes of an active license."""
    number = parse_license_number(license_number)
    options = RequestOptions(number, "update", settings.product_version, machine_name=machine_name)
    write_request(settings, options, settings.installation(), output)
