"""Where the offline machine keeps its state, and how: each file is the old or the new, never half.

The folders and files are part of the format (docs/format.md, "State on the offline machine").
"""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from keyferry.store.clock import Clock
from keyferry.store.state_dirs import StateDir, StateDirs, make_folder
from keyferry.times import LAST
from keyferry_protocol.encoding import b64, unb64
from keyferry_protocol.errors import (
    BadJson,
    StateDamaged,
    StateNotWritable,
    UnreadableRequest,
    UnsupportedVersion,
    WrongType,
)
from keyferry_protocol.keys import Ed25519Signer
from keyferry_protocol.strict_json import InvalidMember, JsonObject, parse_json

if TYPE_CHECKING:
    from keyferry_protocol.request import Request

_WINDOWS_TRIES = 50
# A link that lies where we write would lead into another's file: as root, into any.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_LINK | getattr(os, "O_BINARY", 0)
MAX_BYTES = 65536  # of one file; none of ours is as long
DEVICE_KEY = "device.key"
PENDING = "pending.request"
DEACTIVATE = "deactivate.request"
INSTALLED = "installed.response"
STATE = "state.json"
CLOCK = "clock.json"
ORDER = "order.json"


class LicenseState(NamedTuple):
    """A license's `state.json`: the highest serial seen, and whether it was deactivated here."""

    max_serial: int = 0
    ended: bool = False
    request_path: str = ""  # where the last request file was saved, for people


