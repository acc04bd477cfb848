"""What a caller asks for, and the BODY of a request that says it."""

import secrets
from dataclasses import replace
from typing import NamedTuple

from keyferry import __version__
from keyferry.dongle.signer import AnyDongle, Token
from keyferry.machine.current_machine import CurrentMachine
from keyferry_protocol.algorithms import DEVICE_ALGORITHM
from keyferry_protocol.components import ComponentHashes
from keyferry_protocol.errors import DongleMissing, MachineNotIdentified
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.matching import MIN_WEIGHT, is_identifiable, recorded_weight
from keyferry_protocol.request import Dongle, HashedMachine, Product, Request, RequestBody

SAME_FILE_S = 7 * 86400  # for so long the same command writes the same file again


class RequestOptions(NamedTuple):
    """What the caller asks for, read and checked."""

    number: str
    kind: str
    product: Product
    protection: str
    replaces_seat: int | None
    code: str | None
    dongle: AnyDongle  # a Token by the time the BODY is made
    trusts: tuple[str, ...]
    now: int


def fresh_body(
    wish: RequestOptions,
    protection: str,
    key: Ed25519Signer,
    last_serial: int,
    seen: CurrentMachine,
) -> RequestBody:
    machine = seen.machine()
    components = seen.hashes(wish.number, protection)
    if wish.kind != "deactivate" and not is_identifiable(components, protection):
        raise MachineNotIdentified(_too_little(components))
    return RequestBody(
        id=secrets.token_hex(16),
        kind=wish.kind,
        created_at=wish.now,
        license_number=wish.number,
        product=wish.product,
        protection=protection,
        device_key=key.public,
        machine=HashedMachine(machine.name, machine.os, machine.environment, components),
        dongle=_dongle(wish.dongle) if protection == "dongle" else None,
        replaces_seat=wish.replaces_seat,
        last_serial=last_serial,
        trusts=wish.trusts,
        client=f"keyferry {__version__}",
    )


def _too_little(components: ComponentHashes) -> str:
    read = ", ".join(components) or "nothing"
    weight = recorded_weight(components)
    return f"Read of this computer: {read}; {weight} of at least {MIN_WEIGHT} points."


def _dongle(token: AnyDongle) -> Dongle:
    if not isinstance(token, Token):
        raise DongleMissing("No dongle was found.")
    return Dongle(token.alg, token.public, token.model, token.serial)


def is_same(
    body: RequestBody, waiting: Request, activation: Ed25519Signer | None, now: int
) -> bool:
    """Whether what waits differs in `id` and `created_at` alone and was signed with this code."""
    twin = replace(body, id=waiting.id, created_at=waiting.created_at)
    return (
        abs(now - waiting.created_at) < SAME_FILE_S  # or made by a clock that was far ahead
        and twin.to_bytes() == waiting.envelope.body
        and (
            activation is None or waiting.envelope.is_signed_by(DEVICE_ALGORITHM, activation.public)
        )
    )
