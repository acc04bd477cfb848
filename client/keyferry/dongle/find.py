"""Finds the USB dongles that are plugged in, and opens the one that a license names.

The extra `keyferry[dongle]` installs python-pkcs11, which is imported when a dongle is needed.
"""

from collections.abc import Callable
from contextlib import suppress

from keyferry.dongle.pkcs11_modules import installed_modules
from keyferry.dongle.plugged import NoDriver, PluggedDongle
from keyferry.dongle.signer import DongleSigner, FindDongle
from keyferry_protocol.errors import DongleMissing, KeyferryError
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list
from keyferry_protocol.request import Dongle

AskPin = Callable[[PluggedDongle], str | None]
Choose = Callable[[list[PluggedDongle]], PluggedDongle]


def find_dongles(module: str | None = None) -> list[PluggedDongle]:
    """The dongles that this PKCS#11 module sees, or that any installed module sees.

    Raises NoDriver, a DongleMissing, if nothing installed here can talk to dongles.
    """
    try:
        from keyferry.dongle.pkcs11 import plugged_dongles
    except ImportError as error:
        raise NoDriver(message("dongle.no-package")) from error
    if module:
        return plugged_dongles(module)
    modules = installed_modules()
    if not modules:
        raise NoDriver(message("dongle.no-module"))
    dongles: list[PluggedDongle] = []
    for path in modules:
        with suppress(NoDriver):  # a broken module must not hide another module's dongles
            dongles += plugged_dongles(path)
    return dongles


def open_dongle(
    dongle: PluggedDongle, pin: str | None, public: bytes | None = None
) -> DongleSigner:
    """Open the dongle to sign with this key, or with its first key.

    Raises DonglePin or DongleMissing.
    """
    from keyferry.dongle.pkcs11 import open_key

    if public is None and not dongle.keys:
        raise DongleMissing(message("dongle.no-key", dongle=dongle))
    public = public or dongle.keys[0]
    return DongleSigner(public, dongle.model, dongle.serial, open_key(dongle, pin, public))


def find_dongle(
    pin: str | AskPin | None = None, module: str | None = None, choose: Choose | None = None
) -> FindDongle:
    """Return a `dongle` argument for `load` and the others, which opens the dongle of a license.

    `pin` is the PIN, or a function that asks for it. A dongle that refused a PIN is not tried
    again, because it would lock itself. `choose` selects a dongle if several can sign and the
    license names none.
    """
    opened: dict[bytes, DongleSigner] = {}
    failed: dict[PluggedDongle, KeyferryError] = {}

    def find(named: Dongle | None) -> DongleSigner | None:
        if named is not None and named.public in opened:
            return opened[named.public]
        dongles = find_dongles(module)
        if named is None:
            dongle = (choose or only_dongle)(with_keys(dongles))
            public = dongle.keys[0]
        else:
            public = named.public
            holders = [dongle for dongle in dongles if public in dongle.keys]
            if not holders:
                return None
            dongle = holders[0]
        if dongle not in failed:
            try:
                opened[public] = open_dongle(dongle, pin_for(pin, dongle), public)
                return opened[public]
            except KeyferryError as error:
                failed[dongle] = error
        raise failed[dongle]

    return find


def pin_for(pin: str | AskPin | None, dongle: PluggedDongle) -> str | None:
    """The PIN. Does not ask for it if the dongle needs none or has its own keypad."""
    if not callable(pin):
        return pin
    return pin(dongle) if dongle.needs_pin else None


def with_keys(dongles: list[PluggedDongle]) -> list[PluggedDongle]:
    """The dongles that can sign, each once even if two modules see it. Raises DongleMissing."""
    by_key: dict[bytes, PluggedDongle] = {}
    for dongle in dongles:
        if dongle.keys:
            by_key.setdefault(dongle.keys[0], dongle)
    if by_key:
        return list(by_key.values())
    if dongles:
        raise DongleMissing(message("dongle.no-key", dongle=dongles[0]))
    raise DongleMissing(message("dongle.none"))


def preferred(dongles: list[PluggedDongle]) -> list[PluggedDongle]:
    """The dongles with a key that was made for Keyferry, or all if there are none."""
    return [dongle for dongle in dongles if dongle.has_our_key] or dongles


def only_dongle(dongles: list[PluggedDongle]) -> PluggedDongle:
    """The only preferred dongle. Raises DongleMissing if there are several."""
    dongles = preferred(dongles)
    if len(dongles) > 1:
        raise DongleMissing(message("dongle.several", dongles=comma_list(map(str, dongles))))
    return dongles[0]
