"""USB dongles: which are plugged in, and what opens the one that a license names.

The extra `keyferry[dongle]` brings python-pkcs11; it is imported when a dongle is looked for.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from keyferry.dongle.pkcs11_modules import installed
from keyferry.dongle.signer import FindDongle, Token
from keyferry_protocol.errors import DongleMissing, DonglePin, KeyferryError
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list
from keyferry_protocol.request import Dongle


class NoDriver(DongleMissing):
    """What speaks to dongles is not installed here."""

    @property
    def next_step(self) -> str:
        return message("dongle.driver-next")


class DongleLocked(DonglePin):
    """The token takes no PIN any more."""

    @property
    def next_step(self) -> str:
        return message("dongle.locked-next")


class FoundToken(NamedTuple):
    """A token that is plugged in, and its P-256 public keys, the one to be used first.

    `has_our_key`: that first key was made for Keyferry.
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


AskPin = Callable[[FoundToken], str | None]
Choose = Callable[[list[FoundToken]], FoundToken]


def find_tokens(module: str | None = None) -> list[FoundToken]:
    """The tokens that this PKCS#11 module sees, or all modules known on this computer.

    Raises NoDriver, a DongleMissing, where nothing can look for one.
    """
    try:
        from keyferry.dongle.pkcs11 import plugged_in
    except ImportError as error:
        raise NoDriver(message("dongle.no-package")) from error
    if module:
        return plugged_in(module)
    modules = installed()
    if not modules:
        raise NoDriver(message("dongle.no-module"))
    found: list[FoundToken] = []
    for path in modules:
        with suppress(NoDriver):  # a broken module must not hide what another one sees
            found += plugged_in(path)
    return found


def open_token(found: FoundToken, pin: str | None, public: bytes | None = None) -> Token:
    """The token, ready to sign with this key of its, or with its first one.

    Raises DonglePin or DongleMissing.
    """
    from keyferry.dongle.pkcs11 import signer

    if public is None and not found.keys:
        raise DongleMissing(message("dongle.no-key", dongle=found))
    public = public or found.keys[0]
    return Token(public, found.model, found.serial, signer(found, pin, public))


def find_dongle(
    pin: str | AskPin | None = None, module: str | None = None, choose: Choose | None = None
) -> FindDongle:
    """What `load` and the others take as `dongle`: it opens the token that a license names.

    `pin` is the PIN, or what asks for it. A token that refused is not tried again: it would lock.
    `choose` is asked where several could sign and no license names one.
    """
    opened: dict[bytes, Token] = {}
    refused: dict[FoundToken, KeyferryError] = {}

    def find(named: Dongle | None) -> Token | None:
        if named is not None and named.public in opened:
            return opened[named.public]
        tokens = find_tokens(module)
        if named is None:
            found = (choose or the_only_one)(usable(tokens))
            public = found.keys[0]
        else:
            public = named.public
            holders = [token for token in tokens if public in token.keys]
            if not holders:
                return None
            found = holders[0]
        if found not in refused:
            try:
                opened[public] = open_token(found, pin_for(pin, found), public)
                return opened[public]
            except KeyferryError as error:
                refused[found] = error
        raise refused[found]

    return find


def pin_for(pin: str | AskPin | None, found: FoundToken) -> str | None:
    """The PIN; nobody is asked for one that is typed on the device, or that it does not want."""
    if not callable(pin):
        return pin
    return pin(found) if found.needs_pin else None


def usable(tokens: list[FoundToken]) -> list[FoundToken]:
    """Those that can sign, each once though two modules see it. Raises DongleMissing if none."""
    by_key: dict[bytes, FoundToken] = {}
    for token in tokens:
        if token.keys:
            by_key.setdefault(token.keys[0], token)
    if by_key:
        return list(by_key.values())
    if tokens:
        raise DongleMissing(message("dongle.no-key", dongle=tokens[0]))
    raise DongleMissing(message("dongle.none"))


def preferred(tokens: list[FoundToken]) -> list[FoundToken]:
    """Those with a key that was made for Keyferry, if there are any."""
    return [token for token in tokens if token.has_our_key] or tokens


def the_only_one(tokens: list[FoundToken]) -> FoundToken:
    """The one that is preferred. Raises DongleMissing where there is a choice."""
    tokens = preferred(tokens)
    if len(tokens) > 1:
        raise DongleMissing(message("dongle.several", dongles=comma_list(map(str, tokens))))
    return tokens[0]
