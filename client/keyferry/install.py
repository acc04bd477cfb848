"""Installs a response: runs every check in the format's order, and changes nothing if one fails."""

import os
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from keyferry.checks import (
    check_environment,
    check_machine,
    check_product,
    check_recognized,
    check_revoked,
)
from keyferry.deactivate import finish_deactivation
from keyferry.dongle.signer import prove_dongle, signer_for
from keyferry.installation import Installation
from keyferry.license import License
from keyferry.license_message import license_message
from keyferry.load_license import activate, check_installed
from keyferry.store.clock_file import read_clock, write_clock
from keyferry.store.folder import (
    DEACTIVATE,
    INSTALLED,
    PENDING,
    Folder,
    key_folder,
    pending_request,
)
from keyferry.store.lock import locked
from keyferry.store.own_folders import own_folders
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import (
    CheckInOverdue,
    ClockRolledBack,
    Expired,
    KeyferryError,
    MaintenanceEnded,
    NotRequested,
    NotYetValid,
    OlderResponse,
    StateNotWritable,
    WrongMachine,
)
from keyferry_protocol.keys import KeySet
from keyferry_protocol.messages import message
from keyferry_protocol.request import Request
from keyferry_protocol.response import Response, verify_response

# Raised after the response was stored: an error about the license's dates or the clock.
AFTER_STORING = (CheckInOverdue, ClockRolledBack, Expired, MaintenanceEnded, NotYetValid)


class Installed(NamedTuple):
    """The result of an install: the license, or None for the receipt of a deactivation.

    `already` says that this very response was installed before, and answers no request now.
    """

    kind: str
    license: License | None
    already: bool


class _StoredRequest(NamedTuple):
    """The request that a response answers, as stored in one folder."""

    folder: Folder
    name: str
    request: Request


class _Stored(NamedTuple):
    """Where a response is stored, and whether it was installed there before."""

    folder: Folder
    already: bool


def install(response: Response, data: bytes, installation: Installation) -> Installed:
    """Install a response whose signatures were verified; `data` is its file.

    A response that fails a check changes nothing here, except that an older one no longer lets its
    request wait. An error about the license's dates or the clock is raised after the response was
    stored.
    """
    check_product(response, installation.product)
    if response.bound_to.dongle is not None and not response.is_receipt:
        # Before taking the lock, because the user may have to type a PIN.
        signer = signer_for(installation.dongle, response.bound_to.dongle)
        installation = replace(installation, dongle=signer)
    with locked(installation.state_dirs):
        stored = _check_and_store(response, data, installation)
        with suppress(StateNotWritable):  # then only issued_at counts, as in `load`
            _set_clock(response, installation.state_dirs)
    if response.is_receipt:
        return Installed(response.kind, None, stored.already)
    check_installed(response, stored.folder, installation)  # success means that the license loads
    return Installed(response.kind, activate(response, installation), stored.already)


def is_expected(response: Response, state_dirs: StateDirs) -> bool:
    """Whether this response fits here: a request waits for it, or its machine's state is here.

    A response that is already installed fits too.
    """
    folders = [Folder(root, response.license.number) for root in state_dirs]
    if _find_same(response, folders) is not None:
        return True
    if response.is_renewal:
        return _find_renewed(response, folders) is not None
    return _find_request(response, folders, state_dirs) is not None


def highest_serial(response: Response, state_dirs: StateDirs) -> int | None:
    """The highest serial of a response's license here; None if another machine asked for it."""
    folders = [Folder(root, response.license.number) for root in state_dirs]
    return max(
        (
            folder.state(ignore_damage=True).max_serial
            for folder in folders
            if key_folder(folder, state_dirs).device_public(ignore_damage=True)
            == response.bound_to.device_key
        ),
        default=None,
    )


def older_response(response: Response, highest: int) -> OlderResponse:
    """The error of a response whose serial is not above the highest one here."""
    facts = {"highest": highest, "serial": response.serial}
    number = response.license.number
    return OlderResponse(license_message("errors.older-response.already-higher", number, **facts))


def _check_and_store(response: Response, data: bytes, installation: Installation) -> _Stored:
    """Check a genuine response against what is stored here, and store it."""
    state_dirs = installation.state_dirs
    folders = [Folder(root, response.license.number) for root in state_dirs]
    for folder in folders:
        with suppress(StateNotWritable):  # the license has ended anyway
            finish_deactivation(folder, state_dirs)
    request = _find_request(response, folders, state_dirs)
    same = _find_same(response, folders)
    restored = same or _find_damaged(response, folders, state_dirs, installation.keys)
    if restored is not None:
        ended = _ended_after(response, restored, is_same=same is not None)
        _store(response, data, restored, request, ended)
        return _Stored(restored, already=same is not None and request is None)
    folder = _choose_folder(response, request, folders, installation)
    if response.is_receipt and folder.holds_license():
        folder.erase(DEACTIVATE)  # activated again in the meantime: remove only the request
        return _Stored(folder, already=False)
    _check_serial(response, folder, request)
    if not response.is_receipt:
        check_revoked(response, installation.keys)
        if response.bound_to.dongle is None:
            holder = key_folder(folder, state_dirs)
            check_recognized(response, installation.machine, holder.load_key(), holder.access_to)
        check_environment(response, installation.machine)
    _store(response, data, folder, request, ended=response.is_receipt)
    return _Stored(folder, already=False)


