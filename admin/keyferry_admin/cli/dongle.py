"""`keyferry-admin dongle`: which USB dongles a license may be used with."""

from typing import Any, BinaryIO

import click

from keyferry_admin.cli import cli
from keyferry_admin.cli.admin_command import AdminGroup, Settings
from keyferry_admin.cli.confirm import confirm, yes_option
from keyferry_admin.cli.output import Column, Listing, count_of, mark
from keyferry_admin.cli.parameters import LicenseNumber
from keyferry_admin.use_cases import dongles, licenses
from keyferry_admin.use_cases.attestation import YUBICO, verify_attestation
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import b64
from keyferry_service.domain.license import RegisteredDongle


@cli.group(cls=AdminGroup)
def dongle() -> None:
    """See which dongles a license may be used with, and register more."""


@dongle.command()
@click.argument("number", type=LicenseNumber())
@click.argument("file", type=click.File("rb"))
@click.option(
    "--attestation",
    type=click.File("rb"),
    help="Proof of a YubiKey that it made the key, from `keyferry dongle export --attest`.",
)
@click.option(
    "--issuers",
    type=click.File("rb"),
    help="PEM file of the certificates that sign those of YubiKeys. Default: Yubico's.",
)
@click.pass_obj
def add(
    settings: Settings,
    number: str,
    file: BinaryIO,
    attestation: BinaryIO | None,
    issuers: BinaryIO | None,
) -> None:
    """Register a dongle. Example: keyferry-admin dongle add 015120020093 dongle.json

    FILE is the dongle's public key file, or a request file that was made with it and refused; -
    reads it from stdin. The request file goes through when it is chosen again.

    Anyone can write such a file for a key that is no dongle's. So only a key that you made in the
    dongle yourself, or one with an attestation, binds the license to one dongle.
    """
    dongle = dongles.parse_dongle_file(file.read(), number)
    proof = None
    if attestation is not None:
        trusted = issuers.read() if issuers else YUBICO.read_bytes()
        proof = verify_attestation(attestation.read(), trusted)
    license, added = dongles.add(settings.stack.licenses, number, dongle, proof)
    shown = show_license_number(number)
    lines = [
        f"{mark('ok')} Dongle {added.keyid} is registered for license {shown}",
        f"  {_model_and_serial(added)}, {added.alg}",
    ]
    if proof is not None:
        lines.append(f"  The YubiKey attests that it made this key (firmware {proof.firmware}).")
    else:
        lines += [
            f"{mark('warning')} Nothing proves the model, the serial number, or that "
            "a dongle has this key:",
            "  a key in a file works on any number of computers. Only a key that you made in",
            "  the dongle, or one with an attestation, binds the license to one dongle.",
            "  To remove it again:",
            f"    keyferry-admin dongle remove {number} {added.keyid}",
        ]
    is_allowed = "dongle" in license.protections
    if not is_allowed:
        allow = " ".join(f"--protection {name}" for name in (*license.protections, "dongle"))
        lines.append(f"{mark('warning')} This license does not allow dongles. To allow them:")
        lines.append(f"    keyferry-admin license change {number} {allow}")
    document = {"license_number": number, "dongle": as_json(added), "allowed": is_allowed}
    settings.output.result(lines, document)


@dongle.command(name="list")
@click.argument("number", type=LicenseNumber())
@click.pass_obj
def list_(settings: Settings, number: str) -> None:
    """List the dongles of a license. Example: keyferry-admin dongle list 015120020093"""
    licenses.find(settings.stack.licenses, number)
    registered = list(settings.stack.licenses.dongles(number))
    in_use = sum(each.seat is not None for each in registered)
    footer = f"{count_of(len(registered), 'dongle')}, {in_use} in use."
    if not registered:
        footer = f"No dongle yet. Register one:  keyferry-admin dongle add {number} FILE"
    settings.output.listing(DONGLES, registered, footer=footer, license_number=number)


@dongle.command()
@click.argument("number", type=LicenseNumber())
@click.argument("keyid")
@yes_option
@click.pass_obj
def remove(settings: Settings, number: str, keyid: str, yes: bool) -> None:
    """Remove a dongle without a seat.

    Example: keyferry-admin dongle remove 015120020093 0f3b9c5d2a7e4816
    """
    license = licenses.find_changeable(settings.stack.licenses, number)
    dongle = dongles.find_removable(settings.stack.licenses, number, keyid)
    count = sum(1 for _ in settings.stack.licenses.dongles(number))
    changes = [
        (f"Dongle {dongle.keyid}", f"removed (was {_model_and_serial(dongle)})"),
        ("Dongles", f"{count - 1} (was {count})"),
    ]
    warning = [
        "It will no longer activate this license anywhere.",
        "  It has no seat now, so no computer stops.",
    ]
    confirm(settings.output, license, "remove the dongle", warning, yes, changes)
    removed = dongles.remove(settings.stack.licenses, number, keyid)
    settings.output.result(
        [f"{mark('ok')} Dongle {keyid} is removed from license {show_license_number(number)}"],
        {"license_number": number, "dongle": as_json(removed)},
    )


def as_json(dongle: RegisteredDongle) -> dict[str, Any]:
    return {
        "keyid": dongle.keyid,
        "alg": dongle.alg,
        "public": b64(dongle.public),
        "model": dongle.model,
        "serial": dongle.serial,
        "seat": dongle.seat,
        "attested_firmware": dongle.attested_firmware,
    }


def _model_and_serial(dongle: RegisteredDongle) -> str:
    model = dongle.model or "A dongle without a model"
    return f"{model}, serial {dongle.serial}" if dongle.serial else f"{model}, no serial"


def _attested(dongle: RegisteredDongle) -> str:
    return f"firmware {dongle.attested_firmware}" if dongle.attested_firmware else "-"


DONGLES: Listing[RegisteredDongle] = Listing(
    "dongles",
    as_json,
    (
        Column("KEY", lambda each: each.keyid),
        Column("ALGORITHM", lambda each: each.alg),
        Column("MODEL", lambda each: each.model or "-", ("model",)),
        Column("SERIAL", lambda each: each.serial or "-", ("serial",)),
        Column("SEAT", lambda each: str(each.seat or "-"), ("seat",)),
        Column("ATTESTED", _attested, ("attested_firmware",)),
    ),
)
