"""The types of arguments and options."""

import re
from typing import Any

import click

from keyferry_admin.use_cases.terms import Period
from keyferry_protocol.activation import parse_license_number
from keyferry_protocol.encoding import parse_time
from keyferry_protocol.errors import KeyferryError
from keyferry_service.views.api_input import is_email

_PERIOD = re.compile("[+](?P<count>[1-9][0-9]{0,4})(?P<unit>[yd])")


class LicenseNumber(click.ParamType[str]):
    """A license number, with or without its dots."""

    name = "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        try:
            return parse_license_number(value)
        except KeyferryError as error:
            self.fail(str(error), param, ctx)


class Address(click.ParamType[str]):
    """An email address, without a display name."""

    name = "email"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        if not is_email(value):
            self.fail(f"{value!r} is not an email address", param, ctx)
        return str(value)


class AddressOrNone(Address):
    """An email address, or `none` to take one away."""

    name = "email|none"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        return "" if value == "none" else super().convert(value, param, ctx)


class TextOrNone(click.ParamType[str]):
    """A text, or `none` to take one away."""

    name = "text|none"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        return "" if value == "none" else str(value).strip()


class Moment(click.ParamType[int | Period | None]):
    """A day, which means its last second in UTC, or a time, `+1y` or `+30d`; `none` is no date."""

    name = "date"

    def __init__(self, none: str) -> None:
        self._none = none

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return f"DATE|+1y|{self._none}"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | Period | None:
        if value in ("none", "never"):
            return None
        if period := _PERIOD.fullmatch(value):
            count = int(period["count"])
            return Period(years=count) if period["unit"] == "y" else Period(days=count)
        try:
            return parse_time(value if "T" in value else f"{value}T23:59:59Z")
        except ValueError:
            text = f"{value!r} is no day like 2027-11-30, no time, no period like +1y or +30d"
            self.fail(f"{text}, and not {self._none}", param, ctx)


class FirstSecond(click.ParamType[int]):
    """A day, which means its first second in UTC, or a time."""

    name = "date"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        try:
            return parse_time(value if "T" in value else f"{value}T00:00:00Z")
        except ValueError:
            self.fail(f"{value!r} is no day like 2027-11-30, and no time", param, ctx)


class DaysOrNone(click.ParamType[int | None]):
    """A number of days, or `none` to remove the term."""

    name = "days|none"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "DAYS|none"

    def convert(self, value: Any, param: Any, ctx: Any) -> int | None:
        if value == "none":
            return None
        if not re.fullmatch("[0-9]{1,16}", str(value)):
            self.fail(f"{value!r} is neither a whole number of days nor none", param, ctx)
        return int(value)


class Feature(click.ParamType[tuple[str, bool | int | None]]):
    """A feature: `NAME`, or `NAME=N` for a limit; `NAME=none` removes it where that is allowed."""

    name = "feature"

    def __init__(self, *, is_removable: bool = False) -> None:
        self._is_removable = is_removable

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "NAME[=N|=none]" if self._is_removable else "NAME[=N]"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, bool | int | None]:
        name, equals, limit = value.partition("=")
        if not equals:
            return name, True
        if limit == "none" and self._is_removable:
            return name, None
        if not re.fullmatch("[0-9]{1,16}", limit):  # the largest limit has 16 digits
            self.fail(f"{limit!r} is not a whole number", param, ctx)
        return name, int(limit)


def each_feature_once(
    ctx: click.Context,
    param: click.Parameter,
    features: tuple[tuple[str, bool | int | None], ...],
) -> dict[str, bool | int | None]:
    """The features by name: the callback of an option `--feature`, which can be repeated."""
    by_name = dict(features)
    if len(by_name) < len(features):
        names = [name for name, _ in features]
        twice = next(name for name in names if names.count(name) > 1)
        raise click.BadParameter(f"the feature {twice} is used twice", ctx, param)
    return by_name
