"""Counts a vendor's figures by day and product: all days are in UTC."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from keyferry_service.adapters.refusals_dynamodb import KEPT_DAYS
from keyferry_service.domain.license import DAY, YEAR_DAYS, LicenseRecord, Status
from keyferry_service.domain.refusals import RefusalRecord

DEFAULT_DAYS = 90  # of a period
ENDING_DAYS = (30, 60, 90)


class Figure(StrEnum):
    """What is counted day by day."""

    ACTIVATIONS = "activations"
    UPDATES = "updates"
    DEACTIVATIONS = "deactivations"
    RENEWALS = "renewals"
    MOVES = "moves"
    REFUSALS = "refusals"


_FIGURE_OF_KIND: dict[str | None, Figure] = {
    "activate": Figure.ACTIVATIONS,
    "update": Figure.UPDATES,
    "deactivate": Figure.DEACTIVATIONS,
    "renewal": Figure.RENEWALS,
}
# How many whole days before today are still known.
DAYS_KNOWN = {Figure.MOVES: YEAR_DAYS, Figure.REFUSALS: KEPT_DAYS - 1}


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days, both ends included."""

    since: date
    until: date

    @classmethod
    def last_days(cls, until: date, days: int = DEFAULT_DAYS) -> "Period":
        return cls(until - timedelta(days=days - 1), until)

    @property
    def before(self) -> "Period":
        """As many days, which end where this period begins."""
        return Period.last_days(self.since - timedelta(days=1), len(self))

    @property
    def starts_at(self) -> int:
        """Its first second."""
        return _seconds(self.since)

    @property
    def ends_at(self) -> int:
        """Its last second."""
        return _seconds(self.until) + DAY - 1

    def __len__(self) -> int:
        return (self.until - self.since).days + 1

    def __contains__(self, day: date) -> bool:
        return self.since <= day <= self.until

    def __iter__(self) -> Iterator[date]:
        return (self.since + timedelta(days=number) for number in range(len(self)))


class Answer(NamedTuple):
    """What the ledger says of one response."""

    license_number: str
    kind: str | None  # None: its row cannot be read
    at: int


class Cell(NamedTuple):
    """One number of the figures is for this day and product, and of a refusal for its code."""

    figure: Figure
    day: date
    product: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class ProductSeats:
    """The licenses of a product that can be used now, and their seats."""

    product: str
    licenses: int
    in_use: int
    sold: int


@dataclass(frozen=True, slots=True)
class Ending:
    """A license that ends soon."""

    license: LicenseRecord
    ends_at: int
    days_left: int


@dataclass(frozen=True)
class Figures:
    """The figures of a period and of the one before; seats and ends are those of today."""

    period: Period
    now: int
    cells: Mapping[Cell, int]
    seats: Sequence[ProductSeats]  # by product
    ending: Sequence[Ending]  # the first one first
    unreadable: Mapping[str, int]  # responses that could not be counted, by license number

    def total(self, figure: Figure, product: str | None = None) -> int:
        """The number in the period, of all products or of one."""
        return self._total(self.period, figure, product)

    def total_before(self, figure: Figure) -> int | None:
        """The number in the period before; None if not all of it is known any more."""
        if not self.is_known(figure, self.period.before):
            return None
        return self._total(self.period.before, figure, None)

    def is_known(self, figure: Figure, period: Period) -> bool:
        """Whether the rows still say everything about the period."""
        days = DAYS_KNOWN.get(figure)
        return days is None or period.since >= day_of(self.now) - timedelta(days=days)

    def of_day(self, figure: Figure, day: date, product: str) -> int:
        return self._days[figure, day, product]

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Each code of a refusal in the period with its number, the most frequent first."""
        codes: Counter[str] = Counter()
        for cell, count in self.cells.items():
            if cell.figure is Figure.REFUSALS and cell.day in self.period:
                codes[cell.code] += count
        return sorted(codes.items(), key=lambda each: (-each[1], each[0]))

    @property
    def products(self) -> list[str]:
        """Every product that was sold, by name."""
        return [seats.product for seats in self.seats]

    @property
    def seats_in_use(self) -> int:
        return sum(seats.in_use for seats in self.seats)

    @property
    def seats_sold(self) -> int:
        return sum(seats.sold for seats in self.seats)

    def ending_within(self, days: int) -> list[Ending]:
        return [each for each in self.ending if each.days_left <= days]

    @cached_property
    def _days(self) -> Counter[tuple[Figure, date, str]]:
        days: Counter[tuple[Figure, date, str]] = Counter()
        for (figure, day, product, _), count in self.cells.items():
            days[figure, day, product] += count
        return days

    def _total(self, period: Period, figure: Figure, product: str | None) -> int:
        return sum(
            count
            for cell, count in self.cells.items()
            if cell.figure is figure and cell.day in period and product in (None, cell.product)
        )


def count_figures(
    licenses: Iterable[LicenseRecord],
    answers: Iterable[Answer],
    refusals: Iterable[RefusalRecord],
    period: Period,
    now: int,
) -> Figures:
    """Count what the rows say of these licenses, and of no others.

    An answer or a refusal counts for the product that its license has today.
    """
    counted = {each.number: each for each in licenses}
    cells: Counter[Cell] = Counter()
    unreadable: Counter[str] = Counter()
    for answer in answers:
        license = counted.get(answer.license_number)
        if license is None:
            continue
        figure = _FIGURE_OF_KIND.get(answer.kind)
        if figure is not None:
            cells[Cell(figure, day_of(answer.at), license.product)] += 1
        elif day_of(answer.at) in period:
            unreadable[license.number] += 1
    for refused in refusals:
        license = counted.get(refused.license_number)
        if license is not None:
            code = refused.refusal.code.value
            cells[Cell(Figure.REFUSALS, day_of(refused.at), license.product, code)] += 1
    for license in counted.values():
        for day, moves in license.moves.items():
            cells[Cell(Figure.MOVES, date.fromisoformat(day), license.product)] += moves
    known = {
        cell: n for cell, n in cells.items() if period.before.since <= cell.day <= period.until
    }
    return Figures(
        period=period,
        now=now,
        cells=known,
        seats=_seats(counted.values(), now),
        ending=_ending(counted.values(), now),
        unreadable=unreadable,
    )


def day_of(seconds: int) -> date:
    """The day in UTC."""
    return datetime.fromtimestamp(seconds, UTC).date()


def _seconds(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp())


def _is_usable(license: LicenseRecord, now: int) -> bool:
    return license.status is not Status.REVOKED and not license.has_ended(now)


def _seats(licenses: Iterable[LicenseRecord], now: int) -> list[ProductSeats]:
    """The seats by product; a product whose licenses all ended has none."""
    by_product: dict[str, list[LicenseRecord]] = {}
    for license in licenses:
        usable = by_product.setdefault(license.product, [])
        if _is_usable(license, now):
            usable.append(license)
    return [
        ProductSeats(
            product,
            licenses=len(usable),
            in_use=sum(license.seats_used for license in usable),
            sold=sum(license.seats for license in usable),
        )
        for product, usable in sorted(by_product.items())
    ]


def _ending(licenses: Iterable[LicenseRecord], now: int) -> list[Ending]:
    today = day_of(now)
    ends = [
        Ending(license, license.ends_at, (day_of(license.ends_at) - today).days)
        for license in licenses
        if license.ends_at is not None and _is_usable(license, now)
    ]
    soon = [each for each in ends if each.days_left <= max(ENDING_DAYS)]
    return sorted(soon, key=lambda each: (each.ends_at, each.license.number))
