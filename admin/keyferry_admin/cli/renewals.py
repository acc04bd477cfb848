"""What `license renew` and `license extend --renew` share: they renew what a plan has."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from botocore.exceptions import BotoCoreError, ClientError

from keyferry_admin.aws_failures import explain
from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.output import Output, count_of
from keyferry_admin.cli.progress import run_with_progress
from keyferry_admin.cli.renewal_outputs import Outputs
from keyferry_admin.cli.renewal_plan import RenewalPlan, plan_renewals
from keyferry_admin.cli.renewal_report import RenewalReport
from keyferry_admin.cli.words import Words
from keyferry_admin.errors import AdminError
from keyferry_admin.errors.commands import SomeFailed
from keyferry_admin.use_cases.parcels import Parcel, SendParcels, in_parcels, write_links
from keyferry_admin.use_cases.renew import (
    INVOCATIONS_AT_ONCE,
    Batch,
    RenewIntoFolder,
    in_batches,
)
from keyferry_admin.use_cases.renewal_folder import RenewalFolder, folder_names
from keyferry_admin.use_cases.run_many import Run
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.views.email import Email
from keyferry_service.views.email_texts import Renewals, renewal_email
from keyferry_service.views.refusal_text import Vendor

_MAILS_AT_ONCE = 2  # SES lets a new account send 14 a second


def run_renewals(settings: Settings, plan: RenewalPlan, *, again: bool = False) -> RenewalReport:
    """Renew the seats of a plan, with a progress bar, then write, link, and mail the zips.

    Raises FileNotWritten before anything is renewed, and RenewalNotWritten.
    """
    with plan.outputs.open(plan.customers) as (folder, links):
        return _renew_into(settings, plan, folder, links, again=again)


def _renew_into(
    settings: Settings, plan: RenewalPlan, folder: Path, links: TextIO | None, *, again: bool
) -> RenewalReport:
    stack, output, outputs = settings.stack, settings.output, plan.outputs
    into = RenewalFolder(folder, plan.names, stack.signing_keys.all())
    renewing = RenewIntoFolder(stack, into, again)
    batches = in_batches(plan.seats)
    run = run_with_progress(output, batches, renewing.run, "Renew", INVOCATIONS_AT_ONCE)
    unfinished = [*(batch for batch, _ in run.failed), *run.not_tried]
    zips = renewing.write_zips(unfinished) if outputs.folder else []
    parcels = _parcels(plan, renewing, unfinished) if outputs.sends else []
    sending = _sending(settings, outputs)
    if run.is_interrupted:
        sent: Run[Parcel] = Run([], [], [], parcels, is_interrupted=True)
    else:
        sent = run_with_progress(output, parcels, sending.run, "Send", _MAILS_AT_ONCE)
    if links is not None:
        write_links(links, parcels, sending)
    return RenewalReport(plan, renewing, run, zips, sending, sent)


def _parcels(
    plan: RenewalPlan, renewing: RenewIntoFolder, unfinished: Sequence[Batch]
) -> list[Parcel]:
    """A parcel for each licensee and contact, unless a batch of theirs is unfinished."""
    waiting = {(batch.license.licensee, batch.license.contact) for batch in unfinished}
    licenses = {license.number: license for license, _ in plan.seats}
    files: dict[str, list[Path]] = defaultdict(list)
    for (number, _), path in renewing.files.items():
        files[number].append(path)
    parcels = in_parcels(licenses.values(), files)
    return [each for each in parcels if (each.licensee, each.contact) not in waiting]


def _sending(settings: Settings, outputs: Outputs) -> SendParcels:
    stack, words = settings.stack, outputs.words
    vendor = Vendor(stack.output("VendorName"), stack.output("SupportContact"))

    def compose(contents: Renewals, link: str, ends_at: int) -> Email:
        with (words or Words()).in_use():
            return renewal_email(contents, link, ends_at, vendor)

    has_links = outputs.links is not None
    return SendParcels(stack, vendor, settings.now, has_links, compose if words else None)


def change_and_renew(
    settings: Settings,
    outputs: Outputs,
    before: Sequence[LicenseRecord],
    change: Callable[[], Sequence[LicenseRecord]],
    to_go_on: str = "",
) -> tuple[Sequence[LicenseRecord], RenewalReport]:
    """Change licenses, which `change` returns as they are then, and renew their seats.

    Nothing is changed unless the files can be written: raises FileNotWritten. What fails after the
    change is a SomeFailed that says so, and how `to_go_on` where the same command cannot.
    """
    names = folder_names(before)
    used = [names[license.number] for license in before if license.seats_used]
    changed: Sequence[LicenseRecord] | None = None
    try:
        with outputs.open(used) as (folder, links):
            changed = change()
            plan = plan_renewals(settings, changed, outputs)
            return changed, _renew_into(settings, plan, folder, links, again=False)
    except (AdminError, BotoCoreError, ClientError) as error:
        if changed is None:
            raise
        cause = error if isinstance(error, AdminError) else explain(error)
        numbers = [license.number for license in changed]
        raise SomeFailed(
            f"{count_of(len(numbers), 'license')} extended, but not all computers are renewed."
            f" {cause}",
            f"{cause.next_step.removeprefix('Nothing was changed. ')} {to_go_on}".strip(),
            changed=numbers,
            cause=cause.code,
        ) from error


def report_with_renewals(
    output: Output,
    renewals: RenewalReport,
    say: Callable[..., None],
    to_go_on: str = "",
    **facts: Any,
) -> None:
    """Have `say` report a change, and report what its renewals came to, in one document.

    Raises the error of the renewals, with these facts of the change, and how `to_go_on`.
    """
    failure = renewals.error(**facts)
    if failure is None or not output.as_json:
        try:
            say(renewals=renewals.as_json())
        finally:
            if not output.as_json:
                print("\n".join(renewals.lines()))
    if failure is not None:
        failure.next_step = f"{failure.next_step} {to_go_on}".rstrip()
        raise failure
