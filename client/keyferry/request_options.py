"""The options of a request, and the BODY that states them."""

import secrets
from dataclasses import replace
from typing import NamedTuple

from keyferry.dongle.signer import DongleSigner
from keyferry.installation import Installation
from keyferry_protocol import __version__
from keyferry_protocol.algorithms import DEVICE_ALGORITHM
from keyferry_protocol.components import ComponentHashes, limit_hashes
from keyferry_protocol.errors import DongleMissing, MachineNotIdentified
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.matching import MIN_WEIGHT, is_identifiable, recorded_weight
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list
from keyferry_protocol.request import Dongle, HashedMachine, Product, Request, RequestBody

SAME_FILE_S = 7 * 86400  # for this long, the same command writes the same file


class RequestOptions(NamedTuple):
    """The validated options of a request. Only an activation has a `code`.

    `machine_name` replaces the computer's own name; "" withholds it.
    """

    number: str
    kind: str
    product_version: str = ""
    protection: str = "machine"
    replaces_seat: int | None = None
    choose_seat: bool = True
    code: str | None = None
    machine_name: str | None = None


class StateFacts(NamedTuple):
    """What the state of a license on this machine adds to the options of a request.

    `recorded` are the components that its newest response is bound to. `product` is the license's
    own: another product of the same vendor may ask for its update.
    """

    product: str
    protection: str
    device_key: bytes
    load_key: bytes | None
    last_serial: int = 0
    recorded: ComponentHashes = {}  # noqa: RUF012 never modified


def request_body(
    options: RequestOptions, facts: StateFacts, installation: Installation
) -> RequestBody:
    """Build a BODY with these options. Raises MachineNotIdentified or DongleMissing."""
    machine, protection = installation.machine.machine(), facts.protection
    name = machine.name if options.machine_name is None else options.machine_name
    version = options.product_version if facts.product == installation.product else ""
    hashes = installation.machine.hashes(options.number, protection)
    components = limit_hashes(hashes, facts.recorded)
    if options.kind != "deactivate" and not is_identifiable(components, protection):
        raise MachineNotIdentified(_too_little(components))
    may_choose = options.kind == "activate" and options.replaces_seat is None
    return RequestBody(
        id=secrets.token_hex(16),
        kind=options.kind,
        created_at=installation.clock(),
        license_number=options.number,
        product=Product(facts.product, version),
        protection=protection,
        device_key=facts.device_key,
        load_key=facts.load_key,
        machine=HashedMachine(name, machine.os, machine.environment, components),
        dongle=_dongle(installation) if protection == "dongle" else None,
        replaces_seat=options.replaces_seat,
        choose_seat=may_choose and options.choose_seat,
        last_serial=facts.last_serial,
        trusts=installation.keys.trusts(),
        client=f"keyferry {__version__}",
    )


def is_same_request(
    body: RequestBody,
    pending: Request,
    options: RequestOptions,
    activation: Ed25519Signer | None,
) -> bool:
    """Whether the pending request asks for the same, signed with the same activation code.

    Names do not matter, unless the user typed one: a network may rename the computer overnight, and
    the response to yesterday's request would no longer fit.
    """
    pending_name = pending.machine.name
    name = pending_name if options.machine_name is None else options.machine_name
    same = replace(
        body,
        id=pending.id,
        created_at=pending.created_at,
        last_serial=pending.last_serial,
        machine=replace(body.machine, name=name, os=pending.machine.os),
        client=pending.client,
    )
    age = body.created_at - pending.created_at
    return (
        abs(age) < SAME_FILE_S  # or made by a clock that was far ahead
        and same.to_bytes() == pending.envelope.body
        and (
            activation is None or pending.envelope.is_signed_by(DEVICE_ALGORITHM, activation.public)
        )
    )


def _too_little(components: ComponentHashes) -> str:
    name = "errors.machine-not-identified.read"
    return message(
        name if components else f"{name}-nothing",
        read=comma_list(components),
        weight=recorded_weight(components),
        needed=MIN_WEIGHT,
    )


def _dongle(installation: Installation) -> Dongle:
    signer = installation.dongle
    if not isinstance(signer, DongleSigner):
        raise DongleMissing(message("dongle.none"))
    return Dongle(signer.alg, signer.public, signer.model, signer.serial)
