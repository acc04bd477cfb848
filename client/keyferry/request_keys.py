"""This machine's keys that sign a request: those it has of a license, or new ones."""

from typing import NamedTuple

from keyferry.license_message import license_message
from keyferry.request_options import RequestOptions
from keyferry.store.folder import DEVICE_KEY, DEVICE_PUBLIC, LOAD_KEY, Folder
from keyferry_protocol.errors import NotActivated, StateNotReadable
from keyferry_protocol.keys import Ed25519Signer, Signer


class RequestKeys(NamedTuple):
    """This machine's keys for a license, and the folder that holds them.

    `device` is None for a user who may not read it, `load` for a dongle's license.
    """

    holder: Folder
    public: bytes
    device: Ed25519Signer | None
    load: Ed25519Signer | None

    @property
    def signers(self) -> list[Signer]:
        """The device key; for a user who may not read it, the load key."""
        return [key for key in (self.device or self.load,) if key is not None]


def request_keys(options: RequestOptions, protection: str, holder: Folder) -> RequestKeys:
    """This machine's keys for a license. Only an activation or a dongle may have a new device key.

    A lost load key is made anew with the device key, which the service asks for then. Raises
    NotActivated without keys, and StateNotReadable if this user may not read the device key but the
    request needs it.
    """
    may_make = options.kind == "activate" or protection == "dongle"
    try:
        device = holder.device_key(ignore_damage=may_make)
    except StateNotReadable:
        load = None if protection == "dongle" else holder.load_key()
        public = holder.device_public()
        if options.kind != "update" or load is None or public is None:
            raise
        return RequestKeys(holder, public, None, load)
    if device is None and not may_make:
        raise no_key(options.number)
    device = device or Ed25519Signer.generate()
    if protection == "dongle":
        return RequestKeys(holder, device.public, device, None)
    load = holder.load_key(ignore_damage=True) or Ed25519Signer.generate()
    return RequestKeys(holder, device.public, device, load)


def store_keys(keys: RequestKeys, folder: Folder) -> None:
    """Store the keys that are new, or replace damaged ones."""
    if keys.device is None:
        return
    if folder.device_key(ignore_damage=True) is None:
        folder.write_key(DEVICE_KEY, keys.device)
    if not folder.has(DEVICE_PUBLIC) or folder.device_public(ignore_damage=True) != keys.public:
        folder.write_device_public(keys.public)
    if keys.load is not None and folder.load_key(ignore_damage=True) is None:
        folder.write_key(LOAD_KEY, keys.load)


def no_key(number: str) -> NotActivated:
    return NotActivated(license_message("errors.not-activated.no-key", number))
