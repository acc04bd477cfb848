"""Checks that load and install share, each with its own error (docs/format.md, "at load")."""

from collections.abc import Callable

from keyferry.dongle.signer import possession_nonce
from keyferry.license_message import license_message
from keyferry.machine.current_machine import CurrentMachine
from keyferry_protocol.algorithms import DEVICE_ALGORITHM, is_valid_signature
from keyferry_protocol.components import LICENSABLE_ENVIRONMENTS
from keyferry_protocol.errors import (
    EnvironmentNotAllowed,
    LicenseRevoked,
    MachineNotIdentified,
    WrongProduct,
)
from keyferry_protocol.keys import Ed25519Signer, KeySet
from keyferry_protocol.matching import is_identifiable
from keyferry_protocol.messages import message
from keyferry_protocol.response import Response


def check_product(response: Response, product: str) -> None:
    """Raises WrongProduct unless the response is for this product."""
    licensed = response.license.product
    if licensed != product:
        detail = message("errors.wrong-product.products", licensed=licensed, product=product)
        raise WrongProduct(detail, licensed=licensed)


def check_revoked(response: Response, keys: KeySet) -> None:
    """Raises LicenseRevoked if the application's key set revokes this license."""
    number = response.license.number
    if number in keys.revoked:
        raise LicenseRevoked(
            license_message("errors.license-revoked.by-vendor", number), license_number=number
        )


def check_recognized(
    response: Response,
    machine: CurrentMachine,
    load_key: Ed25519Signer | None,
    access_to: Callable[[bytes], str],
) -> None:
    """Check that the load key here is the response's, and the machine rule.

    `access_to` tells who may sign with a device key here. Raises WrongMachine and
    MachineNotIdentified.
    """
    bound_to = response.bound_to
    if not _proves_key(load_key, bound_to.load_key):
        from keyferry.not_recognized import no_load_key  # only for errors, so not loaded before

        access = access_to(bound_to.device_key)
        raise no_load_key(response, machine, access, is_missing=load_key is None)
    check_machine(response, machine, access_to)


def check_machine(
    response: Response,
    machine: CurrentMachine,
    access_to: Callable[[bytes], str],
    is_own: bool = True,
) -> None:
    """Raises WrongMachine unless this is the machine, and for `personal` the user.

    Raises MachineNotIdentified if the recorded set is so small that every machine matches it.
    `is_own` is False for a file that answers nothing of this computer.
    """
    bound_to = response.bound_to
    if not is_identifiable(bound_to.components, bound_to.protection):
        raise MachineNotIdentified(message("errors.machine-not-identified.bound"))
    if not machine.match(response.license.number, bound_to).same:
        from keyferry.not_recognized import not_recognized

        raise not_recognized(response, machine, access_to(bound_to.device_key), is_own)


def _proves_key(key: Ed25519Signer | None, public_key: bytes | None) -> bool:
    nonce = possession_nonce()
    return (
        key is not None
        and key.public == public_key
        and is_valid_signature(DEVICE_ALGORITHM, key.public, nonce, key.sign(nonce))
    )


def check_environment(response: Response, machine: CurrentMachine) -> None:
    """Raises EnvironmentNotAllowed on a virtual machine or in a container that is not allowed."""
    allowed = response.license.environments
    if set(allowed).issuperset(LICENSABLE_ENVIRONMENTS):
        return  # reading the environment takes time
    environment = machine.environment()
    if environment in LICENSABLE_ENVIRONMENTS and environment not in allowed:
        detail = message(f"errors.environment-not-allowed.{environment}")
        raise EnvironmentNotAllowed(detail, environment=environment)
