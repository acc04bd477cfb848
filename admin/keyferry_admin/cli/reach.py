"""How far a change reaches: which computers go on working, and until when."""

from collections.abc import Sequence

from keyferry_admin.cli.output import count_of, day
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.license import DAY, LicenseRecord, Seat


def reach(license: LicenseRecord, seats: Sequence[Seat]) -> list[str]:
    """Until when the computers of these seats go on working, whatever changes in the license."""
    if not seats:
        return ["Not in use on any computer."]
    one = len(seats) == 1
    first = (
        f"In use on {count_of(len(seats), 'computer')}. "
        f"{'It goes' if one else 'They go'} on working there "
    )
    stops = [_stop(license, seat) for seat in seats]
    if None in stops:
        return [f"{first}without end:", "  a license without a lease never has to check in."]
    last = max(stop for stop in stops if stop is not None)
    if last in {seat.valid_until for seat in seats}:
        return [f"{first}until {'it ends' if one else 'they end'},", f"  {day(last)}."]
    grace = count_of(license.grace_days, "day")
    return [
        f"{first}until {'it' if one else 'they'} must check in,",
        f"  {day(last)} with {grace} of grace.",
    ]


def reach_warning(store: Licenses, before: LicenseRecord, after: LicenseRecord) -> list[str]:
    """What keeps working on customers' machines after this change, and until when."""
    seats = taken_seats(store, before.number)
    warning = reach(before, seats)
    if seats and after.product != before.product:
        warning.append(
            f"  Their next update file is for {after.product}; {before.product} refuses it."
        )
    return warning


def taken_seats(store: Licenses, number: str) -> list[Seat]:
    """The seats of a license that a computer has."""
    return [seat for seat in store.seats(number) if seat.taken]


def _stop(license: LicenseRecord, seat: Seat) -> int | None:
    """When the computer of a seat stops by its last file: at its end, or after lease and grace."""
    stops = [] if seat.valid_until is None else [seat.valid_until]
    if license.lease_days is not None:
        stops.append(seat.last_file_at + (license.lease_days + license.grace_days) * DAY)
    return min(stops, default=None)
