"""Saves a request file where the user wants it, without replacing another device's file."""

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
from keyferry_protocol.request import Request, parse_request

# A link or a pipe laid here is replaced, not written to: as root, that could be any file.
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
MAX_ZIP = 100_000_000  # bytes: the largest content of an archive that a request is added to


class SavedFile(NamedTuple):
    """The location of the file, as shown to people, and its name."""

    path: str
    name: str


class UnusableArchive(OSError):
    """A zip archive that no request can be added to."""


def save_request(pending: PendingRequest, output: str) -> SavedFile:
    """Write the file to a folder, a zip archive, or the path given. Raises OSError."""
    if output.lower().endswith(".zip") and not os.path.isdir(output):
        return _save_in_zip(pending, output)
    folder, name = os.path.split(output)
    if os.path.isdir(output):
        folder, name = output, f"{pending.request.file_stem}.request"
    paths = ((free, os.path.join(folder or os.curdir, free)) for free in _names(name))
    name, path = next(
        (free, path)
        for free, path in paths
        if not os.path.lexists(path) or _is_ours(_read(path), pending.request)
    )
    _write(path, pending.data)
    return SavedFile(path, name)


def is_taken(pending: PendingRequest, folder: str) -> bool:
    """Whether another device's file has this request's name in a folder."""
    path = os.path.join(folder, f"{pending.request.file_stem}.request")
    return os.path.lexists(path) and not _is_ours(_read(path), pending.request)


def _save_in_zip(pending: PendingRequest, path: str) -> SavedFile:
    entries = _entries(path) if os.path.exists(path) else {}
    stem = f"{pending.request.file_stem}.request"
    name = next(
        n for n in _names(stem) if n not in entries or _is_ours(entries[n], pending.request)
    )
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


def _is_ours(data: bytes, request: Request) -> bool:
    """Whether a file is this device's request for the same license, which may be replaced."""
    with suppress(KeyferryError):
        other = parse_request(data)
        return (other.license_number, other.device_key) == (
            request.license_number,
            request.device_key,
        )
    return False


def _read(path: str) -> bytes:
    if not os.path.isfile(path):
        return b""
    with open(path, "rb") as file:
        return file.read(MAX_FILE[REQUEST] + 1)


def _new(path: str) -> BinaryIO:
    """Open the temporary file that replaces `path`; the umask decides who else may write it."""
    with suppress(FileNotFoundError):
        os.unlink(f"{path}.new")
    return os.fdopen(os.open(f"{path}.new", _NEW_FILE, 0o666), "wb")


def _write(path: str, data: bytes) -> None:
    with _new(path) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # a USB drive may be unplugged as soon as the command ends
    os.replace(f"{path}.new", path)
