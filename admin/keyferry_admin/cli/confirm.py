"""A command that takes rights away asks the user to type the number or key id it applies to."""

import sys
from collections.abc import Sequence

import click

from keyferry_admin.cli.license_terms import heading
from keyferry_admin.cli.output import Output, aligned, mark
from keyferry_admin.errors import NotConfirmed
from keyferry_protocol.activation import parse_license_number
from keyferry_protocol.errors import KeyferryError
from keyferry_service.domain.license import LicenseRecord

yes_option = click.option("--yes", is_flag=True, help="Do not ask (for scripts).")


def confirm(
    output: Output,
    license: LicenseRecord,
    action: str,
    warning: Sequence[str],
    yes: bool,
    changes: Sequence[tuple[str, str]] = (),
) -> None:
    """Return only with --yes or if the user types the license number. Raises NotConfirmed.

    The prompt says whose license it is, what changes in it, and then the warning.
    """
    if yes:
        return
    before = [heading(license), *(f"  {line}" for line in aligned(changes))]
    typed = _prompt(output, "the license number", action, warning, before)
    if number_or_empty(typed) != license.number:
        raise NotConfirmed("That is not the number of this license")


def confirm_key(output: Output, keyid: str, action: str, warning: Sequence[str], yes: bool) -> None:
    """Return only with --yes or if the user types the key id. Raises NotConfirmed."""
    if not yes and _prompt(output, "the key's id", action, warning).strip().lower() != keyid:
        raise NotConfirmed("That is not the id of this key")


def confirm_many(
    output: Output,
    plan: Sequence[str],
    warning: Sequence[str],
    count: int,
    action: str,
    yes: bool,
) -> None:
    """Return only with --yes or if the user types how many licenses change. Raises NotConfirmed."""
    if yes:
        return
    typed = _prompt(
        output, "the number of licenses", action, warning, plan, f"This changes {count:,} licenses"
    )
    if typed.strip().replace(",", "") != str(count):
        raise NotConfirmed(f"That is not {count:,}")


def _prompt(
    output: Output,
    name: str,
    action: str,
    warning: Sequence[str],
    before: Sequence[str] = (),
    reason: str = "This takes rights away",
) -> str:
    if output.as_json or not sys.stdin.isatty():
        raise NotConfirmed(f"{reason}, and no one is here to confirm it")
    first, *more = warning
    lines = [*before, f"{mark('warning')} {first}", *more]
    lines[-1] += f" Type {name} to {action}: "
    print("\n".join(lines), end="", flush=True)
    try:
        return input()
    except EOFError:
        return ""


def number_or_empty(text: str) -> str:
    try:
        return parse_license_number(text)
    except KeyferryError:
        return ""
