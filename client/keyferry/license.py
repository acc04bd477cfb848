"""A license that is valid on this machine, and the checks that an application runs on it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from keyferry.dongle.signer import AnyDongle, prove_dongle
from keyferry.license_message import license_message
from keyferry.store.clock import MAX_TIME, TOLERANCE_S, WRITE_EVERY_S
from keyferry.times import as_datetime, long_date, seconds
from keyferry_protocol.errors import (
    CheckInOverdue,
    ClockRolledBack,
    Expired,
    FeatureNotGranted,
    KeyferryError,
    MaintenanceEnded,
    NotYetValid,
)
from keyferry_protocol.response import Response

_DAY_S = 86400
SOON_DAYS = 30  # how long before the end of a license people are warned


class Result(NamedTuple):
    """The result of a check. It is true if the license or the feature may be used.

    `code` is `ok` or an error's code. `reason` explains a failure; for a success it is `grace`
    while an overdue check-in is tolerated, `ends-soon` in the last 30 days, otherwise None.
    `value` is the value of the feature: True, or a limit of at least 1.
    """

    ok: bool
    code: str
    reason: str | None
    expires: datetime | None
    value: bool | int | None

    def __bool__(self) -> bool:
        return self.ok


class License:
    """A license that is valid on this machine. Every check compares its dates with the clock.

    It checks the dongle too: once the dongle is unplugged, checks fail until the license is loaded
    again. Every check advances the mark, the latest known time, so an application that stays open
    notices a clock that is set back; `store_time` stores it now and then.
    """

    def __init__(
        self,
        response: Response,
        mark: int,
        clock: Callable[[], int],
        released: int | None = None,
        dongle: AnyDongle = None,
        store_time: Callable[[int], None] = lambda now: None,
    ) -> None:
        self.response = response
        self._mark = mark
        self._clock = clock
        self._store_time = store_time
        self._stored_at = clock()  # by `load`
        self._released = released
        self._dongle = dongle
        terms = response.license
        self.number = terms.number
        self.licensee = terms.licensee
        self.product = terms.product
        self.edition = terms.edition
        self.features: Mapping[str, bool | int] = terms.features
        self.trial = terms.trial
        self.seat = response.seat
        self.serial = response.serial
        self.protection = response.bound_to.protection

    @property
    def valid_from(self) -> datetime:
        return as_datetime(self.response.license.valid_from)

    @property
    def valid_until(self) -> datetime | None:
        return _as_datetime(self.response.license.valid_until)

    @property
    def maintenance_until(self) -> datetime | None:
        return _as_datetime(self.response.license.maintenance_until)

    @property
    def check_in_by(self) -> datetime | None:
        return _as_datetime(self.response.check_in_by)

    @property
    def expires(self) -> datetime | None:
        """When the license stops working without an update: at its end, or after the grace days."""
        ends = [e for e in (self.response.license.valid_until, self._grace_ends()) if e is not None]
        return _as_datetime(min(ends, default=None))

    @property
    def is_in_grace(self) -> bool:
        """Whether the check-in is overdue and the grace days are running."""
        check_in_by = self.response.check_in_by
        return check_in_by is not None and self._now() >= check_in_by

    @property
    def ends_soon(self) -> bool:
        """Whether the license, not just its lease, ends within 30 days."""
        end = self.response.license.valid_until
        return end is not None and end - self._now() <= SOON_DAYS * _DAY_S

    @property
    def days_left(self) -> int | None:
        """Days until `expires`, rounded up."""
        expires = self.expires
        return None if expires is None else -((self._now() - seconds(expires)) // _DAY_S)

    def check(self, feature: str | None = None) -> Result:
        """Whether the license, or this feature of it, may be used now. Never raises."""
        try:
            self.require(feature)
        except KeyferryError as error:
            return Result(False, error.code, str(error), self.expires, None)
        value = None if feature is None else self.features[feature]
        reason = "grace" if self.is_in_grace else "ends-soon" if self.ends_soon else None
        return Result(True, "ok", reason, self.expires, value)

    def require(self, feature: str | None = None) -> None:
        """Raises the KeyferryError that says why the license, or this feature, may not be used."""
        bound_to = self.response.bound_to.dongle
        if bound_to is not None:
            prove_dongle(bound_to, self._dongle)
        self.check_terms()
        if feature is not None and not (isinstance(feature, str) and feature in self.features):
            raise FeatureNotGranted(feature=str(feature), license_number=self.number)

    def check_terms(self) -> None:
        """Raises the KeyferryError of the clock or of the date that forbids using the license."""
        now = self._advance_mark()
        terms = self.response.license
        if now < terms.valid_from:
            raise self._on(NotYetValid, terms.valid_from, now)
        if terms.valid_until is not None and now >= terms.valid_until:
            raise self._on(Expired, terms.valid_until, now)
        grace_ends = self._grace_ends()
        if grace_ends is not None and now >= grace_ends:
            raise self._on(CheckInOverdue, self.response.check_in_by or grace_ends, now)
        maintained = terms.maintenance_until
        if self._released is not None and maintained is not None and self._released > maintained:
            raise self._on(MaintenanceEnded, maintained, now)

    def _on(self, error: type[KeyferryError], moment: int, now: int) -> KeyferryError:
        dates = {"date": long_date(moment), "now": long_date(now)}
        detail = license_message(f"errors.{error.code}.license", self.number, **dates)
        return error(detail, **dates, product=self.product, license_number=self.number)

    def _advance_mark(self) -> int:
        """The latest known time, now included. Raises ClockRolledBack."""
        now = self._clock()
        if now < self._mark - TOLERANCE_S:
            raise self._rolled_back(now)
        self._mark = max(self._mark, now)
        if now >= self._stored_at + WRITE_EVERY_S:
            self._stored_at = now
            self._store_time(now)
        return self._mark

    def _rolled_back(self, now: int) -> KeyferryError:
        """An update can help only if the mark is wrong: a date that the vendor signed is not."""
        issued_at = self.response.issued_at
        is_wrong = now < issued_at - TOLERANCE_S
        against = issued_at if is_wrong else self._mark
        name = "issued" if is_wrong else "used"
        dates = {"now": long_date(now), "mark": long_date(against)}
        detail = license_message(f"errors.clock-rolled-back.{name}", self.number, **dates)
        case = "wrong" if is_wrong else ""
        facts = {"now": now, "mark": against, "license_number": self.number}
        return ClockRolledBack(detail, case=case, **facts)

    def _grace_ends(self) -> int | None:
        check_in_by = self.response.check_in_by
        if check_in_by is None:
            return None
        return min(check_in_by + self.response.grace_days * _DAY_S, MAX_TIME)

    def _now(self) -> int:
        return max(self._clock(), self._mark)


def _as_datetime(moment: int | None) -> datetime | None:
    return None if moment is None else as_datetime(moment)
