"""The types of arguments and options."""

import re
from typing import Any

import click

from keyferry_protocol.activation import parse_license_number
from keyferry_protocol.encoding import parse_time
from keyferry_protocol.errors import KeyferryError
from keyferry_service.views.api_input import is_email


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


class Moment(click.ParamType[int]):
    """A time in seconds since 1970. A day means its last second in UTC."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        try:
            return parse_time(value if "T" in value else f"{value}T23:59:59Z")
        except ValueError:
            self.fail(f"{value!r} is neither a day like 2027-11-30 nor a time", param, ctx)


class Feature(click.ParamType[tuple[str, bool | int]]):
    """A feature: `NAME`, or `NAME=N` for a limit."""

    name = "NAME[=N]"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, bool | int]:
        name, equals, limit = value.partition("=")
        if not equals:
            return name, True
        if not re.fullmatch("[0-9]{1,16}", limit):  # the largest limit has 16 digits
            self.fail(f"{limit!r} is not a whole number", param, ctx)
        return name, int(limit)
