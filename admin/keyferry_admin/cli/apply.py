"""`keyferry-admin apply`: make licenses what a YAML file says, for vendors who keep them in git."""

from pathlib import Path
from typing import Any

import click

from keyferry_admin.cli import cli
from keyferry_admin.cli.admin_command import AdminCommand, Settings
from keyferry_admin.cli.confirm import (
    confirm_many,
    require_shorten,
    shorten_option,
    yes_option,
)
from keyferry_admin.cli.license_terms import as_json, differences, heading, summary
from keyferry_admin.cli.new_licenses import (
    CodePlaces,
    code_options,
    different_as_json,
    made_lines,
    make_licenses,
    require_good,
)
from keyferry_admin.cli.new_product import new_product_option
from keyferry_admin.cli.output import count_of, mark, require_reader
from keyferry_admin.cli.progress import run_with_progress
from keyferry_admin.cli.words import Words
from keyferry_admin.errors.commands import Interrupted, SomeFailed
from keyferry_admin.use_cases.apply_plan import refused_changes
from keyferry_admin.use_cases.change_terms import reduces_rights, write_terms
from keyferry_admin.use_cases.code_file import read_codes
from keyferry_admin.use_cases.license_yaml import read_yaml
from keyferry_admin.use_cases.plan_changes import Pair
from keyferry_admin.use_cases.plan_licenses import Match, NewLicense, Plan, plan_licenses
from keyferry_service.domain.license import LicenseRecord


@cli.command(cls=AdminCommand)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@code_options
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@new_product_option
@shorten_option
@yes_option
@click.pass_obj
def apply(
    settings: Settings,
    file: Path,
    codes: Path | None,
    letters: Path | None,
    words: Words,
    dry_run: bool,
    new_product: bool,
    shorten: bool,
    yes: bool,
) -> None:
    """Make licenses what a YAML file says.

    Example: keyferry-admin apply licenses.yaml --codes codes.csv

    It shows what it would make (+), change (~), and take away (-), and asks once. A license that
    the file does not name stays as it is, and so does a term that an entry does not name.
    """
    require_reader()
    known = {} if codes is None else read_codes(codes)
    entries = read_yaml(file)
    plan = plan_licenses(settings.stack.licenses, entries.rows, entries.bad, known, settings.now)
    plan.bad.extend(refused_changes(plan, settings.now))
    require_good(settings, plan, file, new_product)
    reductions = [pair for pair in _pairs(plan) if reduces_rights(*pair, settings.now)]
    losers = [before for before, _ in reductions]
    lines = _plan_lines(plan, losers)
    if dry_run or not (plan.new or plan.changes):
        settings.output.result(lines, _document(plan, losers, is_done=False))
        return
    if codes is None and plan.new:
        raise click.UsageError("Say where the activation codes of new licenses go: --codes FILE")
    require_shorten(reductions, yes, shorten)
    warning = [f"This takes rights away from {count_of(len(losers), 'license')}."] if losers else []
    confirm_many(settings.output, lines, warning, losers, "apply the file", yes)
    lines = []
    if codes is not None:
        places = CodePlaces(codes, letters, words, known)
        lines = made_lines(len(plan.new), plan, places, make_licenses(settings, plan, places))
    _change(settings, plan.changes)
    changed = f"{mark('ok')} {count_of(len(plan.changes), 'license')} changed"
    settings.output.result([*lines, changed], _document(plan, losers, is_done=True))


def _pairs(plan: Plan) -> list[Pair]:
    return [(match.before, match.after) for match in plan.changes]


def _plan_lines(plan: Plan, losers: list[LicenseRecord]) -> list[str]:
    signs = {license.number: "-" for license in losers}
    kept = len(plan.matches) - len(plan.changes)
    rest = plan.sold - len(plan.matches)
    counts = [
        f"{len(plan.new):,} to make",
        f"{len(plan.changes):,} to change",
        *([f"{len(losers):,} of them to take rights away"] if losers else []),
        f"{kept:,} as they are",
    ]
    return [
        *(f"+ {_name(each)}: {summary(each.license).partition(': ')[2]}" for each in plan.new),
        *(
            f"{signs.get(before.number, '~')} {heading(before)}: "
            + "; ".join(f"{label}: {text}" for label, text in differences(before, after))
            for before, after in _pairs(plan)
        ),
        f"{', '.join(counts)}."
        if plan.new or plan.changes
        else f"No changes: {kept:,} as they are.",
        *([f"{count_of(rest, 'license')} not in the file, left as they are."] if rest else []),
    ]


def _name(new: NewLicense) -> str:
    license = new.license
    names = (license.reference, license.licensee, f"{license.product} {license.edition}".strip())
    return ", ".join(name for name in names if name)


def _document(plan: Plan, losers: list[LicenseRecord], *, is_done: bool) -> dict[str, Any]:
    return {
        "is_done": is_done,
        "new": [as_json(each.license) for each in plan.new],
        "changes": different_as_json(plan.changes),
        "takes_rights_away": [license.number for license in losers],
        "unchanged": len(plan.matches) - len(plan.changes),
        "not_in_file": plan.sold - len(plan.matches),
    }


def _change(settings: Settings, changes: list[Match]) -> None:
    """Write the changes. Raises SomeFailed or Interrupted."""
    licenses = settings.stack.licenses
    settings.stack.author()  # asked once, not by each thread

    def write(match: Match) -> bool:
        write_terms(licenses, match.before, match.after)
        return True

    run = run_with_progress(settings.output, changes, write, "Changes ")
    count = f"{len(run.done):,} of {len(changes):,} licenses are changed"
    if run.is_cut_off:
        raise Interrupted(f"Interrupted: {count}")
    if run.failed:
        match, error = run.failed[0]
        raise SomeFailed(f"{count}. License {match.before.number}: {error}")
