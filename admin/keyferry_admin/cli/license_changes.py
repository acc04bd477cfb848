"""`keyferry-admin license`: suspend, resume, revoke, extend, change, allow-move, new-code."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.confirm import confirm, yes_option
from keyferry_admin.cli.license import (
    ENVIRONMENT_WARNINGS,
    as_json,
    letter_option,
    license,
    print_code,
    summary,
    vendor_fact_options,
    with_letter,
)
from keyferry_admin.cli.output import count_of, day, mark
from keyferry_admin.cli.parameters import AddressOrNone, Feature, LicenseNumber, Moment
from keyferry_admin.use_cases import change_license, licenses
from keyferry_protocol.components import LICENSABLE_ENVIRONMENTS, PROTECTIONS
from keyferry_service.domain.license import DAY, LicenseRecord, Seat, Status

__all__ = ["license"]  # the group, including the commands in this file


@license.command()
@click.argument("number", type=LicenseNumber())
@yes_option
@click.pass_obj
def suspend(settings: Settings, number: str, yes: bool) -> None:
    """Put a license on hold. Example: keyferry-admin license suspend 015120020093"""
    _confirm_reach(settings, number, "suspend", yes)
    _print(settings, change_license.set_status(settings.stack.licenses, number, Status.SUSPENDED))


@license.command()
@click.argument("number", type=LicenseNumber())
@click.pass_obj
def resume(settings: Settings, number: str) -> None:
    """Lift the hold. Example: keyferry-admin license resume 015120020093"""
    _print(settings, change_license.set_status(settings.stack.licenses, number, Status.ACTIVE))


@license.command()
@click.argument("number", type=LicenseNumber())
@yes_option
@click.pass_obj
def revoke(settings: Settings, number: str, yes: bool) -> None:
    """Revoke a license permanently. Example: keyferry-admin license revoke 015120020093"""
    _confirm_reach(settings, number, "revoke", yes)
    after = change_license.set_status(settings.stack.licenses, number, Status.REVOKED)
    _print(settings, after, "New versions refuse it too with:  keyferry-admin keys export")


@license.command()
@click.argument("number", type=LicenseNumber())
@click.option("--until", type=Moment(), required=True, help="Its new last day.")
@yes_option
@click.pass_obj
def extend(settings: Settings, number: str, until: int, yes: bool) -> None:
    """Set when a license ends.

    Example: keyferry-admin license extend 015120020093 --until 2028-11-30

    Computers learn of it with their next update request.
    """
    _change(settings, number, {"valid_until": until}, yes)


@license.command()
@click.argument("number", type=LicenseNumber())
@click.option("--seats", type=int, help="Number of computers at the same time.")
@click.option(
    "--contact", type=AddressOrNone(), help="Is mailed when a seat goes to another computer."
)
@vendor_fact_options
@click.option("--edition", help="For example Professional.")
@click.option(
    "--feature",
    "features",
    type=Feature(),
    multiple=True,
    help="Replaces all granted features. Repeatable.",
)
@click.option("--until", "valid_until", type=Moment(), help="Last day.")
@click.option("--maintenance-until", type=Moment(), help="Versions released later do not run.")
@click.option("--lease", "lease_days", type=int, metavar="DAYS", help="How often to update.")
@click.option("--moves-per-year", type=int, help="Moves to another computer allowed each year.")
@click.option(
    "--protection",
    "protections",
    type=click.Choice(PROTECTIONS),
    multiple=True,
    help="All that are allowed. Repeatable.",
)
@click.option(
    "--environment",
    "environments",
    type=click.Choice(LICENSABLE_ENVIRONMENTS),
    multiple=True,
    help="All that are allowed; physical is always. Repeatable.",
)
@yes_option
@click.pass_obj
def change(
    settings: Settings,
    /,
    number: str,
    yes: bool,
    labels: tuple[str, ...] | None,
    **terms: Any,
) -> None:
    """Change terms of a license. Example: keyferry-admin license change 015120020093 --seats 5

    Computers learn of it with their next update request. A request file that was refused for one
    of these terms goes through when it is chosen again.
    """
    changed = {name: value for name, value in terms.items() if value not in (None, ())}
    if labels is not None:
        changed["labels"] = labels
    if not changed:
        raise click.UsageError("Say what is to change, for example --seats 5.")
    if "features" in changed:
        changed["features"] = dict(changed["features"])
    for name, always in {"protections": (), "environments": ("physical",)}.items():
        if name in changed:
            changed[name] = tuple(dict.fromkeys((*always, *changed[name])))
    _change(settings, number, changed, yes)


@license.command(name="allow-move")
@click.argument("number", type=LicenseNumber())
@click.pass_obj
def allow_move(settings: Settings, number: str) -> None:
    """Allow one more move. Example: keyferry-admin license allow-move 015120020093

    The customer can then choose the refused request file again.
    """
    after = change_license.allow_move(settings.stack.licenses, number)
    _print(settings, after, f"Moves left now: {after.moves_left(settings.now)}.")


@license.command(name="new-code")
@click.argument("number", type=LicenseNumber())
@letter_option
@yes_option
@click.pass_obj
def new_code(settings: Settings, number: str, letter: Path | None, yes: bool) -> None:
    """Replace the activation code. Example: keyferry-admin license new-code 015120020093"""
    licenses.find(settings.stack.licenses, number)
    warning = [
        "The old code no longer works.",
        "  Computers that are already active stay active.",
    ]
    confirm(settings.output, number, "replace its code", warning, yes)
    created = with_letter(
        settings,
        letter,
        lambda: change_license.replace_code(settings.stack.licenses, number),
        is_new_code=True,
    )
    print_code(settings, created, letter, [])


def _change(settings: Settings, number: str, terms: dict[str, Any], yes: bool) -> None:
    before = licenses.find(settings.stack.licenses, number)
    if change_license.reduces_rights(before, replace(before, **terms)):
        _confirm_reach(settings, number, "change", yes)
    after = change_license.change(
        settings.stack.licenses, number, lambda license: replace(license, **terms)
    )
    added = [name for name in after.environments if name not in before.environments]
    _print(settings, after, warnings=[ENVIRONMENT_WARNINGS[name] for name in added])


def _confirm_reach(settings: Settings, number: str, action: str, yes: bool) -> None:
    """Print what keeps working on customers' machines, and return only if the user confirms."""
    license = licenses.find(settings.stack.licenses, number)
    seats = [seat for seat in settings.stack.licenses.seats(number) if seat.taken]
    confirm(settings.output, number, action, _reach(license, seats), yes)


def _reach(license: LicenseRecord, seats: list[Seat]) -> list[str]:
    if not seats:
        return ["Not in use on any computer."]
    one = len(seats) == 1
    lines = [
        f"In use on {count_of(len(seats), 'computer')}. "
        f"{'It goes' if one else 'They go'} on working there "
    ]
    ends = [seat.valid_until for seat in seats]
    if license.lease_days is not None:
        last = max(seat.last_response_at for seat in seats) + license.lease_days * DAY
        lines[0] += f"until {'it' if one else 'they'} must check in,"
        lines.append(f"  {day(last)}.")
    elif None not in ends:
        lines[0] += f"until {'it ends' if one else 'they end'},"
        lines.append(f"  {day(max(end for end in ends if end is not None))}.")
    else:
        lines[0] += "without end:"
        lines.append("  a license without a lease never has to check in.")
    return lines


def _print(
    settings: Settings, after: LicenseRecord, next_line: str = "", warnings: Sequence[str] = ()
) -> None:
    lines = [f"{mark('ok')} {summary(after)}", *([f"  {next_line}"] if next_line else [])]
    lines += [f"{mark('warning')} {warning}" for warning in warnings]
    settings.output.result(lines, {"license": as_json(after), "warnings": list(warnings)})
