"""Repairs license folders: cleans up, finishes interrupted work, restores what can be derived.

It neither removes nor creates a license: what only the vendor can restore is only reported.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from typing import NamedTuple

from keyferry.deactivate import finish_deactivation
from keyferry.doctor.directories import leftovers, wrong_modes
from keyferry.doctor.inspection import answered_request
from keyferry.store.clock import Clock
from keyferry.store.clock_file import CLOCK, read_clock, write_clock
from keyferry.store.directory import license_numbers, read_regular, unsafe_directories
from keyferry.store.files import erase, finish_write
from keyferry.store.folder import (
    DEACTIVATE,
    DEVICE_KEY,
    DEVICE_PUBLIC,
    INSTALLED,
    LOAD_KEY,
    PENDING,
    STATE,
    Folder,
    LicenseState,
    is_deactivating,
    parse_key,
)
from keyferry.store.lock import Lock
from keyferry.store.order import ORDER, read_order
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.algorithms import DEVICE_ALGORITHM, self_test
from keyferry_protocol.envelope import MAX_FILE, REQUEST
from keyferry_protocol.errors import (
    KeyferryError,
    StateDamaged,
    StateNotReadable,
    StateNotWritable,
)
from keyferry_protocol.keys import KeySet
from keyferry_protocol.messages import message
from keyferry_protocol.request import Request, parse_request
from keyferry_protocol.response import Response, verify_response


class Repair(NamedTuple):
    """One repair that succeeded or failed: `what` is its code, `text` its sentence."""

    what: str
    done: bool
    path: str
    text: str


def repair(state_dirs: StateDirs, keys: KeySet) -> list[Repair]:
    """Repair what can be repaired, and report each repair. Raises StateBusy.

    Raises CannotVerify where a file that is whole could not be told from a damaged one.
    """
    for alg in (DEVICE_ALGORITHM, *keys.require):
        self_test(alg)
    repairs = [done for root in state_dirs for done in _repair_rights(root)]
    repairs += [done for root in state_dirs for done in _report_unsafe(root)]
    with ExitStack() as locks:
        for root in state_dirs:
            with suppress(StateNotReadable, StateNotWritable):
                locks.enter_context(Lock(root))
        folders = [Folder(root, number) for root in state_dirs for number in license_numbers(root)]
        repairs += [done for folder in folders for done in _finish_writes(folder, keys)]
        repairs += [done for root in state_dirs for done in _remove_leftovers(root)]
        for folder in folders:
            folder.discard()  # if it contained only leftovers
        repairs += [
            done for folder in folders for done in _repair_license(folder, state_dirs, keys)
        ]
        repairs += _repair_order(state_dirs.user)
        repairs += _repair_clock(state_dirs, folders, keys)
    return repairs


def _repair_rights(root: StateDir) -> Iterator[Repair]:
    for wrong in wrong_modes(root):
        yield _attempt("rights", wrong.path, wrong.repair)


def _report_unsafe(root: StateDir) -> Iterator[Repair]:
    """What is left alone here, since a link or another user could replace it."""
    for error in unsafe_directories(root):
        yield _could_not("unsafe", error.facts["path"], why=error)


def _remove_leftovers(root: StateDir) -> Iterator[Repair]:
    for name in leftovers(root):
        yield _attempt("leftover", root.path_of(name), partial(erase, root, name))


def _finish_writes(folder: Folder, keys: KeySet) -> Iterator[Repair]:
    """Finish a write that stopped before its rename: replace the damaged file with the new one."""
    for name, parse in (
        (DEVICE_KEY, parse_key),
        (LOAD_KEY, parse_key),
        (INSTALLED, lambda data: verify_response(data, keys)),
    ):
        is_damaged = folder.has(name) and not _is_whole(folder, name, parse)
        if is_damaged and _is_whole(folder, f"{name}.new", parse):
            finish = partial(finish_write, folder.root, folder.name(name))
            yield _attempt("finished", folder.path(name), finish)


def _is_whole(folder: Folder, name: str, parse: Callable[[bytes], object]) -> bool:
    try:
        parse(folder.read(name) or b"")
    except (KeyferryError, ValueError):
        return False
    return True


def _repair_license(folder: Folder, state_dirs: StateDirs, keys: KeySet) -> Iterator[Repair]:
    number = show_license_number(folder.number)
    for name in (DEACTIVATE, PENDING):
        if _is_damaged(partial(folder.request, name)):
            yield _repair_request(folder, name)
    if _is_half_deactivated(folder):
        path = folder.path(DEACTIVATE)
        yield _attempt(
            "deactivation", path, lambda: finish_deactivation(folder, state_dirs), number=number
        )
    response = _genuine(folder, keys)
    if _is_damaged(folder.state):
        state = _derived_state(folder, response)
        path = folder.path(STATE)
        yield _attempt("state", path, lambda: folder.write_state(state), number=number)
    pending = None if response is None else answered_request(folder, response)
    if response is not None and pending is not None:
        finish = partial(_finish_install, folder, response, pending)
        yield _attempt("install", folder.path(INSTALLED), finish)
    if response is None and folder.has(INSTALLED):
        yield _lost(folder, INSTALLED)
    for name, read_key in ((DEVICE_KEY, folder.device_key), (LOAD_KEY, folder.load_key)):
        if _is_damaged(read_key):
            yield _lost(folder, name)
    if _is_damaged(folder.device_public):
        yield _attempt("device-public", folder.path(DEVICE_PUBLIC), partial(_derive_public, folder))


def _lost(folder: Folder, name: str) -> Repair:
    """Report a file that cannot be restored, or that belongs to another user, as after `sudo`."""
    path = folder.path(name)
    if not os.access(path, os.R_OK):
        return _could_not("read", path)
    return _could_not(name, path, number=folder.number)


def _is_half_deactivated(folder: Folder) -> bool:
    with suppress(StateDamaged):  # then this is unknown, and the damage is reported
        return is_deactivating(folder)
    return False


def _repair_request(folder: Folder, name: str) -> Repair:
    """Restore a damaged request from the saved file, if it still exists."""
    path = folder.path(name)
    saved = _saved_request(folder, name)
    if saved is not None:
        return _attempt("request", path, lambda: folder.write(name, saved))
    if name == DEACTIVATE and _has_key(folder):  # the key is erased before the file is saved
        return _attempt("not-handed-out", path, lambda: folder.erase(name), number=folder.number)
    return _could_not(name, path, number=folder.number)


def _saved_request(folder: Folder, name: str) -> bytes | None:
    """The bytes of the request file where it was saved, if it is the one that was stored here."""
    path = folder.state(ignore_damage=True).request_path
    try:
        data = read_regular(path, MAX_FILE[REQUEST] + 1)
        request = parse_request(data)
    except (OSError, ValueError, KeyferryError):
        return None
    signer = request.load_key if request.is_by_load_key else request.device_key
    is_same = (
        request.license_number == folder.number
        and (request.kind == "deactivate") == (name == DEACTIVATE)
        and request.envelope.is_signed_by(DEVICE_ALGORITHM, signer or b"")
        and folder.device_public(ignore_damage=True) in (None, request.device_key)
    )
    return data if is_same else None


def _has_key(folder: Folder) -> bool:
    return folder.device_public(ignore_damage=True) is not None


def _derive_public(folder: Folder) -> None:
    """Write the public half of the device key again."""
    key = folder.device_key(ignore_damage=True)
    if key is None:
        raise StateNotWritable
    folder.write_device_public(key.public)


def _derived_state(folder: Folder, response: Response | None) -> LicenseState:
    """Derive the contents of `state.json` from the other files in its folder."""
    serials = [request.last_serial for request in _requests(folder)]
    if response is not None:
        return LicenseState(max([response.serial, *serials]), ended=response.is_receipt)
    return LicenseState(max(serials, default=0), ended=folder.has(DEACTIVATE))


def _finish_install(folder: Folder, response: Response, name: str) -> None:
    state = folder.state(ignore_damage=True)
    serial = max(state.max_serial, response.serial)
    folder.write_state(
        state._replace(max_serial=serial, ended=response.is_receipt, request_path="")
    )
    folder.erase(name)


def _genuine(folder: Folder, keys: KeySet) -> Response | None:
    with suppress(KeyferryError):
        return verify_response(folder.installed_bytes() or b"", keys)
    return None


def _repair_order(user: StateDir) -> list[Repair]:
    if not _is_damaged(lambda: read_order(user)):
        return []
    return [_attempt("order", user.path_of(ORDER), partial(erase, user, ORDER))]


def _repair_clock(state_dirs: StateDirs, folders: list[Folder], keys: KeySet) -> list[Repair]:
    """Set the mark to the latest time in a file here, which gains nobody time."""
    if not _is_damaged(lambda: read_clock(state_dirs.user)):
        return []
    responses = [_genuine(folder, keys) for folder in folders]
    times = [response.issued_at for response in responses if response is not None]
    times += [request.created_at for folder in folders for request in _requests(folder)]
    clock = Clock(mark=max(times, default=0))
    path = state_dirs.user.path_of(CLOCK)
    return [_attempt("clock", path, lambda: write_clock(state_dirs.user, clock))]


def _requests(folder: Folder) -> list[Request]:
    requests = [folder.request(name, ignore_damage=True) for name in (PENDING, DEACTIVATE)]
    return [request for request in requests if request is not None]


def _is_damaged(read: Callable[[], object]) -> bool:
    """Whether a file exists but cannot be parsed."""
    try:
        read()
    except StateDamaged:
        return True
    except StateNotReadable:  # it is not this user's to repair
        return False
    return False


def _attempt(what: str, path: str, act: Callable[[], object], **facts: object) -> Repair:
    try:
        act()
    except (StateNotReadable, StateNotWritable, OSError) as error:
        return _could_not("write", path, why=getattr(error, "strerror", None) or error)
    return Repair(what, True, path, message(f"doctor.did.{what}", path=path, **facts))


def _could_not(what: str, path: str, **facts: object) -> Repair:
    return Repair(what, False, path, message(f"doctor.could-not.{what}", path=path, **facts))
