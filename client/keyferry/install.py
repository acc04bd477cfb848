"""Takes a response in: every check in the format's order, and nothing changed if one fails."""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from keyferry.checks import (
    check_product,
    check_revoked,
    holds_license,
    license_message,
    prove_device_key,
    prove_dongle,
)
from keyferry.deactivate import finish_deactivation
from keyferry.dongle.signer import AnyDongle, Token, token_for
from keyferry.license import License
from keyferry.load_license import admit, clock_of, examine
from keyferry.machine.current_machine import CurrentMachine
from keyferry.store.lock import locked
from keyferry.store.state import (
    DEACTIVATE,
    INSTALLED,
    PENDING,
    Folder,
    LicenseState,
    read_clock,
    write_clock,
)
from keyferry.store.state_dirs import StateDirs
from keyferry.times import Moment
from keyferry.vendor import resolve
from keyferry_protocol.components import Machine
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import (
    KeyferryError,
    NotRequested,
    OlderResponse,
    StateNotWritable,
    WrongMachine,
)
from keyferry_protocol.keys import KeySet
from keyferry_protocol.response import Response, verify_response


class Installed(NamedTuple):
    """What was installed: the license, none for the receipt of a deactivation."""

    kind: str
    license: License | None


class Waiting(NamedTuple):
    """The request that a response answers, as it waits in one folder."""

    folder: Folder
    name: str
    device_key: bytes


def install_response(
    data: bytes,
    keys: KeySet | str | os.PathLike[str],
    *,
    product: str,
    state_dir: str | os.PathLike[str] | None = None,
    machine: Machine | None = None,
    now: Moment = None,
    dongle: AnyDongle = None,
    vendor: str | None = None,
) -> Installed:
    """Install a response file. What its checks refuse changes nothing here.

    An error of its dates or of the clock is raised after it was stored.
    """
    pinned, where = resolve(keys, state_dir, vendor)
    response = verify_response(data, pinned)
    return install(
        response, data, where, pinned, product, CurrentMachine(machine), dongle, clock_of(now)
    )


def install(
    response: Response,
    data: bytes,
    where: StateDirs,
    keys: KeySet,
    product: str,
    seen: CurrentMachine,
    dongle: AnyDongle,
    clock: Callable[[], int],
) -> Installed:
    """Install a genuine response, as `install_response` does."""
    check_product(response, product)
    wants_dongle = response.bound_to.dongle is not None and not response.is_receipt
    # Before the lock: somebody may have to type a PIN first.
    token = token_for(dongle, response.bound_to.dongle) if wants_dongle else None
    with locked(where):
        folder = settle(response, data, where, keys, seen, token)
        with suppress(StateNotWritable):  # as in `load`, which goes by issued_at then
            _settle_clock(response, where)
    if response.is_receipt:
        return Installed(response.kind, None)
    stored = examine(folder, where, keys, product, seen, token)  # success is only what loads
    return Installed(response.kind, admit(stored, where, clock, None, token))


def settle(
    response: Response,
    data: bytes,
    where: StateDirs,
    keys: KeySet,
    seen: CurrentMachine,
    dongle: Token | None,
) -> Folder:
    """Check a genuine response against what waits here, store it, and say where."""
    number = response.license.number
    folders = [Folder(root, number) for root in where]
    for folder in folders:
        with suppress(StateNotWritable):  # it counts as done all the same
            finish_deactivation(folder, where)
    waiting = _find_waiting(response, folders)
    again = _find_same(response, folders) or _find_damaged(response, folders, keys)
    if again is not None:
        return _store(response, data, again, waiting)
    if response.bound_to.dongle is not None and not response.is_receipt:
        prove_dongle(response.bound_to.dongle, dongle)
        folder = waiting.folder if waiting else _writable(folders)
    else:
        if waiting is None:
            raise _not_waited_for(response, seen)
        if waiting.device_key != response.bound_to.device_key:
            raise WrongMachine("It names another key than the request that it answers.")
        folder = waiting.folder
    if response.is_receipt and holds_license(folder):
        folder.erase(DEACTIVATE)  # activated again meanwhile: only the waiting ends
        return folder
    _check_serial(response, folder)
    if not response.is_receipt:
        check_revoked(response, keys)
        if response.bound_to.dongle is None:
            prove_device_key(folder, response.bound_to.device_key)
            seen.check(number, response.bound_to)
    return _store(response, data, folder, waiting)


def answers_here(response: Response, where: StateDirs) -> bool:
    """Whether a request waits here for this response, or the very response is installed."""
    folders = [Folder(root, response.license.number) for root in where]
    waits = _find_waiting(response, folders) is not None
    return waits or _find_same(response, folders) is not None


def _find_waiting(response: Response, folders: list[Folder]) -> Waiting | None:
    name = DEACTIVATE if response.is_receipt else PENDING
    for folder in folders:
        request = folder.request(name, repair=True)
        if request is not None and request.sha256 == response.request_sha256:
            return Waiting(folder, name, request.device_key)
    return None


def _find_same(response: Response, folders: list[Folder]) -> Folder | None:
    """Where the same response is installed already; it may have come with new signatures."""
    for folder in folders:
        data = folder.installed()
        with suppress(KeyferryError):  # a damaged one is not the same
            if data and open_envelope(data, RESPONSE).sha256 == response.envelope.sha256:
                return folder
    return None


def _find_damaged(response: Response, folders: list[Folder], keys: KeySet) -> Folder | None:
    """Where a response of this serial was installed and is damaged now: it may be put back."""
    for folder in folders:
        data = folder.installed()
        key = folder.device_key(repair=True)
        if data is None or key is None or key.public != response.bound_to.device_key:
            continue
        try:
            verify_response(data, keys)
        except KeyferryError:
            if response.serial == folder.standing(repair=True).max_serial:
                return folder
    return None


def _not_waited_for(response: Response, seen: CurrentMachine) -> KeyferryError:
    number = response.license.number
    if not response.is_receipt:
        try:
            seen.check(number, response.bound_to)
        except WrongMachine as error:
            return error
    return NotRequested(license_message("errors.not-requested.no-request", number))


def _writable(folders: list[Folder]) -> Folder:
    """The site's folder if this user may write there, else the user's."""
    user, site = folders
    return site if os.access(site.root.path, os.W_OK) else user


def _check_serial(response: Response, folder: Folder) -> None:
    highest = folder.standing(repair=True).max_serial
    if response.serial <= highest:
        facts = {"highest": highest, "serial": response.serial}
        number = response.license.number
        raise OlderResponse(
            license_message("errors.older-response.already-higher", number, **facts)
        )


def _store(response: Response, data: bytes, folder: Folder, waiting: Waiting | None) -> Folder:
    """The response first, so that a crash in between leaves a license that loads."""
    standing = folder.standing(repair=True)
    folder.write(INSTALLED, data)
    serial = max(standing.max_serial, response.serial)
    folder.write_standing(LicenseState(serial, ended=response.is_receipt))
    if waiting is not None:
        waiting.folder.erase(waiting.name)
    return folder


def _settle_clock(response: Response, where: StateDirs) -> None:
    clock = read_clock(where.user, repair=True)
    settled = clock.settled(response.request_sha256, response.issued_at)
    if settled != clock:
        write_clock(where.user, settled)