def _choose_folder(
    response: Response,
    request: _StoredRequest | None,
    folders: list[Folder],
    installation: Installation,
) -> Folder:
    """The folder that a response goes to. Raises the error of a response that does not fit here."""
    bound_to = response.bound_to
    if bound_to.dongle is not None and not response.is_receipt:
        prove_dongle(bound_to.dongle, installation.dongle)
        return request.folder if request else _writable(response, installation)
    if response.is_renewal:
        renewed = _find_renewed(response, folders)
        if renewed is None:
            raise _not_requested(response, folders, installation)
        return renewed if _is_writable(renewed) else _writable(response, installation)
    if request is None:
        raise _not_requested(response, folders, installation)
    named = (request.request.device_key, request.request.load_key)
    if named != (bound_to.device_key, bound_to.load_key):
        raise WrongMachine(message("errors.wrong-machine.another-key"))
    return request.folder


def _find_request(
    response: Response, folders: list[Folder], state_dirs: StateDirs
) -> _StoredRequest | None:
    """The request that this response answers, if it waits in one of the folders."""
    for folder in folders:
        if response.is_receipt:
            name, request = DEACTIVATE, folder.request(DEACTIVATE, ignore_damage=True)
        else:
            name, request = PENDING, pending_request(folder, state_dirs, ignore_damage=True)
        if request is not None and request.sha256 == response.request_sha256:
            return _StoredRequest(folder, name, request)
    return None


def _find_renewed(response: Response, folders: list[Folder]) -> Folder | None:
    """The folder whose keys a renewal names, unless a deactivation of that device key waits."""
    bound_to = response.bound_to
    for folder in folders:
        key = folder.load_key(ignore_damage=True)
        if key is None or key.public != bound_to.load_key:
            continue
        ending = folder.request(DEACTIVATE, ignore_damage=True)
        is_ending = ending is not None and ending.device_key == bound_to.device_key
        if folder.device_public(ignore_damage=True) == bound_to.device_key and not is_ending:
            return folder
    return None


def _find_same(response: Response, folders: list[Folder]) -> Folder | None:
    """The folder where the same response is installed, perhaps with other signatures."""
    for folder in folders:
        data = folder.installed_bytes()
        with suppress(KeyferryError):  # a damaged one is not the same
            if data and open_envelope(data, RESPONSE).sha256 == response.envelope.sha256:
                return folder
    return None


def _find_damaged(
    response: Response, folders: list[Folder], state_dirs: StateDirs, keys: KeySet
) -> Folder | None:
    """The folder whose response of this serial is damaged, so that it may be restored."""
    for folder in folders:
        data = folder.installed_bytes()
        public = key_folder(folder, state_dirs).device_public(ignore_damage=True)
        if data is None or public != response.bound_to.device_key:
            continue
        if response.serial != folder.state(ignore_damage=True).max_serial:
            continue
        try:
            verify_response(data, keys)
        except KeyferryError:
            return folder
    return None


def _ended_after(response: Response, folder: Folder, is_same: bool) -> bool:
    """Whether the license has ended once this response is stored again."""
    waits = folder.request(DEACTIVATE, ignore_damage=True)
    if is_same and waits is not None and waits.device_key == response.bound_to.device_key:
        return folder.state(ignore_damage=True).ended
    return response.is_receipt


def _not_requested(
    response: Response, folders: list[Folder], installation: Installation
) -> KeyferryError:
    """The error of a response that answers no request here."""
    if not response.is_receipt:
        publics = {folder.device_public(ignore_damage=True): folder for folder in folders}
        is_own = response.bound_to.device_key in publics
        holder = publics.get(response.bound_to.device_key, folders[1])
        try:
            check_machine(response, installation.machine, holder.access_to, is_own)
        except WrongMachine as error:
            return error
    number = response.license.number
    return NotRequested(license_message("errors.not-requested.no-request", number))


def _writable(response: Response, installation: Installation) -> Folder:
    """The site's folder if this user may write there, otherwise the user's own."""
    number = response.license.number
    own = own_folders(installation.state_dirs, installation.machine.hashes, number)
    user, site = (Folder(root, number) for root in own)
    return site if _is_writable(site) else user


def _is_writable(folder: Folder) -> bool:
    return os.access(folder.root.path, os.W_OK)


def _check_serial(response: Response, folder: Folder, request: _StoredRequest | None) -> None:
    """Raises OlderResponse. An answer that came too late still ends the waiting of its request."""
    highest = folder.state(ignore_damage=True).max_serial
    if response.serial > highest:
        return
    if request is not None and not response.is_renewal:
        with suppress(StateNotWritable):
            request.folder.erase(request.name)
    raise older_response(response, highest)


def _store(
    response: Response, data: bytes, folder: Folder, request: _StoredRequest | None, ended: bool
) -> None:
    """Write the response first, so a crash in between leaves a license that loads."""
    state = folder.state(ignore_damage=True)
    folder.write(INSTALLED, data)
    highest = max(state.max_serial, response.serial)
    folder.write_state(state._replace(max_serial=highest, ended=ended, request_path=""))
    if request is None:
        return
    try:
        request.folder.erase(request.name)
    except StateNotWritable:
        if request.folder == folder:
            raise  # only a renewal may meet a request in the directory of others


def _set_clock(response: Response, state_dirs: StateDirs) -> None:
    clock = read_clock(state_dirs.user, ignore_damage=True)
    changed = clock.after_response(response.request_sha256, response.issued_at)
    if changed != clock:
        write_clock(state_dirs.user, changed)
