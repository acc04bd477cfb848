"""Formats dates, times, lists, and decimals in the current language (`formats.json`, CLDR)."""

from collections.abc import Iterable
from datetime import date, datetime

from keyferry_protocol.messages import message


def long_date(day: date) -> str:
    """`30 November 2027`."""
    return _date("long", "month", day)


def short_date(day: date) -> str:
    """`30 Nov 2027`, for tables."""
    return _date("short", "month-short", day)


def date_and_time(moment: datetime, zone: str = "") -> str:
    """`24 November 2026, 10:47`, or with a zone such as `+01:00` after it."""
    time = f"{clock_time(moment)} {zone}".rstrip()
    return message("formats.date-time", date=long_date(moment), time=time)


def clock_time(moment: datetime) -> str:
    """`10:47`."""
    fields = {"H": moment.hour, "HH": f"{moment:%H}", "mm": f"{moment:%M}"}
    return message("formats.time", **fields)


def decimal(number: float, digits: int) -> str:
    """`1.5`, with this many digits after the separator."""
    return f"{number:.{digits}f}".replace(".", message("formats.decimal"))


def comma_list(parts: Iterable[str]) -> str:
    """`one, two, three`; "" if there are none."""
    return _list(parts, "comma", "comma", "comma")


def semicolon_list(parts: Iterable[str]) -> str:
    """`one; two; three`; "" if there are none."""
    return _list(parts, "semicolon", "semicolon", "semicolon")


def and_list(parts: Iterable[str]) -> str:
    """`one, two and three`; "" if there are none."""
    return _list(parts, "comma", "and.two", "and.last")


def or_list(parts: Iterable[str]) -> str:
    """`one, two or three`; "" if there are none."""
    return _list(parts, "comma", "or.two", "or.last")


def _date(pattern: str, names: str, day: date) -> str:
    name = message(f"formats.{names}.{day.month}")
    fields = {"d": day.day, "M": day.month, "MMM": name, "MMMM": name, "y": day.year}
    return message(f"formats.date.{pattern}", **fields)


def _list(parts: Iterable[str], middle: str, two: str, last: str) -> str:
    text, *rest = [*parts] or [""]
    for position, part in enumerate(rest, 1):
        is_last = position == len(rest)
        pattern = middle if not is_last else two if position == 1 else last
        text = message(f"formats.list.{pattern}", first=text, last=part)
    return text
