"""Puts a request file where the user wants it; another device's file there is left alone."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import BinaryIO, NamedTuple

import click

from keyferry.cli.read_files import IN_STEPS
from keyferry.request import PendingRequest
from keyferry.store.state import WRITE
from keyferry_protocol.envelope import MAX_FILE, REQUEST
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.messages import message
from keyferry_protocol.request import Request, parse_request

MAX_ZIP = 100_000_000  # bytes of all that an archive may hold to which a request is added


class Saved(NamedTuple):
    """Where the file lies, as it is shown, and its own name."""

    path: str
    name: str


def check_output(output: str) -> None:
    """Raises UsageError, before anything is made, where no file could be put."""
    is_folder = os.path.isdir(output) or output.endswith(("/", os.sep))
    folder = output if is_folder else os.path.dirname(output) or os.curdir
    if not os.path.isdir(folder):
        raise click.UsageError(
            message("terminal.usage.no-folder", path=folder), click.get_current_context()
        )


def save(made: PendingRequest, output: str) -> Saved:
    """Write the file into a folder, into a zip archive, or under the name given."""
    if output.lower().endswith(".zip") and not os.path.isdir(output):
        return _save_in_zip(made, output)
    folder, name = os.path.split(output)
    if os.path.isdir(output):
        folder, name = output, f"{made.request.file_stem}.request"
    paths = ((free, os.path.join(folder or os.curdir, free)) for free in _names(name))
    name, path = next(
        (free, path)
        for free, path in paths
        if not os.path.lexists(path) or _is_ours(_read(path), made.request)
    )
    _write(path, made.data)
    return Saved(path, name)


def is_taken(made: PendingRequest, folder: str) -> bool:
    """Whether another device's file has this request's name in a folder."""
    path = os.path.join(folder, f"{made.request.file_stem}.request")
    return os.path.lexists(path) and not _is_ours(_read(path), made.request)


def _save_in_zip(made: PendingRequest, path: str) -> Saved:
    entries = _entries(path) if os.path.exists(path) else {}
    stem = f"{made.request.file_stem}.request"
    name = next(n for n in _names(stem) if n not in entries or _is_ours(entries[n], made.request))
    entries[name] = made.data
    with _new(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in entries.items():
            archive.writestr(entry, data)
    os.replace(f"{path}.new", path)
    return Saved(path, name)


def _entries(path: str) -> dict[str, bytes]:
    """What an archive holds already, which is written anew beside the request."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = archive.infolist()
            is_safe = all(entry.compress_type in IN_STEPS for entry in found)
            if not is_safe or sum(entry.file_size for entry in found) > MAX_ZIP:
                raise click.FileError(path, message("terminal.zip.too-big", path=path))
            return {entry.filename: _read_entry(archive, entry) for entry in found}
    except click.FileError:
        raise
    except Exception as error:  # as in reading: damage makes them raise whatever there is
        raise click.FileError(path, message("terminal.zip.damaged", path=path)) from error


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """All of it, and never more than it says it has."""
    with archive.open(entry) as member:
        return member.read(entry.file_size + 1)


def _names(name: str) -> Iterator[str]:
    """The name itself, then `-2`, `-3` before its extension."""
    stem, extension = os.path.splitext(name)
    return (name if n == 1 else f"{stem}-{n}{extension}" for n in count(1))


def _is_ours(data: bytes, request: Request) -> bool:
    """Whether a file is a request of the same device for the same license: it may be replaced."""
    with suppress(KeyferryError):
        found = parse_request(data)
        return (found.license_number, found.device_key) == (
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
    """What is written beside a file and renamed over it; many may write in a shared folder."""
    return os.fdopen(os.open(f"{path}.new", WRITE, 0o666), "wb")


def _write(path: str, data: bytes) -> None:
    with _new(path) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # a stick may be pulled the moment the command is done
    os.replace(f"{path}.new", path)
