"""Finds files to install: one file, all of a folder or a zip archive, or standard input.

Content decides, never the name.
"""

import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, NamedTuple

from keyferry.cli.file_kinds import kind_of
from keyferry_protocol.envelope import MAX_FILE, RESPONSE
from keyferry_protocol.errors import KeyferryError, UnreadableResponse, WrongType
from keyferry_protocol.keys import KeySet
from keyferry_protocol.messages import message
from keyferry_protocol.response import Response, verify_response

MAX_BYTES = MAX_FILE[RESPONSE]
MAX_FILES = 10_000  # of one folder or archive
# Unpacked in steps of a size that we choose: of bzip2, 500 bytes are half a gigabyte at once.
IN_STEPS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class DamagedZip(Exception):
    """An archive that cannot be read to its end."""


class Found(NamedTuple):
    """A genuine response file and where it lies; several of one archive lie at its path."""

    response: Response
    data: bytes
    path: str


def read_one(path: str) -> bytes:
    """A file, or standard input for `-`: at most one byte more than any file may have."""
    if path == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    with open(path, "rb") as file:
        return file.read(MAX_BYTES + 1)


def read_response(data: bytes, keys: KeySet) -> Response:
    """The genuine response in a file, as `verify_response`; what it is instead is told in words."""
    try:
        return verify_response(data, keys)
    except UnreadableResponse as error:
        raise UnreadableResponse(message(f"terminal.kind.{kind_of(data)}")) from error


def is_collection(source: str) -> bool:
    """Whether a folder or zip archive is named, of which the fitting file is to be taken."""
    return source != "-" and (os.path.isdir(source) or zipfile.is_zipfile(source))


def genuine(source: str, keys: KeySet) -> list[Found]:
    """The genuine response files of a folder or archive.

    Raises the error of the first response that is not genuine where there is no other, and
    UnreadableResponse where there is none at all.
    """
    found, errors = [], list[KeyferryError]()
    for path, data in _of_folder(source) if os.path.isdir(source) else _of_zip_file(source):
        try:
            found.append(Found(verify_response(data, keys), data, path))
        except (UnreadableResponse, WrongType):
            continue  # anything may lie on a stick
        except KeyferryError as error:
            errors.append(error)
    if not found:
        nothing = UnreadableResponse(message("terminal.none-in-folder", path=source))
        raise errors[0] if errors else nothing
    return found


def _of_folder(folder: str) -> Iterator[tuple[str, bytes]]:
    """All that is small enough to be a response, also of zip archives there."""
    for name in sorted(os.listdir(folder))[:MAX_FILES]:
        path = os.path.join(folder, name)
        with suppress(OSError, DamagedZip):  # what cannot be read is not what is waited for
            if not os.path.isfile(path):
                continue
            if zipfile.is_zipfile(path):
                with open(path, "rb") as file:
                    yield from ((path, data) for data in _of_zip(file))
            elif os.path.getsize(path) <= MAX_BYTES:
                yield path, read_one(path)


def _of_zip_file(path: str) -> Iterator[tuple[str, bytes]]:
    try:
        with open(path, "rb") as file:
            yield from ((path, data) for data in _of_zip(file))
    except DamagedZip as error:
        raise UnreadableResponse(message("terminal.zip.damaged", path=path)) from error


def _of_zip(file: IO[bytes]) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist()[:MAX_FILES]:
                is_small = entry.file_size <= MAX_BYTES and entry.compress_type in IN_STEPS
                if is_small and not entry.is_dir():
                    with archive.open(entry) as member:
                        yield member.read(MAX_BYTES + 1)
    # Not only BadZipFile: zipfile and its decompressors let out whatever damage makes them raise.
    except Exception as error:
        raise DamagedZip from error
