"""Has the service renew seats, and writes the files that it signs into a folder."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from keyferry_admin.errors.licenses import SeatsNotRenewed
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.renewal_folder import RenewalFolder
from keyferry_admin.use_cases.terms import check_terms
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.renewals_lambda import (
    SEATS_AT_ONCE,
    RenewalFailed,
    request_renewals,
)
from keyferry_service.domain.license import LicenseRecord, Seat
from keyferry_service.domain.renew import RenewalOrder, RenewedSeat, SeatOutcome
from keyferry_service.use_cases.renew import BAD_TERMS

# A new AWS account runs ten functions at the same time, of which customers' requests need some
# (docs/decisions/0022-renewals-by-invocation.md).
INVOCATIONS_AT_ONCE = 4
_NO_SUCH_EVENT = "KeyError"  # how a release that knows no renewals fails


@dataclass(frozen=True, slots=True)
class Batch:
    """Seats of one license that one invocation renews."""

    license: LicenseRecord
    seats: tuple[Seat, ...]


def seats_in_use(
    licenses: Licenses, of: Sequence[LicenseRecord]
) -> list[tuple[LicenseRecord, Seat]]:
    """Every seat of these licenses that a computer has, ordered by its number in each license."""
    used = {license.number: license for license in of if license.seats_used}
    seats = licenses.seats_of(used.values())
    in_use = [(used[number], seat) for number, seat in seats if seat.taken]
    return sorted(in_use, key=lambda each: (each[0].number, each[1].number))


def in_batches(seats: Iterable[tuple[LicenseRecord, Seat]]) -> list[Batch]:
    """The seats in batches, those of one license far apart: they have to wait for each other."""
    by_license: dict[str, list[tuple[LicenseRecord, Seat]]] = defaultdict(list)
    for license, seat in seats:
        by_license[license.number].append((license, seat))
    batches = [
        (first, Batch(of[0][0], tuple(seat for _, seat in of[first : first + SEATS_AT_ONCE])))
        for of in by_license.values()
        for first in range(0, len(of), SEATS_AT_ONCE)
    ]
    return [batch for _, batch in sorted(batches, key=lambda each: each[0])]


def request_all(
    stack: Stack, license_number: str, seats: Mapping[int, int | None], *, again: bool
) -> Iterator[RenewedSeat]:
    """Have process_request renew these seats, in as many invocations as it has no time for fewer.

    Each seat comes with the serial of its file that is there already, or None. Raises
    SeatsNotRenewed; what was renewed before it is signed again by the next run.
    """
    rest = dict(seats)
    while rest:
        order = RenewalOrder(license_number, rest, again)
        try:
            renewed = request_renewals(
                stack.functions, stack.output("ProcessRequestFunction"), order
            )
        except RenewalFailed as error:
            step = "Deploy this release (make deploy), then run the same command again."
            raise SeatsNotRenewed(
                f"The service could not renew seats ({error.code}: {error})",
                step if error.code == _NO_SUCH_EVENT else "",
            ) from error
        if not renewed:
            raise SeatsNotRenewed("The service ran out of time because the license keeps changing")
        for seat in renewed:
            del rest[seat.seat]
            yield seat


@dataclass
class RenewIntoFolder:
    """Renews batches, several at the same time, and writes each file as soon as it is signed.

    After it ran, `files` has the current file of each seat that was renewed, now or before, and
    `refused` the codes of those that were not. A seat with an older answer is in neither.
    """

    stack: Stack
    folder: RenewalFolder
    again: bool = False
    files: dict[tuple[str, int], Path] = field(default_factory=dict)
    outcomes: dict[tuple[str, int], SeatOutcome] = field(default_factory=dict)
    refused: dict[tuple[str, int], str] = field(default_factory=dict)
    _locks: dict[str, Lock] = field(default_factory=lambda: defaultdict(Lock))

    def run(self, batch: Batch) -> bool:
        """Renew a batch, and return whether a file was written. Safe to repeat.

        Raises SeatsNotRenewed, RenewalNotWritten, and BadTerms for a license that no file may have.
        """
        number = batch.license.number
        there = {seat.number: self.folder.serial_of(number, seat) for seat in batch.seats}
        is_changed = False
        with self._locks[number]:  # each seat changes the revision on which the next one rests
            for renewed in request_all(self.stack, number, there, again=self.again):
                key = (number, renewed.seat)
                if renewed.file:
                    self.files[key] = self.folder.keep(number, renewed.seat, renewed.file)
                    is_changed = True
                elif renewed.outcome is SeatOutcome.REFUSED:
                    if renewed.code == BAD_TERMS:
                        check_terms(batch.license)
                    self.refused[key] = renewed.code
                self.outcomes[key] = renewed.outcome
        for seat in batch.seats:
            key = (number, seat.number)
            if self.outcomes[key] is SeatOutcome.UNCHANGED and there[seat.number]:
                self.files[key] = self.folder.path_of(number, seat)
        return is_changed

    def write_zips(self, unfinished: Iterable[Batch]) -> list[Path]:
        """Write each customer's zip, unless a batch of the customer's is unfinished."""
        waiting = {self.folder.names[batch.license.number] for batch in unfinished}
        by_customer: dict[str, list[Path]] = defaultdict(list)
        for (number, _), path in self.files.items():
            by_customer[self.folder.names[number]].append(path)
        return [
            self.folder.zip(name, files)
            for name, files in sorted(by_customer.items())
            if name not in waiting
        ]
