"""What `license renew` and `license extend --renew` share: the plan, the run, and its report."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.output import Output, aligned, count_of, mark
from keyferry_admin.cli.progress import run_with_progress
from keyferry_admin.errors import AdminError, Interrupted, SomeFailed
from keyferry_admin.use_cases.find import state_of
from keyferry_admin.use_cases.renew import (
    INVOCATIONS_AT_ONCE,
    Batch,
    RenewIntoFolder,
    in_batches,
    seats_in_use,
)
from keyferry_admin.use_cases.renewal_folder import RenewalFolder, folder_names
from keyferry_admin.use_cases.run_many import Run
from keyferry_protocol.activation import show_license_number
from keyferry_service.domain.license import LicenseRecord, Seat, Status
from keyferry_service.domain.renew import SeatOutcome

_ROWS = 20  # customers, zips, or refused seats that are named; --json has all

folder_option = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the files go: a folder for each customer, with a zip in it.",
)


@dataclass(frozen=True, slots=True)
class RenewalPlan:
    """The seats to renew, the folder of each license, and the licenses that are not active."""

    seats: Sequence[tuple[LicenseRecord, Seat]]
    names: dict[str, str]
    left_out: Sequence[LicenseRecord]

    def lines(self, folder: Path) -> list[str]:
        """The plan in words: how much there is to do, for whom, and where the files go."""
        seats = Counter(self.names[license.number] for license, _ in self.seats)
        of = f"{count_of(len(self.seats), 'seat')} of {count_of(len(seats), 'customer')}"
        lines = [f"{of}, into {folder}. Seats that have today's terms already are left out."]
        if self.left_out:
            lines.append(f"Not active, so left out: {count_of(len(self.left_out), 'license')}.")
        rows = [("CUSTOMER", "SEATS"), *((n, f"{c:,}") for n, c in sorted(seats.items())[:_ROWS])]
        lines += aligned(rows) if seats else []
        if len(seats) > _ROWS:
            lines.append(f"and {len(seats) - _ROWS:,} more; --dry-run --json shows all.")
        return lines

    def as_json(self) -> dict[str, Any]:
        return {
            "seats": [
                {"license_number": license.number, "seat": seat.number}
                for license, seat in self.seats
            ],
            "left_out": [license.number for license in self.left_out],
        }


def plan_renewals(
    settings: Settings, licenses: Sequence[LicenseRecord], seat_number: int | None = None
) -> RenewalPlan:
    """Every seat of these licenses that a computer has, or the one with this number."""
    active = Status.ACTIVE.value
    live = [each for each in licenses if state_of(each, settings.now) == active]
    seats = [
        (license, seat)
        for license, seat in seats_in_use(settings.stack.licenses, live)
        if seat_number in (None, seat.number)
    ]
    left_out = [each for each in licenses if each not in live]
    return RenewalPlan(seats, folder_names(licenses), left_out)


@dataclass(frozen=True, slots=True)
class RenewalReport:
    """What became of a plan."""

    renewing: RenewIntoFolder
    run: Run[Batch]
    zips: Sequence[Path]
    left_out: int

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
        return [*lines, f"  and {more:,} more"] if more > 0 else lines

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
        }

    def error(self, **facts: Any) -> AdminError | None:
        """The error to end with, which has these facts too; None if nothing failed."""
        run, facts = self.run, facts | self.as_json()
        if run.is_interrupted and run.not_tried:
            return Interrupted(f"Interrupted: {self.counts}", **facts)
        if run.failed:
            _, first = run.failed[0]
            return SomeFailed(f"{self.counts}. {first}", first.next_step, **facts)
        if self.renewing.refused:
            step = "An update request of these computers would be refused for the same reason."
            return SomeFailed(self.counts, step, **facts)
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


def run_renewals(
    settings: Settings, plan: RenewalPlan, folder: Path, *, again: bool = False
) -> RenewalReport:
    """Renew the seats of a plan, with a progress bar, then write the zips.

    Raises FileNotWritten before anything is renewed, and RenewalNotWritten.
    """
    into = RenewalFolder(folder, plan.names, settings.stack.signing_keys.all())
    into.make({license.number for license, _ in plan.seats})
    renewing = RenewIntoFolder(settings.stack, into, again)
    batches = in_batches(plan.seats)
    run = run_with_progress(settings.output, batches, renewing.run, "Renew", INVOCATIONS_AT_ONCE)
    unfinished = [*(batch for batch, _ in run.failed), *run.not_tried]
    zips = renewing.write_zips(unfinished)
    return RenewalReport(renewing, run, zips, len(plan.left_out))


def renew_changed(
    settings: Settings, licenses: Sequence[LicenseRecord], folder: Path
) -> RenewalReport:
    """Renew the seats of licenses that were just changed. Raises as `run_renewals`."""
    return run_renewals(settings, plan_renewals(settings, licenses), folder)


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
