"""A dongle that is plugged in, as PKCS#11 describes it, and the errors of its driver and PIN."""

from typing import NamedTuple

from keyferry_protocol.errors import DongleMissing, DonglePin
from keyferry_protocol.messages import message


class NoDriver(DongleMissing):
    """Nothing that can talk to dongles is installed here."""

    @property
    def next_step(self) -> str:
        return message("dongle.driver-next")


class NotAttested(DongleMissing):
    """The dongle does not attest its key."""

    @property
    def next_step(self) -> str:
        return message("dongle.not-attested-next")


class DongleLocked(DonglePin):
    """The dongle no longer accepts a PIN."""

    @property
    def next_step(self) -> str:
        return message("dongle.locked-next")


class PluggedDongle(NamedTuple):
    """A dongle that is plugged in, and its P-256 public keys, the preferred one first.

    `has_our_key` tells whether the first key was made for Keyferry.
    """

    model: str
    serial: str
    label: str
    needs_pin: bool
    keys: tuple[bytes, ...]
    has_our_key: bool
    module: str
    slot: int

    def __str__(self) -> str:
        return f"{self.model} {self.serial}".strip()
