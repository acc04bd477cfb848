"""The options that say which licenses a command is about, the same for every command."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from keyferry_admin.cli.parameters import FirstSecond
from keyferry_admin.use_cases.find import STATES, Filters

_Command = Callable[..., Any]
_OPTIONS: dict[str, dict[str, Any]] = {
    "licensee": {"metavar": "TEXT", "help": "Licensees with this text in their name."},
    "product": {"help": "Exactly this product."},
    "reference": {"help": "Exactly this order or CRM number."},
    "label": {"multiple": True, "help": "Licenses with this label. Repeatable: with them all."},
    "status": {"type": click.Choice(STATES), "help": "Ended: active, but its end has passed."},
    "ends-before": {"type": FirstSecond(), "help": "Licenses that end before this day."},
    "unused-since": {"type": FirstSecond(), "help": "No computer got a file since this day."},
}


def filter_options(prefix: str = "") -> Callable[[_Command], _Command]:
    """The options of all filters, which the command gets as `filters`.

    With a prefix where the same names are terms: `--where-licensee` beside `--licensee`.
    """

    def decorate(command: _Command) -> _Command:
        @wraps(command)
        def with_filters(*args: Any, **params: Any) -> Any:
            values = {name: params.pop(_parameter(name)) for name in _OPTIONS}
            filters = Filters(
                licensee=values["licensee"] or "",
                product=values["product"] or "",
                reference=values["reference"] or "",
                labels=values["label"],
                status=values["status"] or "",
                ends_before=values["ends-before"],
                unused_since=values["unused-since"],
            )
            return command(*args, filters=filters, **params)

        decorated: _Command = with_filters
        for name, settings in reversed(_OPTIONS.items()):
            option = click.option(f"--{prefix}{name}", _parameter(name), **settings)
            decorated = option(decorated)
        return decorated

    return decorate


def _parameter(name: str) -> str:
    return f"filter_{name.replace('-', '_')}"
