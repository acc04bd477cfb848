"""Mends license folders: tidies up, finishes what was cut off, makes anew what can be derived.

It takes no license away and makes none: what only the vendor can make again is named and left.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from keyferry.deactivate import finish_deactivation
from keyferry.doctor.inspection import answered, leftovers, right_mode, wrong_rights
from keyferry.load_license import is_deactivating
from keyferry.store.clock import Clock
from keyferry.store.lock import locked
from keyferry.store.state import (
    CLOCK,
    DEACTIVATE,
    DEVICE_KEY,
    INSTALLED,
    ORDER,
    PENDING,
    STATE,
    Folder,
    LicenseState,
    erase,
    numbers,
    read,
    read_clock,
    read_device_key,
    read_order,
    write_clock,
)
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.algorithms import DEVICE_ALGORITHM
from keyferry_protocol.errors import KeyferryError, StateDamaged, StateNotWritable
from keyferry_protocol.keys import KeySet
from keyferry_protocol.messages import message
from keyferry_protocol.request import Request, parse_request
from keyferry_protocol.response import Response, verify_response


class Deed(NamedTuple):
    """One thing that was mended, or could not be: `what` is its code, `text` its sentence."""

    what: str
    done: bool
    path: str
    text: str


def repair(where: StateDirs, keys: KeySet) -> list[Deed]:
    """Mend what can be mended, and say each thing that was done. Raises StateBusy."""
    deeds = [deed for root in where for deed in _mend_rights(root)]
    with locked(where):
        folders = [Folder(root, number) for root in where for number in numbers(root)]
        deeds += [deed for folder in folders for deed in _finish_writes(folder, keys)]
        deeds += [deed for root in where for deed in _remove_leftovers(root)]
        for folder in folders:
            folder.discard()  # one that held nothing else
        deeds += [deed for folder in folders for deed in _mend_license(folder, where, keys)]
        deeds += _mend_order(where.user)
        deeds += _mend_clock(where, folders, keys)
    return deeds


def _mend_rights(root: StateDir) -> Iterator[Deed]:
    for path in wrong_rights(root):
        mode = right_mode(path, root.shared)
        yield _attempt("rights", path, partial(os.chmod, path, mode))


def _remove_leftovers(root: StateDir) -> Iterator[Deed]:
    for path in list(leftovers(root)):
        yield _attempt("leftover", path, partial(erase, path))


def _finish_writes(folder: Folder, keys: KeySet) -> Iterator[Deed]:
    """A whole new file takes the place of a damaged one, where only its renaming was cut off."""
    for name, parse in (
        (DEVICE_KEY, read_device_key),
        (INSTALLED, lambda data: verify_response(data, keys)),
    ):
        path = folder.path(name)
        if not _is_whole(path, parse) and _is_whole(f"{path}.new", parse) and folder.has(name):
            yield _attempt("finished", path, partial(os.replace, f"{path}.new", path))


def _is_whole(path: str, parse: Callable[[bytes], object]) -> bool:
    try:
        parse(read(path) or b"")
    except (KeyferryError, ValueError):
        return False
    return True


def _mend_license(folder: Folder, where: StateDirs, keys: KeySet) -> Iterator[Deed]:
    number = show_license_number(folder.number)
    for name in (DEACTIVATE, PENDING):
        if _is_damaged(partial(folder.request, name)):
            yield _mend_request(folder, name)
    if _is_half_deactivated(folder, where):
        path = folder.path(DEACTIVATE)
        yield _attempt(
            "deactivation", path, lambda: finish_deactivation(folder, where), number=number
        )
    response = _genuine(folder, keys)
    if _is_damaged(folder.standing):
        standing = _derived_standing(folder, response)
        path = folder.path(STATE)
        yield _attempt("state", path, lambda: folder.write_standing(standing), number=number)
    waits = None if response is None else answered(folder, response)
    if response is not None and waits is not None:
        finish = partial(_finish_install, folder, response, waits)
        yield _attempt("install", folder.path(INSTALLED), finish)
    if response is None and folder.has(INSTALLED):
        yield _lost(folder, INSTALLED)
    if _is_damaged(folder.device_key):
        yield _lost(folder, DEVICE_KEY)


def _lost(folder: Folder, name: str) -> Deed:
    """What nothing here can make again; it may only be another user's, as after a `sudo`."""
    path = folder.path(name)
    if not os.access(path, os.R_OK):
        return _could_not("read", path)
    return _could_not(name, path, number=folder.number)


