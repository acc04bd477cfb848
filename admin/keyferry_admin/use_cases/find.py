"""Finds licenses by what the vendor remembers of them. Never reads the ledger."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from keyferry_protocol.activation import show_license_number
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.license import LicenseRecord, Seat, Status

ENDED = "ended"
STATES = (Status.ACTIVE.value, ENDED, Status.SUSPENDED.value, Status.REVOKED.value)
# What is always read of the index; each attribute more is a tenth more to wait.
_ALWAYS = (
    "number",
    "activation_public",
    "product",
    "edition",
    "licensee",
    "full_licensee",
    "valid_from",
    "valid_until",
    "trial_days",
    "seats",
    "status",
)
SEARCHED = ("contact", "reference", "labels")
T = TypeVar("T")


class Watch(Protocol):
    """Hands on what it is given, so many in all, as it is read: for a progress bar."""

    def __call__(self, rows: Iterator[T], count: int, /) -> Iterable[T]: ...


@dataclass(frozen=True, slots=True)
class Filters:
    """What a license must have to be found. Empty, or None: whatever it has.

    Texts are compared without regard to case; `reference` and labels exactly.
    """

    words: tuple[str, ...] = ()  # each is a part of its number or of a text
    licensee: str = ""  # a part of the name
    product: str = ""
    reference: str = ""
    labels: tuple[str, ...] = ()  # it has them all
    status: str = ""  # one of STATES
    ends_before: int | None = None  # seconds since 1970
    unused_since: int | None = None  # it was sold before, and no seat got a response since

    @property
    def attributes(self) -> set[str]:
        """Those of `SEARCHED` that `match` looks at."""
        return set(SEARCHED if self.words else ("labels",) if self.labels else ())

    def match(self, license: LicenseRecord, now: int) -> bool:
        """Whether the license has all this, except for `unused_since`, which its seats say."""
        return (
            self.licensee.casefold() in license.licensee.casefold()
            and self.product.casefold() in ("", license.product.casefold())
            and self.reference in ("", license.reference)
            and set(self.labels) <= set(license.labels)
            and self.status in ("", state_of(license, now))
            and (self.ends_before is None or _ends_before(license, self.ends_before))
            and (not self.words or self._words_match(license))
        )

    def _words_match(self, license: LicenseRecord) -> bool:
        texts = (
            license.number,
            show_license_number(license.number),
            license.licensee,
            license.contact,
            license.reference,
            license.product,
            license.edition,
            *license.labels,
        )
        searched = "\n".join(texts).casefold()
        return all(word.casefold() in searched for word in self.words)


def state_of(license: LicenseRecord, now: int) -> str:
    """Its status, but `ended` for an active license whose end has passed."""
    ended = license.status is Status.ACTIVE and license.has_ended(now)
    return ENDED if ended else license.status.value


def unwatched(rows: Iterator[T], _: int) -> Iterable[T]:
    """Nobody sees them being read."""
    return rows


def find_sold(
    licenses: Licenses,
    filters: Filters,
    now: int,
    shown: Collection[str] = SEARCHED,
    watch: Watch = unwatched,
) -> list[LicenseRecord]:
    """The licenses that match, by number, with what the index has of them and a list shows.

    Of `SEARCHED` they have what is `shown`. `Licenses.with_use` adds note and use to those that
    are listed. It may lack what was written in the last second. A trial has its use, which says
    when it ends. `watch` sees the seats that `unused_since` reads.
    """
    sold = _candidates(licenses, filters, shown)
    trials = [license for license in sold if license.trial_days is not None]
    others = [license for license in sold if license.trial_days is None]
    whole = [*licenses.with_use(trials), *others]
    matches = [license for license in whole if filters.match(license, now)]
    if filters.unused_since is not None:
        matches = _unused(licenses, matches, filters.unused_since, watch)
    return sorted(matches, key=lambda license: license.number)


def find_all(
    licenses: Licenses, filters: Filters, now: int, watch: Watch = unwatched
) -> list[LicenseRecord]:
    """The licenses that match, by number, each read as a whole at this moment."""
    sold = find_sold(licenses, filters, now, shown=(), watch=watch)
    read = licenses.read(license.number for license in sold)
    whole = [license for license in read if filters.match(license, now)]
    return sorted(whole, key=lambda license: license.number)


def find_seats(
    licenses: Licenses, filters: Filters, computer: str, now: int, watch: Watch = unwatched
) -> list[tuple[LicenseRecord, Seat]]:
    """Every seat ever used of the licenses that match, by number, with this text in its name."""
    used = _with_seats(licenses, find_sold(licenses, filters, now, shown=(), watch=watch))
    seats = defaultdict[str, list[Seat]](list)
    for number, seat in watch(licenses.seats_of(used), _count_seats(used)):
        if computer.casefold() in seat.machine_name.casefold():
            seats[number].append(seat)
    return [
        (license, seat)
        for license in sorted(used, key=lambda each: each.number)
        for seat in sorted(seats[license.number], key=lambda each: each.number)
    ]


def _candidates(
    licenses: Licenses, filters: Filters, shown: Collection[str]
) -> list[LicenseRecord]:
    """All licenses, or the few that a reference leads to without the index."""
    if filters.reference:
        return list(licenses.read(licenses.find_reference(filters.reference)))
    return list(licenses.sold((*_ALWAYS, *sorted(filters.attributes.union(shown)))))


def _unused(
    licenses: Licenses, candidates: list[LicenseRecord], moment: int, watch: Watch
) -> list[LicenseRecord]:
    sold_before = [license for license in candidates if license.valid_from < moment]
    used = _with_seats(licenses, sold_before)
    responses = watch(licenses.last_responses(used), _count_seats(used))
    still_used = {number for number, last_at in responses if last_at >= moment}
    return [license for license in sold_before if license.number not in still_used]


def _with_seats(licenses: Licenses, sold: list[LicenseRecord]) -> list[LicenseRecord]:
    """Those that ever had a seat, in no order, with the number of the next one."""
    return [each for each in licenses.with_use(sold, ["next_seat"]) if each.next_seat > 1]


def _count_seats(used: list[LicenseRecord]) -> int:
    return sum(license.next_seat - 1 for license in used)


def _ends_before(license: LicenseRecord, moment: int) -> bool:
    return license.ends_at is not None and license.ends_at < moment
