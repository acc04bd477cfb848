"""What `license renew` and `license extend --renew` share: the plan, the run, and its report."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO, TypeVar

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.output import Output, aligned, count_of, mark
from keyferry_admin.cli.progress import run_with_progress
from keyferry_admin.cli.words import Words, words_options
from keyferry_admin.errors import AdminError
from keyferry_admin.errors.commands import Interrupted, SomeFailed
from keyferry_admin.use_cases.find import state_of
from keyferry_admin.use_cases.parcels import Parcel, SendParcels, in_parcels, write_links
from keyferry_admin.use_cases.renew import (
    INVOCATIONS_AT_ONCE,
    Batch,
    RenewIntoFolder,
    in_batches,
    seats_in_use,
)
from keyferry_admin.use_cases.renewal_folder import RenewalFolder, folder_names
from keyferry_admin.use_cases.run_many import Run
from keyferry_admin.use_cases.whole_file import written_whole
from keyferry_protocol.activation import show_license_number
from keyferry_service.domain.license import LicenseRecord, Seat, Status
from keyferry_service.domain.renew import SeatOutcome
from keyferry_service.views.email import Email
from keyferry_service.views.email_texts import Renewals, renewal_email
from keyferry_service.views.refusal_text import Vendor

_F = TypeVar("_F", bound=Callable[..., Any])
_MAILS_AT_ONCE = 2  # SES lets a new account send 14 a second
_ROWS = 20  # customers, zips, or refused seats that are named; --json has all


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the files go, at least one way."""

    folder: Path | None
    links: Path | None
    words: Words | None  # of the mails; None to mail nothing

    def check(self) -> None:
        """Raises UsageError where the files go nowhere, BadOwnFile, and NoSuchLanguage."""
        if not self:
            raise click.UsageError("Use --folder, --links, or --mail to say where the files go.")
        if self.words is not None:
            self.words.check()

    def __bool__(self) -> bool:
        return self.folder is not None or self.sends

    @property
    def sends(self) -> bool:
        """Whether customers fetch a zip by a link."""
        return self.links is not None or self.words is not None

    @property
    def is_mail_only(self) -> bool:
        return self.folder is None and self.links is None

    def __str__(self) -> str:
        parts = [
            f"into {self.folder}" if self.folder else "",
            f"links into {self.links}" if self.links else "",
            "mailed to the contacts" if self.words else "",
        ]
        return ", ".join(filter(None, parts))

    @contextmanager
    def open(self) -> Iterator[tuple[Path, TextIO | None]]:
        """The folder of the files, else one that is gone afterwards, and the file of links.

        Raises FileNotWritten.
        """
        with ExitStack() as stack:
            links = None
            if self.links is not None:
                links = stack.enter_context(written_whole(self.links))
            folder = self.folder or Path(stack.enter_context(TemporaryDirectory()))
            yield folder, links


def output_options(command: _F) -> _F:
    """Adds the options that say where the files go, and calls the command with `outputs`."""

    @click.option(
        "--folder",
        "root",
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Folder to save in: a folder with a zip for each customer.",
    )
    @click.option(
        "--links",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="CSV file with a link to each contact's zip, good for 7 days.",
    )
    @click.option("--mail", "is_mailed", is_flag=True, help="Mail each contact a link to a zip.")
    @words_options("email")
    @wraps(command)
    def with_outputs(
        *arguments: Any,
        root: Path | None,
        links: Path | None,
        is_mailed: bool,
        words: Words,
        **options: Any,
    ) -> Any:
        outputs = Outputs(root, links, words if is_mailed else None)
        return command(*arguments, outputs=outputs, **options)

    return with_outputs  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class RenewalPlan:
    """The seats to renew, the folder of each license, and which licenses are left out and why."""

    seats: Sequence[tuple[LicenseRecord, Seat]]
    names: dict[str, str]
    left_out: Sequence[LicenseRecord]  # they are not active
    outputs: Outputs
    no_contact: Sequence[LicenseRecord]  # they get no mail

    def lines(self) -> list[str]:
        """The plan in words: how much there is to do, for whom, and where the files go."""
        seats = Counter(self._reader(license) for license, _ in self.seats)
        of = f"{count_of(len(self.seats), 'seat')} of {count_of(len(self.customers), 'customer')}"
        lines = [f"{of}, {self.outputs}. Seats that already have today's terms are left out."]
        if self.left_out:
            lines.append(f"Not active, so left out: {count_of(len(self.left_out), 'license')}.")
        if self.no_contact:
            lines.append(f"No contact, so not mailed: {count_of(len(self.no_contact), 'license')}.")
        head = ("CUSTOMER", "CONTACT", "SEATS") if self.outputs.sends else ("CUSTOMER", "SEATS")
        rows = [head, *((*of, f"{c:,}") for of, c in sorted(seats.items())[:_ROWS])]
        lines += aligned(rows) if seats else []
        if len(seats) > _ROWS:
            lines.append(f"and {len(seats) - _ROWS:,} more; --dry-run --json shows all.")
        return lines

    @property
    def customers(self) -> set[str]:
        return {self.names[license.number] for license, _ in self.seats}

    def _reader(self, license: LicenseRecord) -> tuple[str, ...]:
        name = self.names[license.number]
        return (name, license.contact or "-") if self.outputs.sends else (name,)

    def as_json(self) -> dict[str, Any]:
        return {
            "seats": [
                {"license_number": license.number, "seat": seat.number}
                for license, seat in self.seats
            ],
            "left_out": [license.number for license in self.left_out],
            "no_contact": [license.number for license in self.no_contact],
        }


