"""The checks that load and install share, each its own error (docs/format.md, "at load")."""

import os

from keyferry.dongle.signer import AnyDongle, token_for
from keyferry.store.state import Folder
from keyferry_protocol.algorithms import DEVICE_ALGORITHM, verify_signature
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import (
    DongleMissing,
    KeyferryError,
    LicenseRevoked,
    WrongMachine,
    WrongProduct,
)
from keyferry_protocol.keys import KeySet
from keyferry_protocol.messages import message
from keyferry_protocol.request import Dongle
from keyferry_protocol.response import Response, parse_response

_POSSESSION = b"keyferry possession v1\0"


def check_product(response: Response, product: str) -> None:
    """Raises WrongProduct unless the response is for this product."""
    found = response.license.product
    if found != product:
        raise WrongProduct(f"It is for {found}, this is {product}.", licensed=found)


def check_revoked(response: Response, keys: KeySet) -> None:
    """Raises LicenseRevoked if the application's key set stops this license."""
    number = response.license.number
    if number in keys.revoked:
        raise LicenseRevoked(
            license_message("errors.license-revoked.by-vendor", number), license_number=number
        )


def prove_device_key(folder: Folder, public_key: bytes) -> None:
    """Raises WrongMachine unless this machine holds the device key that the response names."""
    key = folder.device_key()
    nonce = _nonce()
    if (
        key is None
        or key.public != public_key
        or not verify_signature(DEVICE_ALGORITHM, public_key, nonce, key.sign(nonce))
    ):
        raise WrongMachine("The key that this file was made for is not on this computer.")


def prove_dongle(bound_to: Dongle, dongle: AnyDongle) -> None:
    """Raises DongleMissing unless the token that a response names is there and signs a nonce."""
    token = token_for(dongle, bound_to)
    if token is None:
        called = f"{bound_to.model} {bound_to.serial}".strip()
        raise DongleMissing(f"The dongle of this license is not plugged in: {called}.")
    if token.public != bound_to.public:
        raise DongleMissing(f"The dongle {token.serial} is not the one of this license.")
    nonce = _nonce()
    try:
        signature = token.sign(nonce)
    except KeyferryError:
        raise
    except Exception as error:  # whatever an application's own token raises, it did not sign
        raise DongleMissing(f"The dongle {token.serial} did not sign: {error}") from error
    if not verify_signature(bound_to.alg, bound_to.public, nonce, signature):
        raise DongleMissing(f"The dongle {token.serial} did not prove its key.")


def holds_license(folder: Folder) -> bool:
    """Whether something other than a receipt is installed here, be it damaged."""
    data = folder.installed()
    if data is None:
        return False
    try:
        return not parse_response(open_envelope(data, RESPONSE)).is_receipt
    except KeyferryError:
        return True


def license_message(name: str, license_number: str, **facts: object) -> str:
    """The message about a license, whose number it shows as people write it."""
    from keyferry_protocol.activation import show_license_number  # brings HKDF along: errors only

    return message(name, number=show_license_number(license_number), **facts)


def _nonce() -> bytes:
    return _POSSESSION + os.urandom(32)
