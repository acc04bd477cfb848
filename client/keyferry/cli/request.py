"""`keyferry request`: ask to activate a license on this computer."""

import os
from typing import Any, BinaryIO

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.dongle_prompts import dongle_option
from keyferry.cli.request_output import (
    check_output,
    machine_name_option,
    output_option,
    write_request,
)
from keyferry.cli.settings import Settings
from keyferry.request import own_seat
from keyferry.request_options import RequestOptions
from keyferry_protocol.activation import (
    parse_activation_code,
    parse_license_number,
    show_license_number,
)
from keyferry_protocol.components import PROTECTIONS
from keyferry_protocol.messages import message
from keyferry_protocol.typed_text import decode_text, plain_separators

CODE_VARIABLE = "KEYFERRY_ACTIVATION_CODE"
MAX_CODE_FILE = 4096  # bytes: in UTF-16 a code has 74, and blank lines may follow it


class SeatNumber(click.IntRange):
    """A seat number from 1, as copied from a page or an email."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert it without the unseen characters around it."""
        if isinstance(value, str):
            value = plain_separators(value).strip()
        return super().convert(value, param, ctx)


@click.command("request", cls=KeyferryCommand)
@click.argument("license_number")
@click.option("--activation-code-file", type=click.File("rb"))
@click.option("--protection", type=click.Choice(PROTECTIONS), default="machine", show_default=True)
@dongle_option
@output_option
@machine_name_option
@click.option(
    "--replaces-seat",
    type=SeatNumber(min=1),
    metavar="N",
)
@click.option("--no-choose-seat", is_flag=True)
@click.pass_obj
def command(
    settings: Settings,
    license_number: str,
    activation_code_file: BinaryIO | None,
    protection: str,
    serial: str | None,
    output: str,
    machine_name: str | None,
    replaces_seat: int | None,
    no_choose_seat: bool,
) -> None:
    """Make a request file that asks to activate a license here."""
    number = parse_license_number(license_number)
    check_output(output)
    installation = settings.installation()
    if replaces_seat is None:
        replaces_seat = own_seat(number, protection, installation)
        if replaces_seat is not None:
            shown = show_license_number(number)
            text = message("terminal.own-seat", n=replaces_seat, number=shown)
            settings.terminal.warn(text)
    code = parse_activation_code(_read_code(settings, activation_code_file), number)
    settings.options["dongle"] = serial
    options = RequestOptions(
        number,
        "activate",
        settings.product_version,
        protection,
        replaces_seat,
        choose_seat=not no_choose_seat,
        code=code,
        machine_name=machine_name,
    )
    write_request(settings, options, installation, output)


def _read_code(settings: Settings, file: BinaryIO | None) -> str:
    if file is not None:
        return decode_text(file.read(MAX_CODE_FILE))
    code = os.environ.get(CODE_VARIABLE, "")
    if code:
        return code
    if not settings.is_interactive:
        raise click.UsageError(message("terminal.usage.code"), click.get_current_context())
    typed: str = click.prompt(message("terminal.activation-code"), err=True)
    return typed
