"""A dongle that can sign, and the proof that the dongle of a license is plugged in."""

import os
from collections.abc import Callable

from keyferry_protocol.algorithms import dongle_algorithm, is_valid_signature
from keyferry_protocol.errors import DongleMissing, KeyferryError
from keyferry_protocol.keys import keyid
from keyferry_protocol.messages import message
from keyferry_protocol.request import Dongle

_POSSESSION = b"keyferry possession v1\0"


class DongleSigner:
    """A dongle that is plugged in: its raw public key, its names, and its signing function.

    The key is 32 bytes of Ed25519 or an uncompressed point of P-256. `sign` returns a raw Ed25519
    signature, or an ECDSA signature over SHA-256 in DER. Raises ValueError for a key of another
    size.
    """

    def __init__(
        self, public_key: bytes, model: str, serial: str, sign: Callable[[bytes], bytes]
    ) -> None:
        self.alg = dongle_algorithm(public_key).name
        self.public = public_key
        self.keyid = keyid(self.alg, public_key)
        self.model = model
        self.serial = serial
        self._sign = sign

    def sign(self, message: bytes) -> bytes:
        return self._sign(message)


Token = DongleSigner  # the public name of version 1

# Finds the dongle that a license names, or the one to use if the license names none yet. It is
# called only for a license that needs a dongle, so other licenses never open one.
FindDongle = Callable[[Dongle | None], DongleSigner | None]
AnyDongle = DongleSigner | FindDongle | None


def signer_for(dongle: AnyDongle, named: Dongle | None) -> DongleSigner | None:
    """Return the signer, or find it now."""
    return dongle if dongle is None or isinstance(dongle, DongleSigner) else dongle(named)


def prove_dongle(bound_to: Dongle, dongle: AnyDongle) -> None:
    """Raises DongleMissing unless the dongle that a response names is present and signs a nonce."""
    signer = signer_for(dongle, bound_to)
    if signer is None:
        name = f"{bound_to.model} {bound_to.serial}".strip()
        raise DongleMissing(message("errors.dongle-missing.not-plugged-in", dongle=name))
    if signer.public != bound_to.public:
        raise DongleMissing(message("errors.dongle-missing.another", serial=signer.serial))
    nonce = possession_nonce()
    try:
        signature = signer.sign(nonce)
    except KeyferryError:
        raise
    except Exception as error:  # an application's own signer may raise anything
        detail = message("errors.dongle-missing.no-signature", serial=signer.serial, why=error)
        raise DongleMissing(detail) from error
    if not is_valid_signature(bound_to.alg, bound_to.public, nonce, signature):
        raise DongleMissing(message("errors.dongle-missing.no-proof", serial=signer.serial))


def possession_nonce() -> bytes:
    """A random message to sign, with a prefix that no other protocol uses."""
    return _POSSESSION + os.urandom(32)
