"""Asks a person about dongles: the PIN, and which of several."""

import os
import sys

import click

from keyferry.dongle.find import FoundToken, preferred
from keyferry_protocol.errors import DongleMissing
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list

PIN_VARIABLE = "KEYFERRY_DONGLE_PIN"
dongle_option = click.option(
    "--dongle", "serial", metavar="SERIAL", help="Which one, where several are plugged in."
)


def ask_pin(found: FoundToken, may_ask: bool) -> str | None:
    """The PIN, which is neither shown nor kept; None where nobody can be asked."""
    given = os.environ.get(PIN_VARIABLE)
    if given:
        return given
    if not may_ask or not (sys.stdin.isatty() or sys.stderr.isatty()):
        return None
    typed: str = click.prompt(message("dongle.pin", dongle=found), hide_input=True, err=True)
    return typed


def choose_signer(found: list[FoundToken], serial: str | None, may_ask: bool) -> FoundToken:
    """As `choose`, of those that can sign; one with a key made for Keyferry needs no question."""
    return choose(found if serial else preferred(found), serial, may_ask)


def choose(found: list[FoundToken], serial: str | None, may_ask: bool) -> FoundToken:
    """The token meant. Raises DongleMissing, or UsageError where nobody can be asked."""
    if serial:
        found = [token for token in found if token.serial == serial]
    if not found:
        raise DongleMissing(message("dongle.not-there", serial=serial))
    if len(found) == 1:
        return found[0]
    if not may_ask:
        names = comma_list(map(str, found))
        text = message("dongle.several", dongles=names)
        raise click.UsageError(text, click.get_current_context())
    for number, token in enumerate(found, 1):
        click.echo(f"{number}. {token}", err=True)
    range_ = click.IntRange(1, len(found))
    return found[click.prompt(message("dongle.choose"), type=range_, err=True) - 1]
