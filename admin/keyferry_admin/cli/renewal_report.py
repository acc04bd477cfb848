"""What became of renewals: the lines, the document, and the error to end with."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keyferry_admin.cli.output import count_of, mark
from keyferry_admin.cli.renewal_plan import RenewalPlan
from keyferry_admin.errors import AdminError
from keyferry_admin.errors.commands import Interrupted, SomeFailed
from keyferry_admin.use_cases.parcels import Parcel, SendParcels
from keyferry_admin.use_cases.renew import Batch, RenewIntoFolder
from keyferry_admin.use_cases.run_many import Run
from keyferry_protocol.activation import show_license_number
from keyferry_service.domain.renew import SeatOutcome
from keyferry_service.use_cases.renew import NO_REQUEST, TOO_LONG

_ROWS = 20  # zips, or refused seats, that are named; --json has all
_AS_AN_UPDATE = "An update request of these computers would be refused for the same reason."
_STEPS = {
    NO_REQUEST: "These computers need one update request first.",
    TOO_LONG: "Shorten the texts of these licenses, or grant fewer features.",
}


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
        failed = [
            f"  {show_license_number(batch.license.number)}: {error} ({error.code})"
            for batch, error in self.run.failed
        ]
        lines += [*dict.fromkeys(failed)][:_ROWS]
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
            steps = {_STEPS.get(code, _AS_AN_UPDATE) for code in self.renewing.refused.values()}
            return SomeFailed(self.counts, " ".join(sorted(steps)), **facts)
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


def _parcel_as_json(parcel: Parcel) -> dict[str, Any]:
    return {
        "licensee": parcel.licensee,
        "contact": parcel.contact,
        "license_numbers": parcel.license_numbers,
        "computers": len(parcel.files),
    }
