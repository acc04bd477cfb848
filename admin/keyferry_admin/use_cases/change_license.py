"""Changes licenses. Each write requires that the license still has the revision that was read."""

import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from keyferry_admin.errors.licenses import LicenseChanged, NoSuchSeat
from keyferry_admin.use_cases.licenses import LicenseWithCode, find_changeable
from keyferry_admin.use_cases.terms import check_terms
from keyferry_protocol.activation import activation_key, new_activation_code
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.retries import Conflict
from keyferry_service.domain.change import CHANGE
from keyferry_service.domain.license import LicenseRecord, Seat, Status

_ATTEMPTS = 12
STATUS_CHANGES = {
    Status.ACTIVE: "resume",
    Status.SUSPENDED: "suspend",
    Status.REVOKED: "revoke",
}
_T = TypeVar("_T")


def change(
    licenses: Licenses,
    number: str,
    changed: Callable[[LicenseRecord], LicenseRecord],
    what: str = CHANGE,
) -> LicenseRecord:
    """Write what `changed` returns for the current license, unless that is the license as it is.

    Raises NoSuchLicense, AlreadyRevoked or BadTerms.
    """

    def attempt() -> LicenseRecord:
        before = find_changeable(licenses, number)
        after = changed(before)
        if after == before:
            return before
        after = next_revision(before, after)
        check_terms(after)
        licenses.change(before, after, what)
        return after

    return retry_on_conflict(attempt)


def set_status(licenses: Licenses, number: str, status: Status) -> LicenseRecord:
    """Suspend, resume or revoke a license."""
    return change(
        licenses,
        number,
        lambda license: replace(license, status=status),
        STATUS_CHANGES[status],
    )


def allow_move(licenses: Licenses, number: str) -> LicenseRecord:
    """Allow one move more than the license allows per year."""
    return change(
        licenses,
        number,
        lambda license: replace(license, seats_ever_used=license.seats_ever_used - 1),
        "allow-move",
    )


def replace_code(licenses: Licenses, number: str) -> LicenseWithCode:
    """Replace the activation code; requests made with the old one are refused from then on."""
    code = new_activation_code(number)
    public = activation_key(code, number).public
    after = change(
        licenses, number, lambda license: replace(license, activation_public=public), "new-code"
    )
    return LicenseWithCode(after, code)


def release_seat(
    licenses: Licenses, number: str, seat_number: int, device_key: bytes | None = None
) -> tuple[LicenseRecord, Seat]:
    """Free a seat and allow one move. Raises NoSuchSeat or AlreadyRevoked.

    With the `device_key` of the computer that was confirmed, also raises LicenseChanged if another
    computer has the seat by now.
    """

    def attempt() -> tuple[LicenseRecord, Seat]:
        before = find_changeable(licenses, number)
        seat = find_taken_seat(licenses, number, seat_number)
        if device_key not in (None, seat.device_key):
            raise LicenseChanged(f"Another computer has seat {seat_number} by now")
        after = next_revision(
            before,
            replace(
                before, seats_used=before.seats_used - 1, seats_ever_used=before.seats_ever_used - 1
            ),
        )
        licenses.release(before, after, seat)
        return after, seat

    return retry_on_conflict(attempt)


def find_taken_seat(licenses: Licenses, number: str, seat_number: int) -> Seat:
    """Find a seat that a computer has. Raises NoSuchSeat."""
    for seat in licenses.seats(number):
        if seat.number == seat_number and seat.taken:
            return seat
    raise NoSuchSeat(f"No computer has seat {seat_number} of license {number}")


def next_revision(before: LicenseRecord, after: LicenseRecord) -> LicenseRecord:
    """The license to write over the one that was read."""
    return replace(after, revision=before.revision + 1)


def retry_on_conflict(attempt: Callable[[], _T]) -> _T:
    """Repeat read, decide, and write while others write in between. Raises LicenseChanged."""
    for index in range(_ATTEMPTS):
        try:
            return attempt()
        except Conflict:
            time.sleep(random.uniform(0, 0.02 * 2 ** min(index, 5)))
    raise LicenseChanged("The license keeps being changed by others")
