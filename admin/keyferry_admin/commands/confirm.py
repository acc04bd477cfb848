"""What takes rights away is asked for with the license number."""

import sys
from collections.abc import Sequence

import click

from keyferry_admin.errors import NotConfirmed
from keyferry_admin.output import Output, mark
from keyferry_protocol.activation import parse_license_number
from keyferry_protocol.errors import KeyferryError

yes_option = click.option("--yes", is_flag=True, help="Do not ask (for scripts).")


def confirm(output: Output, number: str, deed: str, warning: Sequence[str], yes: bool) -> None:
    """Go on only with --yes or where the number is typed. Raises NotConfirmed."""
    if yes:
        return
    if output.as_json or not sys.stdin.isatty():
        raise NotConfirmed("This takes rights away, and nobody is here to confirm it")
    first, *more = warning
    lines = [f"{mark('warning')} {first}", *more]
    lines[-1] += f" Type the license number to {deed}: "
    print("\n".join(lines), end="", flush=True)
    try:
        typed = parse_license_number(input())
    except (KeyferryError, EOFError):
        typed = ""
    if typed != number:
        raise NotConfirmed("That is not the number of this license")
