"""Finds licenses by what the vendor remembers of them. Never reads the ledger."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

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
_AT_ONCE = 8  # queries for seats; boto3 keeps ten connections


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
            and self._words_match(license)
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


def find_sold(
    licenses: Licenses, filters: Filters, now: int, shown: Collection[str] = SEARCHED
) -> list[LicenseRecord]:
    """The licenses that match, by number, with what the index has of them and a list shows.

    Of `SEARCHED` they have what is `shown`. `Licenses.with_use` adds note and use to those that
    are listed. It may lack what was written in the last second. A trial has its use, which says
    when it ends.
    """
    sold = _candidates(licenses, filters, shown)
    trials = [license for license in sold if license.trial_days is not None]
    others = [license for license in sold if license.trial_days is None]
    whole = [*licenses.with_use(trials), *others]
    matches = [license for license in whole if filters.match(license, now)]
    if filters.unused_since is not None:
        matches = _unused(licenses, matches, filters.unused_since)
    return sorted(matches, key=lambda license: license.number)


def find_all(licenses: Licenses, filters: Filters, now: int) -> list[LicenseRecord]:
    """The licenses that match, by number, each read as a whole at this moment."""
    numbers = [license.number for license in find_sold(licenses, filters, now, shown=())]
    whole = [license for license in licenses.read(numbers) if filters.match(license, now)]
    return sorted(whole, key=lambda license: license.number)


def find_seats(
    licenses: Licenses, filters: Filters, computer: str, now: int
) -> list[tuple[LicenseRecord, Seat]]:
    """Every seat ever used of the licenses that match, by number, with this text in its name."""
    used = [each for each in find_all(licenses, filters, now) if each.first_issued_at is not None]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        seats = pool.map(lambda license: list(licenses.seats(license.number)), used)
        return [
            (license, seat)
            for license, its_seats in zip(used, seats, strict=True)
            for seat in sorted(its_seats, key=lambda each: each.number)
            if computer.casefold() in seat.machine_name.casefold()
        ]


def _candidates(
    licenses: Licenses, filters: Filters, shown: Collection[str]
) -> list[LicenseRecord]:
    """All licenses, or the few that a reference leads to without the index."""
    if filters.reference:
        return list(licenses.read(licenses.find_reference(filters.reference)))
    return list(licenses.sold((*_ALWAYS, *sorted(filters.attributes.union(shown)))))


def _unused(
    licenses: Licenses, candidates: list[LicenseRecord], moment: int
) -> list[LicenseRecord]:
    sold_before = [license for license in candidates if license.valid_from < moment]
    used = [each for each in licenses.with_use(sold_before) if each.first_issued_at is not None]

    def is_used(license: LicenseRecord) -> bool:
        return licenses.is_used_since(license.number, moment)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = pool.map(is_used, used)
        still_used = {each.number for each, answer in zip(used, answers, strict=True) if answer}
    return [license for license in sold_before if license.number not in still_used]


def _ends_before(license: LicenseRecord, moment: int) -> bool:
    return license.ends_at is not None and license.ends_at < moment
