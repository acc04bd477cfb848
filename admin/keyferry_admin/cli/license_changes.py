"""`keyferry-admin license`: suspend, resume, revoke, extend, change, allow-move, new-code."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from keyferry_admin.cli import term_options
from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.bulk import (
    Consent,
    change_many,
    consent_options,
    dry_run_option,
    require_number_or_filters,
    show_plan,
)
from keyferry_admin.cli.confirm import confirm, require_shorten, yes_option
from keyferry_admin.cli.license import license
from keyferry_admin.cli.license_create import (
    ENVIRONMENT_WARNINGS,
    letter_option,
    print_code,
    with_letter,
)
from keyferry_admin.cli.license_filters import filter_options
from keyferry_admin.cli.license_terms import (
    as_json,
    changes_as_json,
    differences,
    licensee_warnings,
    moves,
    summary,
)
from keyferry_admin.cli.new_product import new_product_option, require_known_product
from keyferry_admin.cli.output import aligned, count_of, mark
from keyferry_admin.cli.parameters import (
    Feature,
    LicenseNumber,
)
from keyferry_admin.cli.reach import reach_warning
from keyferry_admin.cli.renewal_outputs import Outputs, output_options
from keyferry_admin.cli.renewals import change_and_renew, report_with_renewals
from keyferry_admin.cli.words import Words, words_options
from keyferry_admin.use_cases import change_license, change_terms, licenses
from keyferry_admin.use_cases.find import Filters
from keyferry_admin.use_cases.plan_changes import Plan, plan_changes, plan_terms
from keyferry_admin.use_cases.terms import Period
from keyferry_protocol.components import LICENSABLE_ENVIRONMENTS
from keyferry_service.domain.change import CHANGE, EXTEND
from keyferry_service.domain.license import LicenseRecord, Status


@license.command()
@click.argument("number", type=LicenseNumber(), required=False)
@filter_options()
@consent_options
@click.pass_obj
def suspend(settings: Settings, number: str | None, filters: Filters, consent: Consent) -> None:
    """Put licenses on hold. Example: keyferry-admin license suspend 015120020093

    With filters, all that they find:  license suspend --licensee Acme
    """
    _set_status(settings, number, filters, Status.SUSPENDED, consent)


@license.command()
@click.argument("number", type=LicenseNumber(), required=False)
@filter_options()
@dry_run_option
@yes_option
@click.pass_obj
def resume(
    settings: Settings, number: str | None, filters: Filters, dry_run: bool, yes: bool
) -> None:
    """Lift the hold. Example: keyferry-admin license resume 015120020093

    With filters, of all that they find:  license resume --licensee Acme
    """
    _set_status(settings, number, filters, Status.ACTIVE, Consent(yes, True, dry_run))


@license.command()
@click.argument("number", type=LicenseNumber(), required=False)
@filter_options()
@consent_options
@click.pass_obj
def revoke(settings: Settings, number: str | None, filters: Filters, consent: Consent) -> None:
    """Revoke licenses permanently. Example: keyferry-admin license revoke 015120020093

    With filters, all that they find:  license revoke --reference PO-4711
    """
    next_line = "New versions refuse it too with:  keyferry-admin keys export"
    _set_status(settings, number, filters, Status.REVOKED, consent, next_line)


@license.command()
@click.argument("number", type=LicenseNumber(), required=False)
@term_options.until(required=True, help="Its new last day.")
@click.option("--renew", is_flag=True, help="Also sign files for computers that sent no request.")
@output_options
@filter_options()
@consent_options
@click.pass_obj
def extend(
    settings: Settings,
    number: str | None,
    filters: Filters,
    valid_until: int | Period | None,
    renew: bool,
    outputs: Outputs,
    consent: Consent,
) -> None:
    """Set when licenses end.

    Example: keyferry-admin license extend 015120020093 --until +1y

    With filters, all that they find:  license extend --ends-before 2027-01-01 --until +1y

    +1y and +30d count from its present last day, or from today if that is later. Computers learn
    of it with their next update request; --renew does what `license renew` does, in one go, with
    its --folder, --links, and --mail. A command for many licenses can be run again if it was
    interrupted; that is why +1y needs --ends-before there.
    """
    terms = {"valid_until": valid_until}
    if renew:
        outputs.check()
    elif outputs:
        raise click.UsageError("Use --folder, --links, and --mail with --renew.")
    renew_into = outputs if renew else None
    _change(settings, number, filters, terms, EXTEND, consent, renew_into)


@license.command()
@click.argument("number", type=LicenseNumber(), required=False)
@term_options.seats()
@term_options.product()
@term_options.licensee()
@term_options.contact(help="Is emailed when a seat goes to another computer.")
@term_options.vendor_facts
@term_options.edition()
@term_options.feature(
    type=Feature(is_removable=True), help="Grants, changes, or removes this one. Repeatable."
)
@term_options.until(help="Last day.")
@term_options.trial
@term_options.maintenance
@term_options.lease(help="How often to update.")
@term_options.grace(help="Days it keeps working after that.")
@term_options.moves()
@term_options.protection(help="All that are allowed. Repeatable.")
@term_options.environment(
    type=click.Choice(LICENSABLE_ENVIRONMENTS),
    help="All that are allowed; physical is always. Repeatable.",
)
@new_product_option
@filter_options("where-")
@consent_options
@click.pass_context
def change(
    context: click.Context,
    /,
    number: str | None,
    filters: Filters,
    new_product: bool,
    consent: Consent,
    **terms: Any,
) -> None:
    """Change terms of a license. Example: keyferry-admin license change 015120020093 --seats 5

    When a trial is sold:  license change 015120020093 --trial none --until +1y

    For many licenses:  license change --where-licensee Acme --licensee "Acme Holding"

    +1y and +30d count from the present day of that term, or from today if that is later.
    Computers learn of it with their next update request. A request file that was refused for one
    of these terms goes through when it is chosen again.
    """
    changed = {
        name: value  # also None, which removes the term
        for name, value in terms.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }
    if not changed:
        raise click.UsageError("Say what is to change, for example --seats 5.")
    for name, always in {"protections": (), "environments": ("physical",)}.items():
        if name in changed:
            changed[name] = tuple(dict.fromkeys((*always, *changed[name])))
    settings: Settings = context.obj
    require_number_or_filters(number, filters)
    if "product" in changed:
        if number is not None:
            licenses.find_changeable(settings.stack.licenses, number)
        require_known_product(settings, changed["product"], new_product)
    _change(settings, number, filters, changed, CHANGE, consent)


@license.command(name="allow-move")
@click.argument("number", type=LicenseNumber())
@click.pass_obj
def allow_move(settings: Settings, number: str) -> None:
    """Allow one more move. Example: keyferry-admin license allow-move 015120020093

    The customer can then choose the refused request file again. Extra moves are those that you
    allow, and one for each seat that no computer has had yet.
    """
    after = change_license.allow_move(settings.stack.licenses, number)
    settings.output.result(
        [f"{mark('ok')} {summary(after)}", f"  Moves  {moves(after, settings.now)}"],
        {"license": as_json(after), "moves_left": after.moves_left(settings.now)},
    )


@license.command(name="new-code")
@click.argument("number", type=LicenseNumber())
@letter_option
@words_options("letter")
@yes_option
@click.pass_obj
def new_code(settings: Settings, number: str, letter: Path | None, words: Words, yes: bool) -> None:
    """Replace the activation code. Example: keyferry-admin license new-code 015120020093"""
    before = licenses.find_changeable(settings.stack.licenses, number)
    in_use = f"{before.seats_used} of {count_of(before.seats, 'seat')} in use"
    warning = [
        "The old code stops working now, also in request files that are on their way.",
        f"  Computers that are already active stay active: {in_use}.",
    ]
    changes = [("Activation code", "a new one")]
    confirm(settings.output, before, "replace its code", warning, yes, changes)
    created = with_letter(
        settings,
        letter,
        words,
        lambda: change_license.replace_code(settings.stack.licenses, number),
        is_new_code=True,
    )
    print_code(settings, created, letter, [])


def _set_status(
    settings: Settings,
    number: str | None,
    filters: Filters,
    status: Status,
    consent: Consent,
    next_line: str = "",
) -> None:
    require_number_or_filters(number, filters)
    what = change_license.STATUS_CHANGES[status]

    def plan(matches: Sequence[LicenseRecord]) -> Plan:
        return plan_changes(matches, lambda license: replace(license, status=status))

    if number is None:
        change_many(settings, filters, plan, what, consent)
        return
    before = licenses.find_changeable(settings.stack.licenses, number)
    if consent.dry_run:
        show_plan(settings, plan([before]))
        return
    if before.status is status:
        _print(settings, before, before, f"It was already {status.value}.")
        return
    if status is not Status.ACTIVE:
        confirm_reach(settings, before, replace(before, status=status), what, consent.yes)
    after = change_license.set_status(settings.stack.licenses, number, status)
    _print(settings, before, after, next_line)


def _change(
    settings: Settings,
    number: str | None,
    filters: Filters,
    terms: dict[str, Any],
    what: str,
    consent: Consent,
    renew_into: Outputs | None = None,
) -> None:
    require_number_or_filters(number, filters)
    if number is None:

        def plan(matches: Sequence[LicenseRecord]) -> Plan:
            return plan_terms(matches, terms, filters, settings.now)

        change_many(settings, filters, plan, what, consent, renew_into)
        return
    before = licenses.find_changeable(settings.stack.licenses, number)
    after = change_terms.with_terms(before, terms, settings.now)
    if consent.dry_run:
        show_plan(settings, plan_changes([before], lambda _: after))
        return
    if change_terms.reduces_rights(before, after, settings.now):
        require_shorten([(before, after)], consent.yes, consent.shorten)
        confirm_reach(settings, before, after, "change", consent.yes)

    def write() -> LicenseRecord:
        return change_terms.write_terms(settings.stack.licenses, before, after, what)

    if renew_into is None:
        _print_terms(settings, before, write(), terms)
        return
    to_go_on = (
        f"License {number} is extended already, so run keyferry-admin license renew {number}"
        " instead of this command."
    )
    (written,), renewals = change_and_renew(
        settings, renew_into, [before], lambda: [write()], to_go_on
    )
    say = partial(_print_terms, settings, before, written, terms)
    report_with_renewals(settings.output, renewals, say, to_go_on, license=as_json(written))


def confirm_reach(
    settings: Settings, before: LicenseRecord, after: LicenseRecord, action: str, yes: bool
) -> None:
    """Print what keeps working on customers' machines, and return only if the user confirms."""
    warning = reach_warning(settings.stack.licenses, before, after)
    confirm(settings.output, before, action, warning, yes, differences(before, after))


def _print_terms(
    settings: Settings,
    before: LicenseRecord,
    written: LicenseRecord,
    terms: Collection[str],
    **members: Any,
) -> None:
    added = [name for name in written.environments if name not in before.environments]
    unchanged = "" if written != before else "It had these terms already."
    warnings = [ENVIRONMENT_WARNINGS[name] for name in added]
    if "licensee" in terms:
        warnings += licensee_warnings(written)
    _print(settings, before, written, unchanged, warnings, **members)


def _print(
    settings: Settings,
    before: LicenseRecord,
    after: LicenseRecord,
    next_line: str = "",
    warnings: Sequence[str] = (),
    **members: Any,
) -> None:
    lines = [f"{mark('ok')} {summary(after)}"]
    lines += [f"  {line}" for line in aligned(differences(before, after))]
    lines += [f"  {next_line}"] if next_line else []
    lines += [f"{mark('warning')} {warning}" for warning in warnings]
    settings.output.result(
        lines,
        {
            "license": as_json(after),
            "changes": changes_as_json(before, after),
            "warnings": list(warnings),
            **members,
        },
    )
