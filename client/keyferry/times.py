"""Converts times: arguments and results of the library, and text for people."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from keyferry_protocol.messages import formats

Moment = int | float | datetime | None

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY_S = 86400


def seconds(moment: int | float | datetime) -> int:
    """Convert to whole seconds since 1970. A datetime without a time zone is in UTC."""
    if isinstance(moment, datetime):
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return int(moment)


def clock_at(now: Moment) -> Callable[[], int]:
    """The computer's clock, or a clock that always returns the moment that was passed."""
    if now is None:
        return lambda: int(time.time())
    moment = seconds(now)
    return lambda: moment


def release_seconds(released: int | float | str | date | datetime) -> int:
    """When a version was released: a date (its first second in UTC), a moment, or ISO 8601."""
    if isinstance(released, str):
        released = datetime.fromisoformat(released)
    if isinstance(released, date) and not isinstance(released, datetime):
        return (released.toordinal() - _EPOCH_DAY) * _DAY_S
    return seconds(released)


def as_datetime(moment: int) -> datetime:
    """The moment in UTC."""
    return _EPOCH + timedelta(seconds=moment)  # fromtimestamp fails before 1970 on Windows


def as_local(moment: int) -> datetime:
    """The moment in this computer's time zone; in UTC if the system cannot convert it."""
    utc = as_datetime(moment)
    try:
        return utc.astimezone()
    except (OverflowError, OSError):  # year 1 or 9999, or before 1970 on Windows
        return utc


def long_date(moment: int) -> str:
    """`30 November 2027`: a license's date, in UTC as the vendor set it."""
    return formats.long_date(as_datetime(moment))


def short_date(moment: int) -> str:
    """`30 Nov 2027`, for tables."""
    return formats.short_date(as_datetime(moment))


def local_time(moment: int) -> str:
    """`24 November 2026, 10:47`: a moment in this computer's time zone."""
    return formats.date_and_time(as_local(moment))


def local_time_with_zone(moment: int) -> str:
    """`24 November 2026, 10:47 +01:00`."""
    local = as_local(moment)
    zone = f"{local:%z}"
    return formats.date_and_time(local, f"{zone[:3]}:{zone[3:5]}")
