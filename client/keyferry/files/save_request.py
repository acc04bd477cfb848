"""Saves a request file where the user wants it, without replacing any other file."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import BinaryIO, NamedTuple

from keyferry.files.read_responses import BOUNDED
from keyferry.request import PendingRequest
from keyferry_protocol.envelope import MAX_FILE, REQUEST
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.messages import message
from keyferry_protocol.request import parse_request

MAX_ZIP = 100_000_000  # bytes: the largest content of an archive that a request is added to


class SavedFile(NamedTuple):
    """The location of the file, as shown to people, and its name."""

    path: str
    name: str


class UnusableArchive(OSError):
    """A zip archive that no request can be added to."""


def check_can_save(output: str) -> None:
    """Raises OSError unless a request file can be saved there. Writes and deletes a temporary file.

    A deactivation cannot be undone, so this is known before it is made.
    """
    path, size = output, MAX_FILE[REQUEST]
    if os.path.isdir(output):
        path = os.path.join(output, "keyferry.request")
    elif _is_archive(output) and os.path.exists(output):
        _entries(output)
        size += os.path.getsize(output)
    try:
        with _new(path) as file:
            file.write(bytes(size))
            file.flush()
            os.fsync(file.fileno())
    finally:
        with suppress(OSError):
            os.unlink(f"{path}.new")


def save_request(pending: PendingRequest, output: str) -> SavedFile:
    """Write the file to a folder, a zip archive, or the path given. Raises OSError.

    If the name is taken by another file, the name gets `-2`, `-3` before its extension.
    """
    if _is_archive(output):
        return _save_in_zip(pending, output)
    folder, name = os.path.split(output)
    if os.path.isdir(output):
        folder, name = output, f"{pending.request.file_stem}.request"
    paths = ((free, os.path.join(folder or os.curdir, free)) for free in _names(name))
    name, path = next(
        (free, path)
        for free, path in paths
        if not os.path.lexists(path) or _may_replace(_read(path), pending)
    )
    _write(path, pending.data)
    return SavedFile(path, name)


def is_taken(pending: PendingRequest, folder: str) -> bool:
    """Whether a file of another computer has this request's name in a folder."""
    path = os.path.join(folder, f"{pending.request.file_stem}.request")
    if not os.path.lexists(path):
        return False
    with suppress(KeyferryError):
        return parse_request(_read(path)).device_key != pending.request.device_key
    return True


def _is_archive(output: str) -> bool:
    return output.lower().endswith(".zip") and not os.path.isdir(output)


def _save_in_zip(pending: PendingRequest, path: str) -> SavedFile:
    entries = _entries(path) if os.path.exists(path) else {}
    stem = f"{pending.request.file_stem}.request"
    name = next(n for n in _names(stem) if n not in entries or _may_replace(entries[n], pending))
    entries[name] = pending.data
    with _new(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in entries.items():
            archive.writestr(entry, data)
    os.replace(f"{path}.new", path)
    return SavedFile(path, name)


def _entries(path: str) -> dict[str, bytes]:
    """Read the contents of an archive, to write them again with the request."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            is_safe = all(entry.compress_type in BOUNDED for entry in entries)
            if not is_safe or sum(entry.file_size for entry in entries) > MAX_ZIP:
                raise UnusableArchive(message("terminal.zip.too-big", path=path))
            return {entry.filename: _read_entry(archive, entry) for entry in entries}
    except UnusableArchive:
        raise
    except Exception as error:  # a damaged archive makes zipfile raise many types
        raise UnusableArchive(message("terminal.zip.damaged", path=path)) from error


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Read one entry, but never more than its declared size."""
    with archive.open(entry) as member:
        return member.read(entry.file_size + 1)


def _names(name: str) -> Iterator[str]:
    """The name itself, then with `-2`, `-3` before its extension."""
    stem, extension = os.path.splitext(name)
    return (name if n == 1 else f"{stem}-{n}{extension}" for n in count(1))


def _may_replace(data: bytes, pending: PendingRequest) -> bool:
    """Whether a file is this very request, or the one whose place it takes."""
    with suppress(KeyferryError):
        return parse_request(data).id in (pending.request.id, pending.replaced_id)
    return False


def _read(path: str) -> bytes:
    if not os.path.isfile(path):
        return b""
    with open(path, "rb") as file:
        return file.read(MAX_FILE[REQUEST] + 1)


def _new(path: str) -> BinaryIO:
    """Create the temporary file that replaces `path`; the umask decides who else may write it."""
    with suppress(FileNotFoundError):
        os.unlink(f"{path}.new")  # left by an interrupted command, or laid there by somebody
    return open(f"{path}.new", "xb")


def _write(path: str, data: bytes) -> None:
    with _new(path) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # a USB drive may be unplugged as soon as the command ends
    os.replace(f"{path}.new", path)
