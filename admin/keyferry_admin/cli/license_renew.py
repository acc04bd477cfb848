"""`keyferry-admin license renew`."""

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.bulk import dry_run_option, require_number_or_filters
from keyferry_admin.cli.confirm import confirm_yes, yes_option
from keyferry_admin.cli.license import license
from keyferry_admin.cli.license_filters import filter_options
from keyferry_admin.cli.output import count_of
from keyferry_admin.cli.parameters import LicenseNumber
from keyferry_admin.cli.progress import watch_seats
from keyferry_admin.cli.renewal_outputs import Outputs, output_options
from keyferry_admin.cli.renewal_plan import plan_renewals
from keyferry_admin.cli.renewals import run_renewals
from keyferry_admin.errors.licenses import NoSuchSeat, NotRenewable
from keyferry_admin.use_cases import licenses
from keyferry_admin.use_cases.find import Filters, find_all, state_of
from keyferry_admin.use_cases.mail_letter import require_contact


@license.command()
@click.argument("number", type=LicenseNumber(), required=False)
@click.option("--seat", "seat_number", type=int, metavar="N", help="Only this seat.")
@click.option("--again", is_flag=True, help="Also seats that already have today's terms.")
@output_options
@filter_options()
@dry_run_option
@yes_option
@click.pass_obj
def renew(
    settings: Settings,
    number: str | None,
    seat_number: int | None,
    again: bool,
    outputs: Outputs,
    filters: Filters,
    dry_run: bool,
    yes: bool,
) -> None:
    """Sign today's terms for computers that sent no request.

    Example: keyferry-admin license renew 015120020093 --folder renewals

    With filters, all that they find:  license renew --licensee Acme --mail

    Every computer takes its own file from the zip:  keyferry install FILE.zip

    If it was interrupted, run it again without --again: seats that have today's terms are left out.
    """
    require_number_or_filters(number, filters)
    if seat_number is not None and number is None:
        raise click.UsageError("Use --seat with a license number.")
    table, watch = settings.stack.licenses, watch_seats(settings.output)
    of = [licenses.find(table, number)] if number else find_all(table, filters, settings.now, watch)
    plan = plan_renewals(settings, of, outputs, seat_number)
    if number and outputs.is_mail_only:
        require_contact(of[0])
    if number and plan.left_out:
        state = state_of(of[0], settings.now)
        raise NotRenewable(
            f"License {number} is {state}, so none of its seats can be renewed",
            "Nothing was changed. `keyferry-admin license show` shows its terms.",
        )
    if seat_number is not None and not plan.seats:
        raise NoSuchSeat(f"No computer has seat {seat_number} of license {number}")
    if dry_run:
        settings.output.result(plan.lines(), plan.as_json())
        return
    if number is None and plan.seats and not yes:
        lines = [*plan.lines(), f"This renews at most {count_of(len(plan.seats), 'seat')}."]
        confirm_yes(settings.output, lines, "Renew them?")
    report = run_renewals(settings, plan, again=again)
    failure = report.error()
    if failure is None:
        settings.output.result(report.lines(), report.as_json())
        return
    if not settings.output.as_json:
        print("\n".join(report.lines()))
    raise failure
