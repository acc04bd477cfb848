"""Prompts for the PIN of a dongle, and for one of several dongles."""

import os
import sys

import click

from keyferry.dongle.find import preferred
from keyferry.dongle.plugged import PluggedDongle
from keyferry_protocol.errors import DongleMissing
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list

PIN_VARIABLE = "KEYFERRY_DONGLE_PIN"
dongle_option = click.option("--dongle", "serial", metavar="SERIAL")


def ask_pin(dongle: PluggedDongle, may_ask: bool) -> str | None:
    """Prompt for the PIN, which is neither shown nor stored; None if it cannot prompt."""
    pin = os.environ.get(PIN_VARIABLE)
    if pin:
        return pin
    if not may_ask or not (sys.stdin.isatty() or sys.stderr.isatty()):
        return None
    typed: str = click.prompt(message("dongle.pin", dongle=dongle), hide_input=True, err=True)
    return typed


def choose_signer(dongles: list[PluggedDongle], serial: str | None, may_ask: bool) -> PluggedDongle:
    """Like `choose`, among dongles that can sign; prefers a key that was made for Keyferry."""
    return choose(dongles if serial else preferred(dongles), serial, may_ask)


def choose(dongles: list[PluggedDongle], serial: str | None, may_ask: bool) -> PluggedDongle:
    """The dongle to use. Raises DongleMissing, or UsageError if it cannot prompt."""
    if serial:
        dongles = [dongle for dongle in dongles if dongle.serial == serial]
    if not dongles:
        raise DongleMissing(message("dongle.not-there", serial=serial))
    if len(dongles) == 1:
        return dongles[0]
    if not may_ask:
        names = comma_list(map(str, dongles))
        text = message("dongle.several", dongles=names)
        raise click.UsageError(text, click.get_current_context())
    for number, dongle in enumerate(dongles, 1):
        click.echo(f"{number}. {dongle}", err=True)
    range_ = click.IntRange(1, len(dongles))
    return dongles[click.prompt(message("dongle.choose"), type=range_, err=True) - 1]
