"""Reads and writes single state files. A crash leaves the old or the new file, never a part.

The folders and files are part of the format (docs/format.md, "State on the offline machine").
"""

import json
import os
import time
from collections.abc import Mapping

from keyferry_protocol.errors import BadJson, StateDamaged, StateNotWritable
from keyferry_protocol.messages import message
from keyferry_protocol.strict_json import InvalidMember, JsonObject, parse_json

_WINDOWS_TRIES = 50
# Following a link here could overwrite someone else's file: as root, any file.
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
OPEN_TO_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_LINK | getattr(os, "O_BINARY", 0)
MAX_BYTES = 65536  # of one file; every state file is far shorter


def read(path: str) -> bytes | None:
    """Read at most MAX_BYTES of a file; None if there is no such file.

    Raises StateDamaged if the file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if not os.access(os.path.dirname(path), os.X_OK):
            return None  # a folder that another user closed has no license of this user
        raise damaged(path, message("errors.state-damaged.unread", why=error.strerror)) from error


def write(path: str, data: bytes, shared: bool) -> None:
    """Replace a file atomically: write a temporary file, flush it, then rename it.

    A `shared` file is readable by every user. The caller holds the lock of the state directory.
    Raises StateNotWritable.
    """
    folder = os.path.dirname(path)
    mode = 0o644 if shared else 0o600
    try:
        make_folder(folder, shared)
        with os.fdopen(os.open(f"{path}.new", OPEN_TO_WRITE, mode), "wb") as file:
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)  # regardless of the umask
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _replace(f"{path}.new", path)
        _flush_folder(folder)
    except OSError as error:
        raise StateNotWritable(f"{path}: {error.strerror}.", path=path) from error


def erase(path: str) -> None:
    """Delete a file, if it exists, and flush its folder. Raises StateNotWritable."""
    try:
        os.unlink(path)
        _flush_folder(os.path.dirname(path))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateNotWritable(f"{path}: {error.strerror}.", path=path) from error


def read_json(path: str) -> JsonObject | None:
    """The JSON object in a file; None if there is no such file. Raises StateDamaged."""
    data = read(path)
    if data is None:
        return None
    try:
        return JsonObject(parse_json(data))
    except (BadJson, InvalidMember) as error:
        raise damaged(path, str(error)) from error


def write_json(path: str, members: Mapping[str, object], shared: bool) -> None:
    """Replace a file with this JSON object, like `write`. Raises StateNotWritable."""
    write(path, json.dumps(members).encode("ascii"), shared)


def damaged(path: str, reason: str) -> StateDamaged:
    """The error that names a damaged file and says why."""
    return StateDamaged(message("errors.state-damaged.file", path=path, reason=reason), path=path)


def make_folder(path: str, shared: bool) -> None:
    """Make a folder and its parents; all users can read a shared one, regardless of the umask."""
    if os.path.isdir(path):
        return
    if not shared:
        os.makedirs(path, mode=0o700, exist_ok=True)
        return
    parent = os.path.dirname(path)
    if parent != path:
        make_folder(parent, shared)
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return  # another process was faster
    if os.name == "posix":
        os.chmod(path, 0o755)


def _replace(new: str, path: str) -> None:
    for _ in range(_WINDOWS_TRIES if os.name == "nt" else 0):
        try:
            return os.replace(new, path)
        except PermissionError:  # Windows refuses while another process is reading the file
            time.sleep(0.01)
    os.replace(new, path)


def _flush_folder(folder: str) -> None:
    if os.name == "posix":  # Windows cannot open a folder, and flushes a rename itself
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
