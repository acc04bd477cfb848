"""Which seats a command renews, for whom, and where the files go."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.output import aligned, count_of
from keyferry_admin.cli.renewal_outputs import Outputs
from keyferry_admin.use_cases.find import state_of
from keyferry_admin.use_cases.renew import seats_in_use
from keyferry_admin.use_cases.renewal_folder import folder_names
from keyferry_service.domain.license import LicenseRecord, Seat, Status

_ROWS = 20  # customers that are named; --json has all


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
