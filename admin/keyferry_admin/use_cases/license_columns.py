"""What a CSV or YAML file says of a license: each column, how it is read and how it is shown.

Columns have the names of the `--json` document of a license.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from keyferry_protocol.activation import parse_license_number, show_license_number
from keyferry_protocol.encoding import format_time, parse_time
from keyferry_protocol.errors import KeyferryError
from keyferry_service.domain.license import LicenseRecord, Status
from keyferry_service.views.api_input import is_email

NUMBER = "license_number"
# What `license export` writes for people, and no file can set.
READ_ONLY = ("ends_at", "seats_used", "moves_left", "valid_from", "first_issued_at", "revision")
_DAY_ENDS = "T23:59:59Z"
_FRACTION = re.compile(r"\.\d+Z$")
_NONE = ("", "none", "never")


@dataclass(frozen=True, slots=True)
class LicenseColumn:
    """A term of a license as text; `read` raises ValueError with what is wrong."""

    name: str
    read: Callable[[str], Any]
    show: Callable[[Any], str] = str


@dataclass(frozen=True, slots=True)
class Row:
    """What one row says: attributes of the license, and its number if it has one."""

    line: int
    number: str | None
    terms: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadCell:
    """What is wrong in a row, and what to do; `column` is "" if it is no single one."""

    line: int
    column: str
    text: str


def read_row(line: int, cells: Mapping[str, str]) -> tuple[Row, list[BadCell]]:
    """The row with these texts by column, and all that is wrong. An empty text is the default."""
    number, terms, bad = None, dict[str, Any](), list[BadCell]()
    for name, text in cells.items():
        try:
            if name == NUMBER:
                number = _number(text) if text else None
            else:
                terms[name] = BY_NAME[name].read(text) if text else DEFAULTS[name]
        except ValueError as error:
            bad.append(BadCell(line, name, str(error)))
    return Row(line, number, terms), bad


def _number(text: str) -> str:
    try:
        return parse_license_number(text)
    except KeyferryError as error:
        hint = "Write it with its dots, as in 015.120.020.093; a spreadsheet removes a leading 0."
        raise ValueError(f"{text!r} is no license number. {hint}") from error


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,16}", text):
        raise ValueError(f"{text!r} is not a whole number. Write it with digits only.")
    return int(text)


def _count_or_none(text: str) -> int | None:
    return None if text.lower() in _NONE else _count(text)


def _moment(text: str) -> int | None:
    if text.lower() in _NONE:
        return None
    try:
        return parse_time(_FRACTION.sub("Z", text) if "T" in text else f"{text}{_DAY_ENDS}")
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no date like 2027-11-30. Write year, month, and day, or never;"
            " in a spreadsheet, format the column as yyyy-mm-dd."
        ) from error


def show_moment(seconds: int | None) -> str:
    """`2027-11-30` for the last second of a day (UTC), otherwise with its time; "" for None."""
    return "" if seconds is None else format_time(seconds).removesuffix(_DAY_ENDS)


def _address(text: str) -> str:
    if not is_email(text):
        raise ValueError(f"{text!r} is not an email address. Correct it, or leave it empty.")
    return text


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"[^\s,;]+", text)))


def _environments(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(("physical", *_words(text))))


def _features(text: str) -> dict[str, bool | int]:
    features: dict[str, bool | int] = {}
    for word in re.findall(r"[^\s,;]+", text):
        name, equals, limit = word.partition("=")
        if name in features:
            raise ValueError(f"The feature {name} is there twice. Leave one of them.")
        if equals and not re.fullmatch("[0-9]{1,16}", limit):
            raise ValueError(f"The limit of {name} is not a whole number. Write {name}=16.")
        features[name] = int(limit) if equals else True
    return features


def _show_features(features: Mapping[str, bool | int]) -> str:
    return " ".join(n if v is True else f"{n}={v}" for n, v in features.items())


def _status(text: str) -> Status:
    try:
        return Status(text.lower())
    except ValueError as error:
        raise ValueError(f"{text!r} is no status. Write active or suspended.") from error


COLUMNS = (
    LicenseColumn("reference", str),
    LicenseColumn("licensee", str),
    LicenseColumn("contact", _address),
    LicenseColumn("product", str),
    LicenseColumn("edition", str),
    LicenseColumn("features", _features, _show_features),
    LicenseColumn("seats", _count),
    LicenseColumn("valid_until", _moment, show_moment),
    LicenseColumn("trial_days", _count_or_none, lambda days: "" if days is None else str(days)),
    LicenseColumn("maintenance_until", _moment, show_moment),
    LicenseColumn("lease_days", _count_or_none, lambda days: "" if days is None else str(days)),
    LicenseColumn("grace_days", _count),
    LicenseColumn("moves_per_year", _count),
    LicenseColumn("protections", _words, " ".join),
    LicenseColumn("environments", _environments, " ".join),
    LicenseColumn("status", _status),
    LicenseColumn("labels", _words, " ".join),
    LicenseColumn("note", str),
)
BY_NAME = {column.name: column for column in COLUMNS}
_BLANK = LicenseRecord("", b"", "", 0)
DEFAULTS = {name: getattr(_BLANK, name) for name in BY_NAME}


def texts_of(license: LicenseRecord) -> list[str]:
    """The license's number and terms as texts, in the order of `COLUMNS`."""
    return [
        show_license_number(license.number),
        *(column.show(getattr(license, column.name)) for column in COLUMNS),
    ]