def plan_renewals(
    settings: Settings,
    licenses: Sequence[LicenseRecord],
    outputs: Outputs,
    seat_number: int | None = None,
) -> RenewalPlan:
    """Every seat of these licenses that a computer has, or the one with this number.

    Where mail is the only way, licenses without a contact are left out.
    """
    outputs.check()
    active = Status.ACTIVE.value
    live = [each for each in licenses if state_of(each, settings.now) == active]
    seats = [
        (license, seat)
        for license, seat in seats_in_use(settings.stack.licenses, live)
        if seat_number in (None, seat.number)
    ]
    left_out = [each for each in licenses if state_of(each, settings.now) != active]
    no_contact = []
    if outputs.words is not None:
        no_contact = [*{each.number: each for each, _ in seats if not each.contact}.values()]
        if outputs.is_mail_only:
            seats = [(license, seat) for license, seat in seats if license.contact]
    return RenewalPlan(seats, folder_names(licenses), left_out, outputs, no_contact)


@dataclass(frozen=True, slots=True)
class RenewalReport:
    """What became of a plan."""

    plan: RenewalPlan
    renewing: RenewIntoFolder
    run: Run[Batch]
    zips: Sequence[Path]
    sending: SendParcels
    sent: Run[Parcel]

    @property
    def counts(self) -> str:
        outcomes = Counter(self.renewing.outcomes.values())
        unchanged = outcomes[SeatOutcome.UNCHANGED]
        parts = [
            f"{len(self.renewing.outcomes) - unchanged - len(self.renewing.refused):,} renewed"
        ]
        parts.append(f"{unchanged:,} unchanged")
        if self.renewing.refused:
            parts.append(f"{len(self.renewing.refused):,} refused")
        for count, what in ((self._seats(self._failed), "failed"), (self._not_tried, "not tried")):
            parts += [f"{count:,} {what}"] if count else []
        return ", ".join(parts)

    def lines(self) -> list[str]:
        """The counts, the seats that were refused and why, and where the zips are."""
        lines = [f"{mark('ok' if self.error() is None else 'warning')} {self.counts}"]
        refused = sorted(self.renewing.refused.items())
        lines += [
            f"  {show_license_number(number)} seat {seat}: {code}"
            for (number, seat), code in refused[:_ROWS]
        ]
        lines += [f"  {path}" for path in self.zips[:_ROWS]]
        more = len(self.zips) - _ROWS
        lines += [f"  and {more:,} more"] if more > 0 else []
        return lines + self._lines_of_parcels()

    def _lines_of_parcels(self) -> list[str]:
        outputs, lines = self.plan.outputs, []
        if outputs.links is not None:
            lines.append(f"  {outputs.links}: {count_of(len(self.sending.links), 'link')}")
        if outputs.words is not None:
            now, before = len(self.sending.mailed), len(self.sending.mailed_before)
            lines.append(f"  Mailed to {count_of(now, 'contact')}")
            lines += [f"  Already mailed, so not mailed again: {before:,}"] if before else []
            lines += [f"  {parcel.contact}: {error}" for parcel, error in self.sent.failed[:_ROWS]]
            numbers = [show_license_number(each.number) for each in self.plan.no_contact]
            lines += [f"  No contact, so not mailed: {each}" for each in numbers[:_ROWS]]
            more = len(numbers) - _ROWS
            lines += [f"  and {more:,} more"] if more > 0 else []
            if now:
                lines.append("  If one bounces, `keyferry-admin mail list` shows it.")
        if self.sent.not_tried:
            lines.append(f"  Not sent yet: {len(self.sent.not_tried):,}")
        return lines

    def as_json(self) -> dict[str, Any]:
        files, outcomes = self.renewing.files, self.renewing.outcomes
        return {
            "renewed": [
                {"license_number": number, "seat": seat, "file": str(files[number, seat])}
                for (number, seat), outcome in sorted(outcomes.items())
                if outcome in (SeatOutcome.RENEWED, SeatOutcome.SIGNED_AGAIN)
            ],
            "unchanged": [
                {"license_number": number, "seat": seat}
                for (number, seat), outcome in sorted(outcomes.items())
                if outcome is SeatOutcome.UNCHANGED
            ],
            "refused": [
                {"license_number": number, "seat": seat, "code": code}
                for (number, seat), code in sorted(self.renewing.refused.items())
            ],
            "failed": [
                {"license_number": batch.license.number, "code": error.code, "title": str(error)}
                for batch, error in self.run.failed
            ],
            "not_tried": [
                {"license_number": batch.license.number, "seat": seat.number}
                for batch in self.run.not_tried
                for seat in batch.seats
            ],
            "zips": [str(path) for path in self.zips],
            **self._parcels_as_json(),
        }

    def _parcels_as_json(self) -> dict[str, Any]:
        outputs, sending = self.plan.outputs, self.sending
        document: dict[str, Any] = {}
        if outputs.links is not None:
            document["links"] = {"file": str(outputs.links), "count": len(sending.links)}
        if outputs.words is not None:
            sent = [*self.sent.done, *self.sent.unchanged]
            for name, ids in (("mailed", sending.mailed), ("mailed_before", sending.mailed_before)):
                document[name] = [_parcel_as_json(each) for each in sent if each.id in ids]
            document["no_contact"] = [each.number for each in self.plan.no_contact]
        if outputs.sends:
            document["not_sent"] = [
                _parcel_as_json(each) | {"code": error.code, "title": str(error)}
                for each, error in self.sent.failed
            ]
            document["not_sent"] += [_parcel_as_json(each) for each in self.sent.not_tried]
        return document

    def error(self, **facts: Any) -> AdminError | None:
        """The error to end with, which has these facts too; None if nothing failed."""
        run, facts = self.run, facts | self.as_json()
        if run.is_cut_off or self.sent.is_cut_off:
            return Interrupted(f"Interrupted: {self.counts}", **facts)
        if run.failed:
            _, first = run.failed[0]
            return SomeFailed(f"{self.counts}. {first}", first.next_step, **facts)
        if self.sent.failed:
            _, first = self.sent.failed[0]
            title = f"{count_of(len(self.sent.failed), 'customer')} got nothing. {first}"
            return SomeFailed(title, first.next_step, **facts)
        if self.renewing.refused:
            step = "An update request of these computers would be refused for the same reason."
            return SomeFailed(self.counts, step, **facts)
        if self.plan.no_contact:
            title = f"{count_of(len(self.plan.no_contact), 'license')} without a contact"
            step = "Set one (keyferry-admin license change), then run the same command again."
            return SomeFailed(title, step, **facts)
        return None

    @property
    def _failed(self) -> list[Batch]:
        return [batch for batch, _ in self.run.failed]

    @property
    def _not_tried(self) -> int:
        return self._seats(self.run.not_tried)

    def _seats(self, batches: Sequence[Batch]) -> int:
        seats = ((b.license.number, seat.number) for b in batches for seat in b.seats)
        return sum(key not in self.renewing.outcomes for key in seats)


