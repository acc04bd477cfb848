"""Reads license folders, even damaged ones, for diagnosis and repair."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from keyferry.store.clock_file import read_clock
from keyferry.store.directory import license_numbers
from keyferry.store.folder import (
    DEACTIVATE,
    DEVICE_KEY,
    INSTALLED,
    LOAD_KEY,
    PENDING,
    Folder,
    LicenseState,
    is_deactivating,
    key_folder,
)
from keyferry.store.order import read_order
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import CannotVerify, KeyferryError, StateNotReadable
from keyferry_protocol.keys import KeySet
from keyferry_protocol.request import Request
from keyferry_protocol.response import Response, parse_response, verify_response

_T = TypeVar("_T")


class StoredLicense(NamedTuple):
    """One license's folder: each file that can be read, and the damage of those that cannot.

    `key` is the public half of the device key. `response` is never a receipt; `refused` is the
    error of verifying it with the pinned keys.
    `interrupted` names an unfinished operation: `deactivation`, `install`, or "".
    """

    folder: Folder
    key: bytes | None
    missing_keys: tuple[str, ...]
    response: Response | None
    refused: KeyferryError | None
    request: Request | None
    state: LicenseState
    interrupted: str
    damage: tuple[KeyferryError, ...]


def read_licenses(state_dirs: StateDirs, keys: KeySet) -> list[StoredLicense]:
    """Every license folder in both state directories."""
    return [
        read_license(Folder(root, number), state_dirs, keys)
        for root in state_dirs
        for number in license_numbers(root)
    ]


def read_license(folder: Folder, state_dirs: StateDirs, keys: KeySet) -> StoredLicense:
    """One license folder. A file that cannot be read is recorded, not raised."""
    damage: list[KeyferryError] = []

    def readable(read: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return read()
        except (StateNotReadable, CannotVerify):
            return otherwise  # the site's device key is for its administrator alone
        except KeyferryError as error:
            damage.append(error)
            return otherwise

    key = readable(folder.device_public, None)
    for read_key in (folder.device_key, folder.load_key):
        readable(read_key, None)
    response = readable(lambda: _installed(folder), None)
    stored = StoredLicense(
        folder=folder,
        key=key,
        missing_keys=() if response is None else _missing_keys(response, folder, state_dirs),
        response=None if response is None or response.is_receipt else response,
        refused=None if response is None else _verification_error(folder, keys),
        request=readable(lambda: folder.request(PENDING), None),
        state=readable(folder.state, LicenseState()),
        interrupted=readable(lambda: _interrupted(folder, response), ""),
        damage=(),
    )
    return stored._replace(damage=tuple(damage))


def read_shared_damage(state_dirs: StateDirs) -> tuple[KeyferryError, ...]:
    """The damage of the two files that belong to no single license."""
    damage = []
    for read in (lambda: read_clock(state_dirs.user), lambda: read_order(state_dirs.user)):
        try:
            read()
        except KeyferryError as error:
            damage.append(error)
    return tuple(damage)


def _installed(folder: Folder) -> Response | None:
    data = folder.installed_bytes()
    try:
        return None if data is None else parse_response(open_envelope(data, RESPONSE))
    except KeyferryError as error:
        raise folder.damaged(INSTALLED, str(error)) from error


def answered_request(folder: Folder, response: Response) -> str | None:
    """The file of a request that is still stored although its response is installed."""
    for name in (PENDING, DEACTIVATE):
        request = folder.request(name, ignore_damage=True)
        if request is not None and request.sha256 == response.request_sha256:
            return name
    return None


def _missing_keys(response: Response, folder: Folder, state_dirs: StateDirs) -> tuple[str, ...]:
    """The key files that a response needs; a user's folder may use the site's."""
    if response.is_receipt or response.bound_to.dongle is not None:
        return ()
    holder = key_folder(folder, state_dirs)
    return tuple(name for name in (DEVICE_KEY, LOAD_KEY) if not holder.has(name))


def _interrupted(folder: Folder, response: Response | None) -> str:
    if is_deactivating(folder):
        return "deactivation"
    return "install" if response is not None and answered_request(folder, response) else ""


def _verification_error(folder: Folder, keys: KeySet) -> KeyferryError | None:
    try:
        verify_response(folder.installed_bytes() or b"", keys)
    except CannotVerify:
        return None  # it says nothing about this file
    except KeyferryError as error:
        return error
    return None
