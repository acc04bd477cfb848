"""The options for the terms of a license: what `create` and `change` say of each alike."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import click

from keyferry_admin.cli.parameters import (
    AddressOrNone,
    DaysOrNone,
    Moment,
    TextOrNone,
    each_feature_once,
)
from keyferry_protocol.components import PROTECTIONS

_F = TypeVar("_F", bound=Callable[..., Any])

product = partial(click.option, "--product", help="The product name that the application uses.")
licensee = partial(click.option, "--licensee", help="Customer name.")
contact = partial(click.option, "--contact", type=AddressOrNone())
edition = partial(click.option, "--edition", help="For example Professional.")
feature = partial(click.option, "--feature", "features", multiple=True, callback=each_feature_once)
seats = partial(click.option, "--seats", type=int, help="Number of computers at the same time.")
until = partial(click.option, "--until", "valid_until", type=Moment("never"))
lease = partial(click.option, "--lease", "lease_days", type=DaysOrNone())
grace = partial(click.option, "--grace", "grace_days", type=int, metavar="DAYS")
moves = partial(
    click.option,
    "--moves-per-year",
    type=int,
    help="Moves to another computer allowed each year.",
)
protection = partial(
    click.option, "--protection", "protections", type=click.Choice(PROTECTIONS), multiple=True
)
environment = partial(click.option, "--environment", "environments", multiple=True)
trial = click.option(
    "--trial",
    "trial_days",
    type=DaysOrNone(),
    help="Days until it ends, counted from first activation.",
)
maintenance = click.option(
    "--maintenance-until", type=Moment("none"), help="Versions released later do not run."
)


def vendor_facts(command: _F) -> _F:
    """The options for what a license says to its vendor alone."""
    for option in (
        click.option(
            "--label",
            "labels",
            multiple=True,
            metavar="LABEL|none",
            callback=_labels,
            help="All labels, for finding it. Repeatable.",
        ),
        click.option("--note", type=TextOrNone(), help="For your own use."),
        click.option("--reference", type=TextOrNone(), help="Your order or CRM number."),
    ):
        command = option(command)
    return command


def _labels(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> Any:
    """Every label once, none for `none`; None if the option was not used."""
    if not texts:
        return None
    return () if texts == ("none",) else tuple(dict.fromkeys(texts))
