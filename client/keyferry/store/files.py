"""Reads and writes single state files. A crash leaves the old or the new file, never a part.

A file is named by its name in a state directory, after the folder of its license if it has one:
`clock.json`, `015120020093/state.json` (docs/format.md, "State on the offline machine").
"""

import json
import os
import time
from collections.abc import Mapping
from contextlib import suppress

from keyferry.store.directory import Directory, make_directory, open_directory
from keyferry.store.state_dirs import StateDir
from keyferry.store.unwritable import not_writable
from keyferry_protocol.errors import BadJson, StateDamaged, StateNotReadable, StateNotWritable
from keyferry_protocol.messages import message
from keyferry_protocol.strict_json import InvalidMember, JsonObject, parse_json

MAX_BYTES = 65536  # of one file; every state file is far shorter
# Whoever may read the device key may free the seat; whoever may read a lock may hold it.
OWNER_ONLY = ("device.key", "lock")
_WINDOWS_TRIES = 50


def read(root: StateDir, name: str) -> bytes | None:
    """Read at most MAX_BYTES of a file; None if it is missing or its directory is not readable.

    Raises StateDamaged if it cannot be read, and StateNotReadable for a file of the site's folder
    that only an administrator may read.
    """
    folder, _, file = name.rpartition("/")
    try:
        directory = open_directory(root, folder)
    except (FileNotFoundError, NotADirectoryError, PermissionError, StateNotReadable):
        return None  # a directory that another user closed has no license of this user
    except OSError as error:
        raise _unread(root, name, error) from error
    with directory:
        try:
            return directory.read_file(file, MAX_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            if root.shared and isinstance(error, PermissionError):
                path = root.path_of(name)
                detail = message("errors.state-not-readable.file", path=path)
                raise StateNotReadable(detail, path=path) from error
            raise _unread(root, name, error) from error


def has(root: StateDir, name: str) -> bool:
    """Whether something of this name exists in a directory that can be read."""
    folder, _, file = name.rpartition("/")
    with suppress(OSError, StateNotReadable), open_directory(root, folder) as directory:
        return directory.has(file)
    return False


def write(root: StateDir, name: str, data: bytes) -> None:
    """Replace a file atomically: write a temporary file, flush it, then rename it.

    The caller holds the lock of the state directory. Raises StateNotWritable or StateNotReadable.
    """
    folder, _, file = name.rpartition("/")
    try:
        with make_directory(root, folder) as directory:
            with os.fdopen(
                directory.create_file(f"{file}.new", file_mode(root, name)), "wb"
            ) as new:
                new.write(data)
                new.flush()
                os.fsync(new.fileno())
            _replace(directory, file)
    except OSError as error:
        raise _unwritten(root, name, error) from error


def finish_write(root: StateDir, name: str) -> None:
    """Put a temporary file in its place. Raises StateNotWritable or StateNotReadable."""
    folder, _, file = name.rpartition("/")
    try:
        with open_directory(root, folder, to_write=True) as directory:
            _replace(directory, file)
    except OSError as error:
        raise _unwritten(root, name, error) from error


def erase(root: StateDir, name: str) -> None:
    """Delete a file, if it exists. Raises StateNotWritable or StateNotReadable."""
    folder, _, file = name.rpartition("/")
    try:
        with open_directory(root, folder, to_write=True) as directory:
            directory.remove(file)
            directory.flush()
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritten(root, name, error) from error


def read_json(root: StateDir, name: str) -> JsonObject | None:
    """The JSON object in a file; None if there is no such file. Raises StateDamaged."""
    data = read(root, name)
    if data is None:
        return None
    try:
        return JsonObject(parse_json(data))
    except (BadJson, InvalidMember) as error:
        raise damaged(root, name, str(error)) from error


def write_json(root: StateDir, name: str, members: Mapping[str, object]) -> None:
    """Replace a file with this JSON object, like `write`."""
    write(root, name, json.dumps(members).encode("ascii"))


def damaged(root: StateDir, name: str, reason: str) -> StateDamaged:
    """The error that names a damaged file and says why."""
    path = root.path_of(name)
    return StateDamaged(message("errors.state-damaged.file", path=path, reason=reason), path=path)


def file_mode(root: StateDir, name: str) -> int:
    """The permissions of a state file, regardless of the umask."""
    is_for_all = root.shared and os.path.basename(name) not in OWNER_ONLY
    return 0o644 if is_for_all else 0o600


def _unread(root: StateDir, name: str, error: OSError) -> StateDamaged:
    return damaged(root, name, message("errors.state-damaged.unread", why=error.strerror))


def _unwritten(root: StateDir, name: str, error: OSError) -> StateNotWritable:
    return not_writable(root.path_of(name), error)


def _replace(directory: Directory, name: str) -> None:
    for _ in range(_WINDOWS_TRIES if os.name == "nt" else 0):
        try:
            return directory.replace(f"{name}.new", name)
        except PermissionError:  # Windows refuses while another process is reading the file
            time.sleep(0.01)
    directory.replace(f"{name}.new", name)
    directory.flush()