def read(path: str) -> bytes | None:
    """A file's bytes, cut where no file of ours is so long; None if there is no such file.

    Raises StateDamaged where it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if not os.access(os.path.dirname(path), os.X_OK):
            return None  # a folder that another user closed holds nothing of this one's
        raise damaged(path, f"It cannot be read: {error.strerror}.") from error


def write(root: StateDir, path: str, data: bytes) -> None:
    """Put a file in place at once: written beside it, flushed, then renamed over it.

    The caller holds the root's lock. Raises StateNotWritable.
    """
    folder = os.path.dirname(path)
    mode = 0o644 if root.shared else 0o600
    try:
        make_folder(folder, root.shared)
        with os.fdopen(os.open(f"{path}.new", WRITE, mode), "wb") as file:
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)  # whatever the umask
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _replace(f"{path}.new", path)
        _flush_folder(folder)
    except OSError as error:
        raise StateNotWritable(f"{path}: {error.strerror}.", path=path) from error


def _replace(new: str, path: str) -> None:
    for _ in range(_WINDOWS_TRIES if os.name == "nt" else 0):
        try:
            return os.replace(new, path)
        except PermissionError:  # Windows renames over no file that someone is reading just now
            time.sleep(0.01)
    os.replace(new, path)


def erase(path: str) -> None:
    """Remove a file for good, if it is there. Raises StateNotWritable."""
    try:
        os.unlink(path)
        _flush_folder(os.path.dirname(path))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateNotWritable(f"{path}: {error.strerror}.", path=path) from error


def _flush_folder(folder: str) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened, and a rename is flushed with it
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def damaged(path: str, reason: str) -> StateDamaged:
    return StateDamaged(f"{path} is damaged: {reason}", path=path)


class Folder(NamedTuple):
    """One license in one of the two roots. Whoever writes holds the root's lock.

    `repair`: what is damaged counts as not there, for a command that writes it anew.
    """

    root: StateDir
    number: str

    def path(self, name: str) -> str:
        return os.path.join(self.root.path, self.number, name)

    def has(self, name: str) -> bool:
        return os.path.exists(self.path(name))

    def write(self, name: str, data: bytes) -> None:
        write(self.root, self.path(name), data)

    def erase(self, name: str) -> None:
        erase(self.path(name))

    def discard(self) -> None:
        """Remove the folder itself, if nothing is left in it."""
        with suppress(OSError):
            os.rmdir(os.path.join(self.root.path, self.number))

    def device_key(self, repair: bool = False) -> Ed25519Signer | None:
        """The key of this license on this machine. Raises StateDamaged."""
        data = read(self.path(DEVICE_KEY))
        if data is None:
            return None
        try:
            return read_device_key(data)
        except ValueError as error:
            if repair:
                return None
            raise damaged(self.path(DEVICE_KEY), "It is not a key of 32 bytes.") from error

    def write_device_key(self, key: Ed25519Signer) -> None:
        self.write(DEVICE_KEY, b64(key.seed).encode("ascii"))

    def request(self, name: str, repair: bool = False) -> "Request | None":
        """What waits as `PENDING` or `DEACTIVATE`. Raises StateDamaged."""
        data = read(self.path(name))
        if data is None:
            return None
        from keyferry_protocol.request import parse_request

        try:
            return parse_request(data)
        except (UnreadableRequest, UnsupportedVersion, WrongType) as error:
            if repair:
                return None
            raise damaged(self.path(name), str(error)) from error

    def installed(self) -> bytes | None:
        return read(self.path(INSTALLED))

    def standing(self, repair: bool = False) -> LicenseState:
        """What `state.json` says; of a license that has none, nothing was seen. StateDamaged."""
        try:
            record = _read_record(self.path(STATE))
            return LicenseState() if record is None else _read_standing(record, self.path(STATE))
        except StateDamaged:
            if repair:
                return LicenseState()
            raise

    def write_standing(self, standing: LicenseState) -> None:
        members: dict[str, object] = {"state": 1, **standing._asdict()}
        # Linux lets a folder's name be no text; JSON does not, and the path is for people alone.
        text = standing.request_path.encode("utf-8", "ignore").decode()
        if not text or text != standing.request_path:
            del members["request_path"]
        self.write(STATE, _json(members))


def read_device_key(data: bytes) -> Ed25519Signer:
    """The key of a `device.key`. Raises ValueError."""
    return Ed25519Signer(unb64(data.decode("ascii")))


def numbers(root: StateDir) -> list[str]:
    """The licenses that have a folder here, ascending."""
    try:
        names = os.listdir(root.path)
    except OSError:  # no folder yet, or none that this user may list
        return []
    return sorted(name for name in names if len(name) == 12 and name.isascii() and name.isdigit())


def in_trying_order(where: StateDirs) -> list[str]:
    """All license numbers here: those of `order.json` first, the others ascending."""
    known = set(numbers(where.user)) | set(numbers(where.site))
    preferred: list[str] = []
    with suppress(StateDamaged):  # a preference that is lost stands in no license's way
        preferred = [n for n in dict.fromkeys(read_order(where.user)) if n in known]
    return preferred + sorted(known.difference(preferred))


def read_order(user: StateDir) -> tuple[str, ...]:
    path = os.path.join(user.path, ORDER)
    record = _read_record(path)
    if record is None:
        return ()
    try:
        return record.texts("order", str)
    except InvalidMember as error:
        raise damaged(path, str(error)) from error


def write_order(user: StateDir, order: list[str]) -> None:
    write(user, os.path.join(user.path, ORDER), _json({"order": order}))


def read_clock(user: StateDir, repair: bool = False) -> Clock:
    """What `clock.json` remembers; where there is none, no time was seen. Raises StateDamaged."""
    path = os.path.join(user.path, CLOCK)
    try:
        record = _read_record(path)
        return Clock() if record is None else _read_clock(record, path)
    except StateDamaged:
        if repair:
            return Clock()
        raise


def _read_clock(record: JsonObject, path: str) -> Clock:
    try:
        notes = record.json_object("at_request")
        at_request = {name: notes.integer(name, 0) for name in notes.names()}
        mark = record.integer("mark", 0)
        if mark > LAST:
            raise InvalidMember("mark", "is no time that a calendar has")
        return Clock(mark, record.integer("lowered", 0), at_request)
    except InvalidMember as error:
        raise damaged(path, str(error)) from error


def write_clock(user: StateDir, clock: Clock) -> None:
    write(user, os.path.join(user.path, CLOCK), _json(clock._asdict()))


def _read_record(path: str) -> JsonObject | None:
    data = read(path)
    if data is None:
        return None
    try:
        return JsonObject(parse_json(data))
    except (BadJson, InvalidMember) as error:
        raise damaged(path, str(error)) from error


def _read_standing(record: JsonObject, path: str) -> LicenseState:
    try:
        if record.integer("state", 1) != 1:
            raise InvalidMember("state", "is of a later version")
        request_path = record.text("request_path", str) if "request_path" in record else ""
        return LicenseState(record.integer("max_serial", 0), record.boolean("ended"), request_path)
    except InvalidMember as error:
        raise damaged(path, str(error)) from error


def _json(members: Mapping[str, object]) -> bytes:
    return json.dumps(members).encode("ascii")
