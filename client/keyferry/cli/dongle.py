"""`keyferry dongle`: which dongles are plugged in, and the keys that licenses are bound to."""

import json
import os
import textwrap
from typing import Any

import click

from keyferry.cli.command import KeyferryCommand, KeyferryGroup
from keyferry.cli.dongle_prompts import ask_pin, choose, choose_signer, dongle_option
from keyferry.cli.output_path import check_can_write, check_not_read
from keyferry.cli.settings import Settings
from keyferry.dongle.find import find_dongles, with_keys
from keyferry.dongle.plugged import NotAttested, PluggedDongle
from keyferry.views.columns import table
from keyferry_protocol.algorithms import dongle_algorithm
from keyferry_protocol.encoding import b64
from keyferry_protocol.errors import DongleMissing
from keyferry_protocol.keys import keyid
from keyferry_protocol.messages import message

output_option = click.option("--output", metavar="FILE")
attest_option = click.option("--attest", is_flag=True)
COLUMNS = ("dongle.list-model", "dongle.list-serial", "dongle.list-key")


@click.group("dongle", cls=KeyferryGroup)
def command() -> None:
    """See the USB dongles that are plugged in, and give one a key."""


@command.command("list", cls=KeyferryCommand)
@click.pass_obj
def list_(settings: Settings) -> None:
    """Show every dongle that is plugged in."""
    dongles = find_dongles(settings.pkcs11_module)
    settings.terminal.document({"ok": True, "dongles": [_as_json(dongle) for dongle in dongles]})
    if not dongles:
        return settings.terminal.line(message("dongle.none"))
    lines = [tuple(map(message, COLUMNS))]
    lines += [(dongle.model, dongle.serial, _keyid(dongle) or "-") for dongle in dongles]
    for line in table(lines):
        settings.terminal.line(line)
    return None


@command.command("make-key", cls=KeyferryCommand)
@dongle_option
@output_option
@attest_option
@click.pass_obj
def make_key(settings: Settings, serial: str | None, output: str | None, attest: bool) -> None:
    """Make a key that never leaves its dongle."""
    _check_output(settings, output)
    dongles = find_dongles(settings.pkcs11_module)
    if not dongles:
        raise DongleMissing(message("dongle.none"))
    dongle = choose(dongles, serial, settings.is_interactive)
    if dongle.has_our_key:
        settings.terminal.good(message("dongle.key-there", dongle=dongle))
    else:
        from keyferry.dongle import pkcs11

        for path in _paths(dongle, output, attest):  # a key cannot be taken back
            check_can_write(path)
        pin = ask_pin(dongle, settings.is_interactive) if dongle.needs_pin else None
        public = pkcs11.make_key(dongle, pin)
        dongle = dongle._replace(keys=(public, *dongle.keys), has_our_key=True)
        settings.terminal.good(message("dongle.key-made", dongle=dongle))
    _save(settings, dongle, output, attest)


@command.command("export", cls=KeyferryCommand)
@dongle_option
@output_option
@attest_option
@click.pass_obj
def export(settings: Settings, serial: str | None, output: str | None, attest: bool) -> None:
    """Save a key's public half for the vendor."""
    _check_output(settings, output)
    dongles = with_keys(find_dongles(settings.pkcs11_module))
    _save(settings, choose_signer(dongles, serial, settings.is_interactive), output, attest)


def _check_output(settings: Settings, output: str | None) -> None:
    for path in (output, output and _attestation_path(output)):
        if path:
            check_not_read(settings, path)


def _paths(dongle: PluggedDongle, output: str | None, attest: bool) -> list[str]:
    """Where the key's public half is saved, and then its attestation."""
    path = output or f"dongle-{dongle.serial}.json"
    return [path, _attestation_path(path)] if attest else [path]


def _attestation_path(output: str) -> str:
    return f"{os.path.splitext(output)[0]}.pem"


def _save(settings: Settings, dongle: PluggedDongle, output: str | None, attest: bool) -> None:
    path, *attestation_paths = _paths(dongle, output, attest)
    attestation = _attestation(dongle) if attest else ""
    members = _public(dongle)
    with open(path, "w", encoding="ascii") as file:
        file.write(json.dumps(members) + "\n")
    settings.terminal.good(message("dongle.key-saved", path=path))
    document = {"ok": True, "path": os.path.abspath(path), "dongle": members}
    command = os.path.basename(path)
    for attestation_path in attestation_paths:
        with open(attestation_path, "w", encoding="ascii") as file:
            file.write(attestation)
        settings.terminal.good(message("dongle.attestation-saved", path=attestation_path))
        document["attestation_path"] = os.path.abspath(attestation_path)
        command += f" --attestation {os.path.basename(attestation_path)}"
    settings.terminal.line(message("dongle.register", name=command))
    settings.terminal.document(document)


def _attestation(dongle: PluggedDongle) -> str:
    """The dongle's proof that it made its key, in PEM. Raises NotAttested or DongleMissing."""
    from keyferry.dongle import pkcs11

    certificates = pkcs11.attestation(dongle, dongle.keys[0])
    if not certificates:
        raise NotAttested(message("dongle.not-attested", dongle=dongle))
    return "".join(
        f"-----BEGIN CERTIFICATE-----\n{textwrap.fill(b64(each), 64)}\n-----END CERTIFICATE-----\n"
        for each in certificates
    )


def _public(dongle: PluggedDongle) -> dict[str, str]:
    """The document that the vendor registers, with the members of a request's `dongle`."""
    return {
        "alg": dongle_algorithm(dongle.keys[0]).name,
        "public": b64(dongle.keys[0]),
        "model": dongle.model,
        "serial": dongle.serial,
    }


def _keyid(dongle: PluggedDongle) -> str | None:
    return keyid(dongle_algorithm(dongle.keys[0]).name, dongle.keys[0]) if dongle.keys else None


def _as_json(dongle: PluggedDongle) -> dict[str, Any]:
    return {
        "model": dongle.model,
        "serial": dongle.serial,
        "label": dongle.label,
        "keyid": _keyid(dongle),
        "module": dongle.module,
    }
