"""A USB dongle's key, as the vendor's application or PKCS#11 hands it over."""

from collections.abc import Callable

from keyferry_protocol.algorithms import dongle_algorithm
from keyferry_protocol.keys import keyid
from keyferry_protocol.request import Dongle


class Token:
    """A token that is plugged in: its raw public key, what it is called, and how it signs.

    The key is Ed25519's 32 bytes or P-256's uncompressed point; `sign` returns the raw Ed25519
    signature or ECDSA's over SHA-256 in DER. Raises ValueError for a key of another size.
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


# Finds the token of the key that a license names, or the one to use where none is named yet.
# It is called only for a license that wants a dongle, so nothing is opened for the others.
FindDongle = Callable[[Dongle | None], Token | None]
AnyDongle = Token | FindDongle | None


def token_for(dongle: AnyDongle, named: Dongle | None) -> Token | None:
    """The token given, or the one that is found now."""
    return dongle if dongle is None or isinstance(dongle, Token) else dongle(named)
