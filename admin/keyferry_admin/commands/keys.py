"""`keyferry-admin keys`: which keys sign, and what applications must trust."""

from pathlib import Path

import click

from keyferry_admin import keys as signing_keys
from keyferry_admin.commands.desk_command import DeskGroup, Settings
from keyferry_admin.errors import BadKey
from keyferry_admin.output import mark
from keyferry_protocol.encoding import b64
from keyferry_protocol.keys import ED25519, ML_DSA_65, RESPONSE_ALGORITHMS
from keyferry_service.signing_keys import SigningKey

_OUTPUTS = {ED25519: "SigningKeyArn", ML_DSA_65: "MlDsaSigningKeyArn"}


@click.group(cls=DeskGroup)
def keys() -> None:
    """See which keys sign, add one, export what applications trust."""


@keys.command()
@click.option("--alg", type=click.Choice(RESPONSE_ALGORITHMS), default=ED25519, show_default=True)
@click.option("--kms", "arn", metavar="ARN", help="A key in KMS. Without it, the stack's own.")
@click.option(
    "--pem",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A PEM file instead, made if it is not there; the functions read it in their PemFolder.",
)
@click.pass_obj
def create(settings: Settings, alg: str, arn: str | None, pem: Path | None) -> None:
    """Let a key sign every response from now on. Example: keyferry-admin keys create

    Ship the key set that `keys export` then writes before you retire the key before it.
    """
    if arn and pem:
        raise click.UsageError("--kms and --pem name two keys; a key is in one place.")
    if pem:
        key = signing_keys.create_in_pem(settings.stack.signing_keys, alg, pem)
    else:
        arn = arn or settings.stack.output(_OUTPUTS[alg])
        key = signing_keys.create_in_kms(settings.stack.signing_keys, settings.stack.kms, alg, arn)
    settings.output.say(
        [
            f"{mark('ok')} Key {key.keyid} signs from now on: {key.alg}, {_place(key)}",
            "Next: ship it in your application:  keyferry-admin keys export --output keys.json",
        ],
        {"key": as_json(key)},
    )


@keys.command(name="list")
@click.pass_obj
def list_(settings: Settings) -> None:
    """List the keys that sign or once did. Example: keyferry-admin keys list"""
    found = settings.stack.signing_keys.all()
    rows = [[key.keyid, key.alg, key.status.value, _place(key)] for key in found]
    settings.output.table(
        ["KEY", "ALGORITHM", "STATUS", "WHERE"],
        rows,
        {"keys": [as_json(key) for key in found]},
        rows,
        footer="" if found else "No key yet. Make one:  keyferry-admin keys create",
    )


@keys.command()
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Instead of stdout."
)
@click.pass_obj
def export(settings: Settings, output: Path | None) -> None:
    """Write keys.json, which goes into your application.

    Example: keyferry-admin keys export --output keys.json
    """
    key_set = signing_keys.export(settings.stack.signing_keys, settings.stack.licenses)
    if output is None:
        print(key_set.to_json().decode(), end="")
        return
    try:
        output.write_bytes(key_set.to_json())
    except OSError as error:
        raise BadKey(f"{output} cannot be written: {error.strerror}") from error
    settings.output.say(
        [
            f"{mark('ok')} {output}: requires {' and '.join(key_set.require)}, "
            f"{len(key_set.keys)} known, {len(key_set.revoked)} licenses revoked"
        ],
        {"path": str(output), "require": list(key_set.require), "trusts": list(key_set.trusts())},
    )


def as_json(key: SigningKey) -> dict[str, str | None]:
    return {
        "keyid": key.keyid,
        "alg": key.alg,
        "public": b64(key.public),
        "status": key.status.value,
        "kms_arn": key.kms_arn,
        "pem": key.pem,
    }


def _place(key: SigningKey) -> str:
    return key.kms_arn or f"file {key.pem}"
