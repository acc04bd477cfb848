"""Renewals: today's terms for a seat as it stands, for a machine that sent no request.

Pure. docs/format.md has the rule ("The service's rules", "Renewals").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from keyferry_protocol.response import ResponseBody
from keyferry_service.domain.decide import refuse_any, refuse_protection, refuse_unidentified
from keyferry_service.domain.license import DAY, LicenseRecord, RegisteredDongle, Seat
from keyferry_service.domain.refusals import Refusal, RefusalCode


@dataclass(frozen=True, slots=True)
class RenewalOrder:
    """Seats of one license that the vendor wants to renew.

    `seats` maps each seat to the serial of its newest response that the vendor has on disk, or to
    None. Without `again`, a seat whose terms are those of its last response is left as it is.
    """

    license_number: str
    seats: Mapping[int, int | None]
    again: bool = False


class SeatOutcome(StrEnum):
    """What became of one seat."""

    RENEWED = "renewed"
    SIGNED_AGAIN = "signed-again"  # its last response is a renewal that grants the same
    UNCHANGED = "unchanged"  # its last response grants the same, and is no file to hand out
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class RenewedSeat:
    """What became of one seat: its file if one was signed, or the code of its refusal."""

    seat: int
    outcome: SeatOutcome
    file: bytes = b""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Renewal:
    """The rows to write, all or nothing, each as it is afterwards; and whom it is for."""

    license: LicenseRecord
    seat: Seat
    dongle: RegisteredDongle | None
    read_revision: int  # of the license, on which all of this rests
    previous_valid_until: int | None

    @property
    def serial(self) -> int:
        return self.license.revision


def renew(
    license: LicenseRecord, seat: Seat, dongle: RegisteredDongle | None, now: int
) -> Renewal | Refusal:
    """Renew a seat where an update that brought the seat's own set would be answered now.

    `dongle` is the registered dongle that the seat names. No move, key, or component changes.
    """
    if not seat.taken:
        return Refusal(RefusalCode.NO_SUCH_SEAT, facts={"n": seat.number})
    refusal = (
        refuse_unidentified(license, seat.protection, seat.components)
        or refuse_any(license, now)
        or refuse_protection(license, seat.protection)
        or _refuse_dongle(seat, dongle)
    )
    if refusal is not None:
        return refusal
    after = license.issued(license.revision + 1, now)
    return Renewal(
        after,
        seat.with_renewal(after.revision, now, after.ends_at),
        dongle,
        license.revision,
        seat.valid_until,
    )


def grants_the_same(last: ResponseBody, renewal: ResponseBody) -> bool:
    """Whether a renewal would give a seat no more than its last response did.

    Only a check-in due at least a day later counts as more, so that an interrupted run can
    continue on the same day.
    """
    terms, terms_before = (renewal.license, renewal.grace_days), (last.license, last.grace_days)
    return terms == terms_before and _is_due_the_same(last.check_in_by, renewal.check_in_by)


def _is_due_the_same(before: int | None, after: int | None) -> bool:
    if before is None or after is None:
        return before == after
    return abs(after - before) < DAY


def _refuse_dongle(seat: Seat, dongle: RegisteredDongle | None) -> Refusal | None:
    """Refuse the seat of a dongle that is no longer registered, or that has another seat."""
    if seat.protection != "dongle":
        return None
    if dongle is None:
        return Refusal(RefusalCode.DONGLE_NOT_REGISTERED)
    return None if dongle.seat == seat.number else Refusal(RefusalCode.NOT_ACTIVATED)
