"""`keyferry dongle`: which dongles are plugged in, and the key that a license is bound to."""

import json
import os
from typing import Any

import click

from keyferry.cli.command import KeyferryCommand, KeyferryGroup
from keyferry.cli.dongle_prompts import ask_pin, choose, choose_signer, dongle_option
from keyferry.cli.settings import Settings
from keyferry.dongle.find import FoundToken, find_tokens, usable
from keyferry_protocol.algorithms import dongle_algorithm
from keyferry_protocol.encoding import b64
from keyferry_protocol.errors import DongleMissing
from keyferry_protocol.keys import keyid
from keyferry_protocol.messages import message

output_option = click.option("--output", metavar="FILE", help="Where to save it.")
COLUMNS = ("dongle.list-model", "dongle.list-serial", "dongle.list-key")


@click.group("dongle", cls=KeyferryGroup)
def command() -> None:
    """See the USB dongles that are plugged in, and give one a key.

    Example: keyferry dongle list
    """


@command.command("list", cls=KeyferryCommand)
@click.pass_obj
def list_(settings: Settings) -> None:
    """Show every dongle that is plugged in. Example: keyferry dongle list"""
    found = find_tokens(settings.pkcs11_module)
    settings.terminal.document({"ok": True, "dongles": [_as_json(token) for token in found]})
    if not found:
        return settings.terminal.line(message("dongle.none"))
    table = [tuple(map(message, COLUMNS))]
    table += [(token.model, token.serial, _keyid(token) or "-") for token in found]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        settings.terminal.line("  ".join(cells).rstrip())
    return None


@command.command("make-key", cls=KeyferryCommand)
@dongle_option
@output_option
@click.pass_obj
def make_key(settings: Settings, serial: str | None, output: str | None) -> None:
    """Make a key that never leaves its dongle.

    Its public half is saved for the vendor. A dongle that has a key keeps it. The PIN
    is asked for, or read from KEYFERRY_DONGLE_PIN.

    Example: keyferry dongle make-key --output dongle.json
    """
    found = find_tokens(settings.pkcs11_module)
    if not found:
        raise DongleMissing(message("dongle.none"))
    token = choose(found, serial, settings.is_interactive)
    if token.has_our_key:
        settings.terminal.good(message("dongle.key-there", dongle=token))
    else:
        from keyferry.dongle import pkcs11 as tokens_pkcs11

        pin = ask_pin(token, settings.is_interactive) if token.needs_pin else None
        public = tokens_pkcs11.make_key(token, pin)
        token = token._replace(keys=(public, *token.keys), has_our_key=True)
        settings.terminal.good(message("dongle.key-made", dongle=token))
    _save(settings, token, output)


@command.command("export", cls=KeyferryCommand)
@dongle_option
@output_option
@click.pass_obj
def export(settings: Settings, serial: str | None, output: str | None) -> None:
    """Save a key's public half for the vendor.

    Also of a key that another program made, as on a PIV card.

    Example: keyferry dongle export --output dongle.json
    """
    found = usable(find_tokens(settings.pkcs11_module))
    _save(settings, choose_signer(found, serial, settings.is_interactive), output)


def _save(settings: Settings, token: FoundToken, output: str | None) -> None:
    path = output or f"dongle-{token.serial}.json"
    members = _public(token)
    with open(path, "w", encoding="ascii") as file:
        file.write(json.dumps(members) + "\n")
    settings.terminal.good(message("dongle.key-saved", path=path))
    settings.terminal.line(message("dongle.register", name=os.path.basename(path)))
    settings.terminal.document({"ok": True, "path": os.path.abspath(path), "dongle": members})


def _public(token: FoundToken) -> dict[str, str]:
    """What the vendor registers: the same members as a request's `dongle`."""
    return {
        "alg": dongle_algorithm(token.keys[0]).name,
        "public": b64(token.keys[0]),
        "model": token.model,
        "serial": token.serial,
    }


def _keyid(token: FoundToken) -> str | None:
    return keyid(dongle_algorithm(token.keys[0]).name, token.keys[0]) if token.keys else None


def _as_json(token: FoundToken) -> dict[str, Any]:
    return {
        "model": token.model,
        "serial": token.serial,
        "label": token.label,
        "keyid": _keyid(token),
        "module": token.module,
    }
