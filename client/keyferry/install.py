"""Installs a response: runs every check in the format's order, and changes nothing if one fails."""

import os
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from keyferry.checks import check_product, check_revoked, prove_load_key
from keyferry.deactivate import finish_deactivation
from keyferry.dongle.signer import prove_dongle, signer_for
from keyferry.installation import Installation
from keyferry.license import License
from keyferry.license_message import license_message
from keyferry.load_license import activate, check_installed
from keyferry.store.clock_file import read_clock, write_clock
from keyferry.store.folder import DEACTIVATE, INSTALLED, PENDING, Folder, LicenseState
from keyferry.store.lock import locked
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import (
    KeyferryError,
    NotRequested,
    OlderResponse,
    StateNotWritable,
    WrongMachine,
)
from keyferry_protocol.keys import KeySet
from keyferry_protocol.messages import message
from keyferry_protocol.response import Response, verify_response


class Installed(NamedTuple):
    """The result of an install: the license, or None for the receipt of a deactivation."""

    kind: str
    license: License | None


class _StoredRequest(NamedTuple):
    """The request that a response answers, as stored in one folder."""

    folder: Folder
    name: str
    device_key: bytes
    load_key: bytes | None


def install(response: Response, data: bytes, installation: Installation) -> Installed:
    """Install a response whose signatures were verified; `data` is its file.

    A response that fails a check changes nothing here. An error about the license's dates or
    the clock is raised after the response was stored.
    """
    check_product(response, installation.product)
    if response.bound_to.dongle is not None and not response.is_receipt:
        # Before taking the lock, because the user may have to type a PIN.
        signer = signer_for(installation.dongle, response.bound_to.dongle)
        installation = replace(installation, dongle=signer)
    with locked(installation.state_dirs):
        folder = _check_and_store(response, data, installation)
        with suppress(StateNotWritable):  # then only issued_at counts, as in `load`
            _set_clock(response, installation.state_dirs)
    if response.is_receipt:
        return Installed(response.kind, None)
    check_installed(response, folder, installation)  # success means that the license loads
    return Installed(response.kind, activate(response, installation))


def is_expected(response: Response, state_dirs: StateDirs) -> bool:
    """Whether a request here waits for this response, or this very response is installed."""
    folders = [Folder(root, response.license.number) for root in state_dirs]
    answers = _find_request(response, folders) is not None
    return answers or _find_same(response, folders) is not None


def _check_and_store(response: Response, data: bytes, installation: Installation) -> Folder:
    """Check a genuine response against what is stored here, store it, and return its folder."""
    number = response.license.number
    folders = [Folder(root, number) for root in installation.state_dirs]
    for folder in folders:
        with suppress(StateNotWritable):  # the license has ended anyway
            finish_deactivation(folder, installation.state_dirs)
    request = _find_request(response, folders)
    same = _find_same(response, folders) or _find_damaged(response, folders, installation.keys)
    if same is not None:
        return _store(response, data, same, request)
    if response.bound_to.dongle is not None and not response.is_receipt:
        prove_dongle(response.bound_to.dongle, installation.dongle)
        folder = request.folder if request else _writable(folders)
    else:
        if request is None:
            raise _not_requested(response, installation)
        bound_to = response.bound_to
        if (request.device_key, request.load_key) != (bound_to.device_key, bound_to.load_key):
            raise WrongMachine(message("errors.wrong-machine.another-key"))
        folder = request.folder
    if response.is_receipt and folder.holds_license():
        folder.erase(DEACTIVATE)  # activated again in the meantime: remove only the request
        return folder
    _check_serial(response, folder)
    if not response.is_receipt:
        check_revoked(response, installation.keys)
        if response.bound_to.dongle is None:
            prove_load_key(folder.load_key(), response.bound_to.load_key)
            installation.machine.check(number, response.bound_to)
    return _store(response, data, folder, request)


def _find_request(response: Response, folders: list[Folder]) -> _StoredRequest | None:
    name = DEACTIVATE if response.is_receipt else PENDING
    for folder in folders:
        request = folder.request(name, ignore_damage=True)
        if request is not None and request.sha256 == response.request_sha256:
            return _StoredRequest(folder, name, request.device_key, request.load_key)
    return None


def _find_same(response: Response, folders: list[Folder]) -> Folder | None:
    """The folder where the same response is installed, perhaps with other signatures."""
    for folder in folders:
        data = folder.installed_bytes()
        with suppress(KeyferryError):  # a damaged one is not the same
            if data and open_envelope(data, RESPONSE).sha256 == response.envelope.sha256:
                return folder
    return None


def _find_damaged(response: Response, folders: list[Folder], keys: KeySet) -> Folder | None:
    """The folder whose response of this serial is damaged, so that it may be restored."""
    for folder in folders:
        data = folder.installed_bytes()
        key = folder.device_key(ignore_damage=True)
        if data is None or key is None or key.public != response.bound_to.device_key:
            continue
        if response.serial != folder.state(ignore_damage=True).max_serial:
            continue
        try:
            verify_response(data, keys)
        except KeyferryError:
            return folder
    return None


def _not_requested(response: Response, installation: Installation) -> KeyferryError:
    number = response.license.number
    if not response.is_receipt:
        try:
            installation.machine.check(number, response.bound_to)
        except WrongMachine as error:
            return error
    return NotRequested(license_message("errors.not-requested.no-request", number))


def _writable(folders: list[Folder]) -> Folder:
    """The site's folder if this user may write there, otherwise the user's own."""
    user, site = folders
    return site if os.access(site.root.path, os.W_OK) else user


def _check_serial(response: Response, folder: Folder) -> None:
    highest = folder.state(ignore_damage=True).max_serial
    if response.serial <= highest:
        facts = {"highest": highest, "serial": response.serial}
        number = response.license.number
        raise OlderResponse(
            license_message("errors.older-response.already-higher", number, **facts)
        )


def _store(
    response: Response, data: bytes, folder: Folder, request: _StoredRequest | None
) -> Folder:
    """Write the response first, so a crash in between leaves a license that loads."""
    state = folder.state(ignore_damage=True)
    folder.write(INSTALLED, data)
    serial = max(state.max_serial, response.serial)
    folder.write_state(LicenseState(serial, ended=response.is_receipt))
    if request is not None:
        request.folder.erase(request.name)
    return folder


def _set_clock(response: Response, state_dirs: StateDirs) -> None:
    clock = read_clock(state_dirs.user, ignore_damage=True)
    changed = clock.after_response(response.request_sha256, response.issued_at)
    if changed != clock:
        write_clock(state_dirs.user, changed)
