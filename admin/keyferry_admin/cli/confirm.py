"""What a command asks before it changes anything: docs/operations/consent.md has the rule.

Who takes rights away types what they are taken from: the number of the one license, how many
licenses they are, or the id of a key. Everything else that is asked is a yes or no.
"""

import sys
from collections.abc import Sequence

import click

from keyferry_admin.cli.license_terms import changes_as_json, differences, heading
from keyferry_admin.cli.output import Output, aligned, count_of, mark
from keyferry_admin.errors.commands import NotConfirmed, TakesRightsAway
from keyferry_admin.use_cases.plan_changes import Pair
from keyferry_protocol.activation import parse_license_number
from keyferry_protocol.errors import KeyferryError
from keyferry_service.domain.license import LicenseRecord

yes_option = click.option("--yes", is_flag=True, help="Do not ask (for scripts).")
shorten_option = click.option(
    "--shorten", is_flag=True, help="Let --yes take rights away, too (for scripts)."
)


def require_shorten(reductions: Sequence[Pair], yes: bool, shorten: bool) -> None:
    """Raises TakesRightsAway if a script did not say that it means to take rights away."""
    if not (reductions and yes) or shorten:
        return
    before, after = reductions[0]
    number = f"license {before.number}"
    whose = number if len(reductions) == 1 else f"{_licenses(reductions)}, the first one {number}"
    changes = "; ".join(f"{label}: {text}" for label, text in differences(before, after))
    raise TakesRightsAway(
        f"This takes rights away from {whose}. {changes}".rstrip(". "),
        changes=[
            {"license_number": pair[0].number, "changes": changes_as_json(*pair)}
            for pair in reductions
        ],
    )


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
    _require_number(_ask_to_type(output, "the license number", action, warning, before), license)


def confirm_key(output: Output, keyid: str, action: str, warning: Sequence[str], yes: bool) -> None:
    """Return only with --yes or if the user types the key id. Raises NotConfirmed."""
    typed = "" if yes else _ask_to_type(output, "the key's id", action, warning)
    if not yes and typed.strip().lower() != keyid:
        raise NotConfirmed("That is not the id of this key")


def confirm_many(
    output: Output,
    plan: Sequence[str],
    warning: Sequence[str],
    losers: Sequence[LicenseRecord],
    action: str,
    yes: bool,
) -> None:
    """Return only with --yes, or if the user confirms the plan. Raises NotConfirmed.

    `losers` are the licenses that it takes rights away from.
    """
    if yes:
        return
    if not losers:
        confirm_yes(output, [*plan, *warning], f"{action.capitalize()}?")
    elif len(losers) == 1:
        name = "the number of the license that loses rights"
        _require_number(_ask_to_type(output, name, action, warning, plan), losers[0])
    else:
        name = "how many licenses lose rights"
        typed = _ask_to_type(output, name, action, warning, plan)
        if typed.strip().replace(",", "") != str(len(losers)):
            raise NotConfirmed(f"That is not {len(losers):,}")


def confirm_yes(output: Output, lines: Sequence[str], question: str) -> None:
    """Return only if the user answers yes. Raises NotConfirmed."""
    answer = _ask(output, [*lines, f"{question} [y/N] "], "This has to be confirmed")
    if answer.strip().lower() not in ("y", "yes"):
        raise NotConfirmed("The answer was not yes")


def _ask_to_type(
    output: Output, name: str, action: str, warning: Sequence[str], before: Sequence[str] = ()
) -> str:
    first, *more = warning
    lines = [*before, f"{mark('warning')} {first}", *more]
    lines[-1] += f" Type {name} to {action}: "
    return _ask(output, lines, "This takes rights away")


def _ask(output: Output, lines: Sequence[str], reason: str) -> str:
    if output.as_json or not sys.stdin.isatty():
        raise NotConfirmed(f"{reason}, and no one is here to confirm it")
    print("\n".join(lines), end="", flush=True)
    try:
        return input()
    except EOFError:
        return ""


def _require_number(typed: str, license: LicenseRecord) -> None:
    if number_or_empty(typed) != license.number:
        raise NotConfirmed("That is not the number of this license")


def number_or_empty(text: str) -> str:
    try:
        return parse_license_number(text)
    except KeyferryError:
        return ""


def _licenses(pairs: Sequence[Pair]) -> str:
    return count_of(len(pairs), "license")
