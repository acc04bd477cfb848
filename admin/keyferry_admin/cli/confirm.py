"""What takes rights away is asked for with the number or id of what it is about."""

import sys
from collections.abc import Sequence

import click

from keyferry_admin.cli.output import Output, mark
from keyferry_admin.errors import NotConfirmed
from keyferry_protocol.activation import parse_license_number
from keyferry_protocol.errors import KeyferryError

yes_option = click.option("--yes", is_flag=True, help="Do not ask (for scripts).")


def confirm(output: Output, number: str, deed: str, warning: Sequence[str], yes: bool) -> None:
    """Go on only with --yes or where the number is typed. Raises NotConfirmed."""
    if not yes and _read_number(_typed(output, "the license number", deed, warning)) != number:
        raise NotConfirmed("That is not the number of this license")


def confirm_key(output: Output, keyid: str, deed: str, warning: Sequence[str], yes: bool) -> None:
    """Go on only with --yes or where the key's id is typed. Raises NotConfirmed."""
    if not yes and _typed(output, "the key's id", deed, warning).strip().lower() != keyid:
        raise NotConfirmed("That is not the id of this key")


def _typed(output: Output, name: str, deed: str, warning: Sequence[str]) -> str:
    if output.as_json or not sys.stdin.isatty():
        raise NotConfirmed("This takes rights away, and nobody is here to confirm it")
    first, *more = warning
    lines = [f"{mark('warning')} {first}", *more]
    lines[-1] += f" Type {name} to {deed}: "
    print("\n".join(lines), end="", flush=True)
    try:
        return input()
    except EOFError:
        return ""


def _read_number(typed: str) -> str:
    try:
        return parse_license_number(typed)
    except KeyferryError:
        return ""