def run_renewals(settings: Settings, plan: RenewalPlan, *, again: bool = False) -> RenewalReport:
    """Renew the seats of a plan, with a progress bar, then write, link, and mail the zips.

    Raises FileNotWritten before anything is renewed, and RenewalNotWritten.
    """
    stack, output, outputs = settings.stack, settings.output, plan.outputs
    with outputs.open() as (folder, links):
        into = RenewalFolder(folder, plan.names, stack.signing_keys.all())
        into.make({license.number for license, _ in plan.seats})
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


def _parcel_as_json(parcel: Parcel) -> dict[str, Any]:
    return {
        "licensee": parcel.licensee,
        "contact": parcel.contact,
        "license_numbers": parcel.license_numbers,
        "computers": len(parcel.files),
    }


def renew_changed(
    settings: Settings, licenses: Sequence[LicenseRecord], outputs: Outputs
) -> RenewalReport:
    """Renew the seats of licenses that were just changed. Raises as `run_renewals`."""
    return run_renewals(settings, plan_renewals(settings, licenses, outputs))


def report_with_renewals(
    output: Output, renewals: RenewalReport | None, say: Callable[..., None], **facts: Any
) -> None:
    """Have `say` report a change, and report what its renewals came to, in one document.

    Raises the error of the renewals, with these facts of the change.
    """
    if renewals is None:
        say()
        return
    failure = renewals.error(**facts)
    if failure is None or not output.as_json:
        try:
            say(renewals=renewals.as_json())
        finally:
            if not output.as_json:
                print("\n".join(renewals.lines()))
    if failure is not None:
        raise failure
