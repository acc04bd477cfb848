"""What lies in the state folders, read whatever shape it is in: for the doctor and its repairs."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple, TypeVar

from keyferry.load_license import is_deactivating
from keyferry.store.state import (
    CLOCK,
    DEACTIVATE,
    DEVICE_KEY,
    INSTALLED,
    ORDER,
    PENDING,
    STATE,
    WRITE,
    Folder,
    LicenseState,
    damaged,
    numbers,
    read_clock,
    read_order,
)
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.keys import KeySet
from keyferry_protocol.request import Request
from keyferry_protocol.response import Response, parse_response, verify_response

_T = TypeVar("_T")

LOCK = "lock"
OF_A_LICENSE = (DEVICE_KEY, PENDING, DEACTIVATE, INSTALLED, STATE)
OF_A_ROOT = (CLOCK, ORDER, LOCK)
PROBE = "doctor.new"
_PROBE_BYTES = 4096  # a whole block: a full disk takes less into a file that has room left


class Stored(NamedTuple):
    """One license's folder: each file as far as it can be read, and what cannot.

    `response` is never a receipt; `refused` is what the pinned keys say of it. `cut_off` names
    what was begun and not done to its end: `deactivation`, `install`, or "".
    """

    folder: Folder
    key: bytes | None
    response: Response | None
    refused: KeyferryError | None
    request: Request | None
    standing: LicenseState
    cut_off: str
    damage: tuple[KeyferryError, ...]


class Place(NamedTuple):
    """One root: why it cannot be written ("" if it can), what a cut-off write left, whose rights
    are wrong."""

    root: StateDir
    refusal: str
    leftovers: tuple[str, ...]
    wrong_rights: tuple[str, ...]


def read_licenses(where: StateDirs, keys: KeySet) -> list[Stored]:
    """Every license's folder in either root."""
    return [
        read_license(Folder(root, number), where, keys)
        for root in where
        for number in numbers(root)
    ]


def read_license(folder: Folder, where: StateDirs, keys: KeySet) -> Stored:
    damage: list[KeyferryError] = []

    def readable(read: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return read()
        except KeyferryError as error:
            damage.append(error)
            return otherwise

    key = readable(folder.device_key, None)
    response = readable(lambda: _installed(folder), None)
    stored = Stored(
        folder=folder,
        key=None if key is None else key.public,
        response=None if response is None or response.is_receipt else response,
        refused=None if response is None else _refused(folder, keys),
        request=readable(lambda: folder.request(PENDING), None),
        standing=readable(folder.standing, LicenseState()),
        cut_off=readable(lambda: _cut_off(folder, where, response), ""),
        damage=(),
    )
    return stored._replace(damage=tuple(damage))


def read_shared_damage(where: StateDirs) -> tuple[KeyferryError, ...]:
    """What cannot be read of the two files that belong to no one license."""
    damage = []
    for read in (lambda: read_clock(where.user), lambda: read_order(where.user)):
        try:
            read()
        except KeyferryError as error:
            damage.append(error)
    return tuple(damage)


def read_place(root: StateDir) -> Place:
    return Place(root, _refusal(root), tuple(leftovers(root)), tuple(wrong_rights(root)))


def leftovers(root: StateDir) -> Iterator[str]:
    """The files beside the real ones that a write makes and renames."""
    own = [os.path.join(root.path, name) for name in OF_A_ROOT]
    of_licenses = [
        Folder(root, number).path(name) for number in numbers(root) for name in OF_A_LICENSE
    ]
    paths = [f"{path}.new" for path in own + of_licenses] + [os.path.join(root.path, PROBE)]
    return (path for path in paths if os.path.lexists(path))


def wrong_rights(root: StateDir) -> Iterator[str]:
    """Files and folders whose rights a user, a backup or an unpacked archive has changed.

    A folder comes before what is in it, so that whoever mends them as they come finds it all.
    """
    if os.name != "posix":  # elsewhere rights are inherited from the folder above
        return
    if _is_wrong(root.path, root.shared):
        yield root.path
    folders = [os.path.join(root.path, number) for number in numbers(root)]
    paths = [os.path.join(root.path, name) for name in OF_A_ROOT]
    for folder in folders:
        paths += [folder, *(os.path.join(folder, name) for name in OF_A_LICENSE)]
    for path in paths:
        if _is_wrong(path, root.shared):
            yield path


def right_mode(path: str, shared: bool) -> int:
    """The rights a file or folder of ours should have, as near to its own as may be."""
    found = os.lstat(path)
    mode, folder = stat.S_IMODE(found.st_mode), stat.S_ISDIR(found.st_mode)
    if shared:  # readable by all; that a group may write is its administrator's choice
        return (mode | (0o755 if folder else 0o644)) & ~0o002
    return (mode | (0o700 if folder else 0o600)) & 0o700


def _is_wrong(path: str, shared: bool) -> bool:
    with suppress(OSError):
        found = os.lstat(path)
        if stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode):
            return stat.S_IMODE(found.st_mode) != right_mode(path, shared)
    return False


def _installed(folder: Folder) -> Response | None:
    data = folder.installed()
    try:
        return None if data is None else parse_response(open_envelope(data, RESPONSE))
    except KeyferryError as error:
        raise damaged(folder.path(INSTALLED), str(error)) from error


def answered(folder: Folder, response: Response) -> str | None:
    """The name of the request that still waits although its response is in place."""
    for name in (PENDING, DEACTIVATE):
        request = folder.request(name, repair=True)
        if request is not None and request.sha256 == response.request_sha256:
            return name
    return None


def _cut_off(folder: Folder, where: StateDirs, response: Response | None) -> str:
    if is_deactivating(folder, where):
        return "deactivation"
    return "install" if response is not None and answered(folder, response) else ""


def _refused(folder: Folder, keys: KeySet) -> KeyferryError | None:
    try:
        verify_response(folder.installed() or b"", keys)
    except KeyferryError as error:
        return error
    return None


def _refusal(root: StateDir) -> str:
    """Why nothing can be written here, in the system's words; "" where it can.

    Found by writing: rights alone know nothing of full disks, quotas and Windows' lists. A folder
    that is not there yet is not made for that; the one it would be made in is asked.
    """
    path = root.path
    while not os.path.lexists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    try:
        if path == root.path:
            _write_probe(os.path.join(path, PROBE))
        elif not os.path.isdir(path):
            raise NotADirectoryError(None, "Not a directory")
        elif not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(None, "Permission denied")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _write_probe(path: str) -> None:
    try:
        with os.fdopen(os.open(path, WRITE, 0o600), "wb") as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    finally:
        with suppress(OSError):
            os.unlink(path)
