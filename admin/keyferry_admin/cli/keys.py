"""`keyferry-admin keys`: the keys that sign, and the key set that applications trust."""

import sys
from pathlib import Path

import click

from keyferry_admin.cli import cli
from keyferry_admin.cli.admin_command import AdminGroup, Settings
from keyferry_admin.cli.confirm import confirm_key, yes_option
from keyferry_admin.cli.output import Column, Listing, count_of, mark
from keyferry_admin.errors.keys import BadKey
from keyferry_admin.use_cases import keys as signing_keys
from keyferry_admin.use_cases import reissue
from keyferry_admin.use_cases.links import links_file
from keyferry_protocol.algorithms import RESPONSE_ALGORITHMS
from keyferry_protocol.encoding import b64
from keyferry_service.domain.signing_keys import SigningKey

_ALGORITHMS = tuple(RESPONSE_ALGORITHMS)
PROGRESS = 500  # seats


@cli.group(cls=AdminGroup)
def keys() -> None:
    """See which keys sign, add or end one, export what applications trust."""


@keys.command()
@click.option("--alg", type=click.Choice(_ALGORITHMS), default=_ALGORITHMS[0], show_default=True)
@click.option("--kms", "arn", metavar="ARN", help="A key in KMS. Without it, the stack's own.")
@click.option(
    "--pem",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A PEM file instead, created if missing; the functions read it from PemFolder.",
)
@click.pass_obj
def create(settings: Settings, alg: str, arn: str | None, pem: Path | None) -> None:
    """Let a key sign every response from now on. Example: keyferry-admin keys create

    The service signs a probe with it first: a key that it cannot use would stop every response.
    Ship the new key set from `keys export` before you retire the previous key.
    """
    if arn and pem:
        raise click.UsageError("Use either --kms or --pem, not both.")
    if pem:
        key = signing_keys.key_in_pem(alg, pem)
    else:
        arn = arn or signing_keys.own_key_arn(settings.stack, alg)
        key = signing_keys.key_in_kms(settings.stack.kms, alg, arn)
    signing_keys.create(settings.stack, key)
    settings.output.result(
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
    every = settings.stack.signing_keys.all()
    hint = "No key yet. Make one:  keyferry-admin keys create"
    settings.output.listing(KEYS, every, footer="" if every else hint)


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
    settings.output.result(
        [
            f"{mark('ok')} {output}: requires {' and '.join(key_set.require)}, "
            f"{len(key_set.keys)} known, {len(key_set.revoked)} licenses revoked"
        ],
        {"path": str(output), "require": list(key_set.require), "trusts": list(key_set.trusts())},
    )


@keys.command()
@click.argument("keyid", metavar="KEY")
@yes_option
@click.pass_obj
def retire(settings: Settings, keyid: str, yes: bool) -> None:
    """Stop a key from signing. Example: keyferry-admin keys retire 0f3b9c5d2a7e4816

    What it signed stays valid, and key sets keep trusting it.
    """
    key = signing_keys.find(settings.stack.signing_keys, keyid)
    signing_keys.other_active(settings.stack.signing_keys, key)
    warning = [
        f"Applications that pin no other {key.alg} key of yours get no more answers: they are",
        "  told to ask for an update. What is installed goes on working.",
    ]
    confirm_key(settings.output, keyid, "retire it", warning, yes)
    retired = signing_keys.retire(settings.stack.signing_keys, keyid)
    settings.output.result(
        [f"{mark('ok')} Key {keyid} signs no more; within a minute no function signs with it"],
        {"key": as_json(retired)},
    )


@keys.command()
@click.argument("keyid", metavar="KEY")
@click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of links to hand out, one line for each computer.",
)
@yes_option
@click.pass_obj
def compromise(settings: Settings, keyid: str, output: Path, yes: bool) -> None:
    """Distrust a leaked key, and sign the response of every seat in use again.

    Stopped halfway, give it again: it goes on where it was. Make another key first, ship its key
    set afterwards.

    Example: keyferry-admin keys compromise 0f3b9c5d2a7e4816 --output links.csv
    """
    stack = settings.stack
    key = signing_keys.find(stack.signing_keys, keyid)
    signing_keys.other_active(stack.signing_keys, key)
    seats = reissue.live_seats(stack.licenses)
    warning = [
        f"Key {keyid} can never be trusted again. {count_of(seats, 'seat')} in use: what each was",
        "  answered is signed again by your other keys, and there is a link to it for 7 days.",
        "  No command can reach installed applications: those with an older key set go on",
        "  trusting this key, and files forged with it, until they are updated.",
    ]
    confirm_key(settings.output, keyid, "give it up", warning, yes)
    signed = resumed = 0
    with links_file(output, stack.output("PageUrl")) as write:
        compromised = signing_keys.compromise(stack.signing_keys, keyid)
        for reissued in reissue.reissue_live_seats(stack, keyid, settings.now):
            write(reissued)
            signed += 1
            resumed += not reissued.is_new
            if signed % PROGRESS == 0 and settings.output.is_terminal:
                print(f"  {signed} of {seats}", file=sys.stderr)
    settings.output.result(
        _compromise_lines(keyid, output, signed, resumed, seats - signed),
        {
            "key": as_json(compromised),
            "signed": signed,
            "signed_before": resumed,
            "without_answer": max(0, seats - signed),
            "path": str(output),
        },
    )


def _compromise_lines(
    keyid: str, output: Path, signed: int, resumed: int, missing: int
) -> list[str]:
    before = f", {resumed} of them by a run before this one" if resumed else ""
    answers = count_of(signed, "answer")
    lines = [
        f"{mark('ok')} Key {keyid} is compromised. {answers} signed again{before}",
        f"  {output}: a link for each computer, for 7 days. Whoever has a link has that file.",
        "  The last ones are signed a few minutes from now.",
    ]
    if missing > 0:
        lines.append(
            f"{mark('warning')} {count_of(missing, 'seat')} without an answer to hand out:"
            " an update request brings one."
        )
    return [
        *lines,
        "Next: ship it in your application:  keyferry-admin keys export --output keys.json",
    ]


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


KEYS: Listing[SigningKey] = Listing(
    "keys",
    as_json,
    (
        Column("KEY", lambda key: key.keyid),
        Column("ALGORITHM", lambda key: key.alg),
        Column("STATUS", lambda key: key.status.value),
        Column("WHERE", _place),
    ),
)
