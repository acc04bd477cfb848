"""Checks that load and install share, each with its own error (docs/format.md, "at load")."""

from keyferry.dongle.signer import possession_nonce
from keyferry.license_message import license_message
from keyferry.machine.current_machine import CurrentMachine
from keyferry_protocol.algorithms import DEVICE_ALGORITHM, is_valid_signature
from keyferry_protocol.components import LICENSABLE_ENVIRONMENTS
from keyferry_protocol.errors import (
    EnvironmentNotAllowed,
    LicenseRevoked,
    WrongMachine,
    WrongProduct,
)
from keyferry_protocol.keys import Ed25519Signer, KeySet
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


def prove_load_key(key: Ed25519Signer | None, public_key: bytes | None) -> None:
    """Raises WrongMachine unless this machine's load key is the one that a response names."""
    nonce = possession_nonce()
    if (
        key is None
        or public_key is None
        or key.public != public_key
        or not is_valid_signature(DEVICE_ALGORITHM, public_key, nonce, key.sign(nonce))
    ):
        raise WrongMachine(message("errors.wrong-machine.device-key"))


def check_environment(response: Response, machine: CurrentMachine) -> None:
    """Raises EnvironmentNotAllowed on a virtual machine or in a container that is not allowed."""
    allowed = response.license.environments
    if set(allowed).issuperset(LICENSABLE_ENVIRONMENTS):
        return  # reading the environment takes time
    environment = machine.environment()
    if environment in LICENSABLE_ENVIRONMENTS and environment not in allowed:
        detail = message(f"errors.environment-not-allowed.{environment}")
        raise EnvironmentNotAllowed(detail, environment=environment)
