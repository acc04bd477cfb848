"""One change for all licenses that filters find: shows it, asks once, and runs it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any, TypeVar

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.confirm import confirm_many, require_shorten, shorten_option, yes_option
from keyferry_admin.cli.license_terms import changes_as_json, differences
from keyferry_admin.cli.output import aligned, count_of, mark
from keyferry_admin.cli.progress import report, run_with_progress, watch_seats
from keyferry_admin.cli.renewal_outputs import Outputs
from keyferry_admin.cli.renewals import change_and_renew, report_with_renewals
from keyferry_admin.errors.commands import Interrupted
from keyferry_admin.use_cases.change_terms import write_terms
from keyferry_admin.use_cases.find import Filters, find_all
from keyferry_admin.use_cases.plan_changes import Pair, Plan
from keyferry_admin.use_cases.run_many import Run
from keyferry_protocol.activation import show_license_number
from keyferry_service.domain.license import LicenseRecord

_F = TypeVar("_F", bound=Callable[..., Any])
_ROWS = 20  # of a plan; --json has all
_GROUPS = 10

dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Only show what would change; with --json, all of it."
)


@dataclass(frozen=True, slots=True)
class Consent:
    """What the user agreed to beforehand."""

    yes: bool
    shorten: bool  # that rights are taken away is intended
    dry_run: bool


def consent_options(command: _F) -> _F:
    """Adds --dry-run, --shorten and --yes, which the command gets as `consent`."""

    @dry_run_option
    @shorten_option
    @yes_option
    @wraps(command)
    def with_consent(
        *arguments: Any, yes: bool, shorten: bool, dry_run: bool, **options: Any
    ) -> Any:
        return command(*arguments, consent=Consent(yes, shorten, dry_run), **options)

    return with_consent  # type: ignore[return-value]


def require_number_or_filters(number: str | None, filters: Filters) -> None:
    """Raises UsageError unless there is exactly one of the two."""
    if (number is None) == (filters == Filters()):
        raise click.UsageError(
            "Use either a license number, or filters (`--help` lists them) for many licenses."
        )


def change_many(
    settings: Settings,
    filters: Filters,
    plan_for: Callable[[Sequence[LicenseRecord]], Plan],
    what: str,
    consent: Consent,
    renew_into: Outputs | None = None,
) -> None:
    """Change every license that the filters find, and say what became of each.

    With `renew_into`, the seats of those that are then as intended are renewed, and sent there.

    Raises TakesRightsAway or NotConfirmed before anything is written, SomeFailed or Interrupted
    after it. The same command can be run again: it finds what is left to do.
    """
    watch = watch_seats(settings.output)
    plan = plan_for(find_all(settings.stack.licenses, filters, settings.now, watch))
    reductions = plan.reductions(settings.now)
    if consent.dry_run:
        show_plan(settings, plan)
        return
    if plan.changes:
        _confirm(settings, plan, reductions, what, consent)

    if renew_into is None:
        _report(settings, _write(settings, plan, what))
    else:
        to_go_on = "" if filters.ends_before is None else _NO_LONGER_FOUND
        _write_and_renew(settings, plan, what, renew_into, to_go_on)


_NO_LONGER_FOUND = (
    "--ends-before no longer finds licenses that are extended already: renew those with"
    " keyferry-admin license renew."
)


def _write_and_renew(
    settings: Settings, plan: Plan, what: str, renew_into: Outputs, to_go_on: str
) -> None:
    runs: list[Run[Pair]] = []

    def change() -> list[LicenseRecord]:
        run = _write(settings, plan, what)
        runs.append(run)
        if run.is_cut_off:
            _report(settings, run)
        if run.is_interrupted:
            title = f"Interrupted: {len(run.done):,} changed, and no computer is renewed yet"
            next_step = f"{Interrupted.next_step} {to_go_on}".rstrip()
            raise Interrupted(title, next_step, changed=_numbers(run.done))
        return list(settings.stack.licenses.read(_numbers([*run.done, *run.unchanged])))

    before = [*(pair[0] for pair in plan.changes), *plan.unchanged]
    _, renewals = change_and_renew(settings, renew_into, before, change, to_go_on)
    (run,) = runs
    say = partial(_report, settings, run)
    report_with_renewals(settings.output, renewals, say, to_go_on, changed=_numbers(run.done))


def _write(settings: Settings, plan: Plan, what: str) -> Run[Pair]:
    """Write the changes of a plan; what became of all that it has."""
    licenses = settings.stack.licenses

    def write(pair: Pair) -> bool:
        return write_terms(licenses, *pair, what) != pair[0]

    run = run_with_progress(settings.output, plan.changes, write, what.capitalize())
    same = [(each, each) for each in plan.unchanged]
    refused = [((each, each), error) for each, error in plan.refused]
    return replace(run, unchanged=[*run.unchanged, *same], failed=[*refused, *run.failed])


def _report(settings: Settings, run: Run[Pair], **members: Any) -> None:
    """Raises SomeFailed or Interrupted unless all is as intended."""
    report(settings.output, run, "changed", lambda pair: pair[0].number, **members)


def _numbers(pairs: Sequence[Pair]) -> list[str]:
    return [before.number for before, _ in pairs]


def show_plan(settings: Settings, plan: Plan) -> None:
    """Print a plan that is not carried out; a document has every license in it."""
    settings.output.result(
        _lines(plan),
        {
            "changes": [_as_json(pair) for pair in plan.changes],
            "unchanged": [each.number for each in plan.unchanged],
            "refused": [
                {"license_number": each.number, "code": error.code, "title": str(error)}
                for each, error in plan.refused
            ],
        },
    )


def _confirm(
    settings: Settings, plan: Plan, reductions: list[Pair], what: str, consent: Consent
) -> None:
    require_shorten(reductions, consent.yes, consent.shorten)
    losers = [before for before, _ in reductions]
    warning = [f"This changes {_count(len(plan.changes))}.", *(_reach(losers) if losers else [])]
    confirm_many(settings.output, _lines(plan), warning, losers, f"{what} them", consent.yes)


def _reach(licenses: list[LicenseRecord]) -> list[str]:
    """What keeps working on computers, by the licenses alone: their seats could be thousands."""
    seats = sum(each.seats_used for each in licenses)
    endless = [each for each in licenses if each.lease_days is None and each.ends_at is None]
    lines = [
        f"  It takes rights away from {_count(len(licenses))}, in use on {count_of(seats, 'seat')}."
    ]
    if seats:
        lines.append("  Computers go on working until their last file ends or must check in.")
    if seats and endless:
        lines.append(f"  Those of {_count(len(endless))} never have to, and go on without end.")
    return lines


def _lines(plan: Plan) -> list[str]:
    """The plan in words: counts, the same changes together, the first licenses, the refusals."""
    lines = [
        f"{len(plan.changes):,} would change, {len(plan.unchanged):,} unchanged,"
        f" {len(plan.refused):,} cannot change."
    ]
    groups = Counter(_difference(pair) for pair in plan.changes).most_common()
    lines += aligned([(f"  {count:,}", text) for text, count in groups[:_GROUPS]] or [("", "")])
    if len(groups) > _GROUPS:
        lines.append(f"  and {len(groups) - _GROUPS:,} other changes")
    rows = [("LICENSE", "LICENSEE", "PRODUCT", "CHANGE")]
    rows += [
        (show_license_number(pair[0].number), pair[0].licensee, pair[0].product, _difference(pair))
        for pair in plan.changes[:_ROWS]
    ]
    lines += aligned(rows) if plan.changes else []
    if len(plan.changes) > _ROWS:
        lines.append(f"and {len(plan.changes) - _ROWS:,} more; --dry-run --json shows all.")
    for license, error in plan.refused[:_ROWS]:
        lines.append(f"{mark('warning')} {show_license_number(license.number)}: {error}")
    return [line for line in lines if line]


def _difference(pair: Pair) -> str:
    return "; ".join(f"{label}: {text}" for label, text in differences(*pair))


def _as_json(pair: Pair) -> dict[str, Any]:
    return {"license_number": pair[0].number, "changes": changes_as_json(*pair)}


def _count(count: int) -> str:
    return "1 license" if count == 1 else f"{count:,} licenses"
