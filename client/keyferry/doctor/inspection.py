"""Reads the state directories, even damaged ones, for diagnosis and repair."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple, TypeVar

from keyferry.store.clock_file import CLOCK, read_clock
from keyferry.store.files import OPEN_TO_WRITE, damaged
from keyferry.store.folder import (
    DEACTIVATE,
    FILES,
    INSTALLED,
    PENDING,
    Folder,
    LicenseState,
    is_deactivating,
)
from keyferry.store.order import ORDER, license_numbers, read_order
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.keys import KeySet
from keyferry_protocol.request import Request
from keyferry_protocol.response import Response, parse_response, verify_response

_T = TypeVar("_T")

LOCK = "lock"
SHARED_FILES = (CLOCK, ORDER, LOCK)
PROBE = "doctor.new"
_PROBE_BYTES = 4096  # a whole block, since a full disk may still accept less


class StoredLicense(NamedTuple):
    """One license's folder: each file that can be read, and the damage of those that cannot.

    `response` is never a receipt; `refused` is the error of verifying it with the pinned keys.
    `interrupted` names an unfinished operation: `deactivation`, `install`, or "".
    """

    folder: Folder
    key: bytes | None
    response: Response | None
    refused: KeyferryError | None
    request: Request | None
    state: LicenseState
    interrupted: str
    damage: tuple[KeyferryError, ...]


class StateDirReport(NamedTuple):
    """One state directory: why it cannot be written ("" if it can), and what is untidy in it.

    An interrupted write leaves `leftovers`; `wrong_rights` are paths with wrong permissions.
    """

    root: StateDir
    write_error: str
    leftovers: tuple[str, ...]
    wrong_rights: tuple[str, ...]


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
        except KeyferryError as error:
            damage.append(error)
            return otherwise

    key = readable(folder.device_key, None)
    readable(folder.load_key, None)
    response = readable(lambda: _installed(folder), None)
    stored = StoredLicense(
        folder=folder,
        key=None if key is None else key.public,
        response=None if response is None or response.is_receipt else response,
        refused=None if response is None else _verification_error(folder, keys),
        request=readable(lambda: folder.request(PENDING), None),
        state=readable(folder.state, LicenseState()),
        interrupted=readable(lambda: _interrupted(folder, state_dirs, response), ""),
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


def read_state_dir(root: StateDir) -> StateDirReport:
    """Whether one state directory can be written, and whether it is tidy."""
    return StateDirReport(
        root, _write_error(root), tuple(leftovers(root)), tuple(wrong_rights(root))
    )


def leftovers(root: StateDir) -> Iterator[str]:
    """The temporary files that interrupted writes left next to the real ones."""
    own = [os.path.join(root.path, name) for name in SHARED_FILES]
    of_licenses = [
        Folder(root, number).path(name) for number in license_numbers(root) for name in FILES
    ]
    paths = [f"{path}.new" for path in own + of_licenses] + [os.path.join(root.path, PROBE)]
    return (path for path in paths if os.path.lexists(path))


def wrong_rights(root: StateDir) -> Iterator[str]:
    """Files and folders whose permissions a user, a backup, or an archive tool changed.

    A folder comes before its contents, so repairing them in this order reaches all of them.
    """
    if os.name != "posix":  # elsewhere permissions are inherited from the parent folder
        return
    if _is_wrong(root.path, root.shared):
        yield root.path
    folders = [os.path.join(root.path, number) for number in license_numbers(root)]
    paths = [os.path.join(root.path, name) for name in SHARED_FILES]
    for folder in folders:
        paths += [folder, *(os.path.join(folder, name) for name in FILES)]
    for path in paths:
        if _is_wrong(path, root.shared):
            yield path


def right_mode(path: str, shared: bool) -> int:
    """The permissions that a file or folder should have, changing as little as possible."""
    own = os.lstat(path).st_mode
    mode, folder = stat.S_IMODE(own), stat.S_ISDIR(own)
    if shared:  # readable by all; an administrator may let a group write
        return (mode | (0o755 if folder else 0o644)) & ~0o002
    return (mode | (0o700 if folder else 0o600)) & 0o700


def _is_wrong(path: str, shared: bool) -> bool:
    with suppress(OSError):
        mode = os.lstat(path).st_mode
        if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
            return stat.S_IMODE(mode) != right_mode(path, shared)
    return False


def _installed(folder: Folder) -> Response | None:
    data = folder.installed_bytes()
    try:
        return None if data is None else parse_response(open_envelope(data, RESPONSE))
    except KeyferryError as error:
        raise damaged(folder.path(INSTALLED), str(error)) from error


def answered_request(folder: Folder, response: Response) -> str | None:
    """The file of a request that is still stored although its response is installed."""
    for name in (PENDING, DEACTIVATE):
        request = folder.request(name, ignore_damage=True)
        if request is not None and request.sha256 == response.request_sha256:
            return name
    return None


def _interrupted(folder: Folder, state_dirs: StateDirs, response: Response | None) -> str:
    if is_deactivating(folder, state_dirs):
        return "deactivation"
    return "install" if response is not None and answered_request(folder, response) else ""


def _verification_error(folder: Folder, keys: KeySet) -> KeyferryError | None:
    try:
        verify_response(folder.installed_bytes() or b"", keys)
    except KeyferryError as error:
        return error
    return None


def _write_error(root: StateDir) -> str:
    """The system's reason why nothing can be written here; "" if writing works.

    This writes a file, because permissions do not reveal full disks, quotas, and Windows access
    control lists. A missing folder is not created: its future parent folder is checked instead.
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
        with os.fdopen(os.open(path, OPEN_TO_WRITE, 0o600), "wb") as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    finally:
        with suppress(OSError):
            os.unlink(path)