def _is_half_deactivated(folder: Folder, where: StateDirs) -> bool:
    with suppress(StateDamaged):  # then nobody knows, and it was told
        return is_deactivating(folder, where)
    return False


def _mend_request(folder: Folder, name: str) -> Deed:
    """A damaged request is read from the file that was handed out, if that is still there."""
    path = folder.path(name)
    saved = _saved_request(folder, name)
    if saved is not None:
        return _attempt("request", path, lambda: folder.write(name, saved))
    if name == DEACTIVATE and _has_key(folder):  # the key is erased before anything is handed out
        return _attempt("not-handed-out", path, lambda: folder.erase(name), number=folder.number)
    return _could_not(name, path, number=folder.number)


def _saved_request(folder: Folder, name: str) -> bytes | None:
    """The bytes of the request file where it was saved, if it is the one that waited here."""
    path = folder.standing(repair=True).request_path
    data = read(path) if path else None
    try:
        request = parse_request(data or b"")
    except KeyferryError:
        return None
    key = folder.device_key(repair=True)
    ours = (
        request.license_number == folder.number
        and (request.kind == "deactivate") == (name == DEACTIVATE)
        and request.envelope.is_signed_by(DEVICE_ALGORITHM, request.device_key)
        and (key is None or key.public == request.device_key)
    )
    return data if ours else None


def _has_key(folder: Folder) -> bool:
    return folder.device_key(repair=True) is not None


def _derived_standing(folder: Folder, response: Response | None) -> LicenseState:
    """What `state.json` must have said, by the files beside it."""
    serials = [request.last_serial for request in _requests(folder)]
    if response is not None:
        return LicenseState(max([response.serial, *serials]), ended=response.is_receipt)
    return LicenseState(max(serials, default=0), ended=folder.has(DEACTIVATE))


def _finish_install(folder: Folder, response: Response, name: str) -> None:
    standing = folder.standing(repair=True)
    serial = max(standing.max_serial, response.serial)
    folder.write_standing(LicenseState(serial, ended=response.is_receipt))
    folder.erase(name)


def _genuine(folder: Folder, keys: KeySet) -> Response | None:
    with suppress(KeyferryError):
        return verify_response(folder.installed() or b"", keys)
    return None


def _mend_order(user: StateDir) -> list[Deed]:
    path = os.path.join(user.path, ORDER)
    if not _is_damaged(lambda: read_order(user)):
        return []
    return [_attempt("order", path, partial(erase, path))]


def _mend_clock(where: StateDirs, folders: list[Folder], keys: KeySet) -> list[Deed]:
    """The mark goes back to the latest time that a file here tells; no time is gained by that."""
    if not _is_damaged(lambda: read_clock(where.user)):
        return []
    responses = [_genuine(folder, keys) for folder in folders]
    times = [response.issued_at for response in responses if response is not None]
    times += [request.created_at for folder in folders for request in _requests(folder)]
    clock = Clock(mark=max(times, default=0))
    path = os.path.join(where.user.path, CLOCK)
    return [_attempt("clock", path, lambda: write_clock(where.user, clock))]


def _requests(folder: Folder) -> list[Request]:
    found = [folder.request(name, repair=True) for name in (PENDING, DEACTIVATE)]
    return [request for request in found if request is not None]


def _is_damaged(look: Callable[[], object]) -> bool:
    """Whether a file that is there cannot be read as what it should be."""
    try:
        look()
    except StateDamaged:
        return True
    return False


def _attempt(what: str, path: str, act: Callable[[], object], **facts: object) -> Deed:
    try:
        act()
    except (StateNotWritable, OSError) as error:
        return _could_not("write", path, why=getattr(error, "strerror", None) or error)
    return Deed(what, True, path, message(f"doctor.did.{what}", path=path, **facts))


def _could_not(what: str, path: str, **facts: object) -> Deed:
    return Deed(what, False, path, message(f"doctor.could-not.{what}", path=path, **facts))
