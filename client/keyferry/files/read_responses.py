"""Finds response files to install: one file, a folder, a zip archive, or standard input.

A file is judged by its content, never by its name.
"""

import os
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, NamedTuple

from keyferry.files.kinds import kind_of
from keyferry.store.directory import read_regular
from keyferry_protocol.envelope import RESPONSE
from keyferry_protocol.errors import CannotVerify, KeyferryError, UnreadableResponse, WrongType
from keyferry_protocol.keys import KeySet
from keyferry_protocol.messages import message
from keyferry_protocol.repair import MAX_BYTES, Repaired, repair_file, type_of
from keyferry_protocol.response import Response, verify_response

MAX_SEARCHED = 2**16  # bytes of a file in a folder or archive, among many others
MAX_REPAIRED = 200  # files of one folder or archive, in none of which a response may be
MAX_FILES = 10_000  # in one folder or archive
# Only these decompress in bounded steps: 500 bytes of bzip2 become half a gigabyte at once.
BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class DamagedZip(Exception):
    """An archive that cannot be read to its end."""


class ResponseFile(NamedTuple):
    """A genuine response file and its path; for a file in an archive, the archive's path.

    `repairs` names what was done to read it; `data` is the repaired file.
    """

    response: Response
    data: bytes
    path: str
    repairs: tuple[str, ...] = ()


def read_file(path: str) -> bytes:
    """Read a file, or standard input for `-`: at most one byte more than can be repaired.

    A named pipe, which nobody may ever fill, raises OSError.
    """
    if path == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    return read_regular(path, MAX_BYTES + 1)


def read_repaired(path: str, expected: str) -> Repaired:
    """Read a file as `read_file` does, and repair it (see `repair_file`)."""
    return repair_file(read_file(path), expected)


def read_response(path: str, keys: KeySet) -> ResponseFile:
    """The genuine response in a file, or in standard input for `-`.

    Raises like `verify_response`; an UnreadableResponse names the kind of the file.
    """
    return parse_response_file(read_file(path), keys, path)


def parse_response_file(data: bytes, keys: KeySet, path: str = "") -> ResponseFile:
    """Like `read_response`, for the bytes of a file that was already read."""
    try:
        return _verify(repair_file(data, RESPONSE), keys, path)
    except UnreadableResponse as error:
        raise UnreadableResponse(message(f"terminal.kind.{kind_of(data)}")) from error


def is_collection(source: str) -> bool:
    """Whether this is a folder or zip archive, which is searched for matching files."""
    if source == "-":
        return False
    return os.path.isdir(source) or (os.path.isfile(source) and zipfile.is_zipfile(source))


def genuine_responses(source: str, keys: KeySet) -> list[ResponseFile]:
    """The genuine response files in a folder or archive.

    If there are none, raises the error of the first response that is not genuine, or
    UnreadableResponse if there is no response at all.
    """
    genuine, errors, repairable = [], list[KeyferryError](), MAX_REPAIRED
    for path, data in _of_folder(source) if os.path.isdir(source) else _of_zip_file(source):
        file = Repaired(data)
        if repairable and type_of(data) is None:
            repairable -= 1
            file = repair_file(data, RESPONSE)
        try:
            genuine.append(_verify(file, keys, path))
        except (UnreadableResponse, WrongType):
            continue  # a USB drive may contain any files
        except CannotVerify:
            raise  # no file here can be judged
        except KeyferryError as error:
            errors.append(error)
    if not genuine:
        nothing = UnreadableResponse(message("terminal.none-in-folder", path=source))
        raise errors[0] if errors else nothing
    return genuine


def _verify(file: Repaired, keys: KeySet, path: str) -> ResponseFile:
    return ResponseFile(verify_response(file.data, keys), file.data, path, file.repairs)


def _of_folder(folder: str) -> Iterator[tuple[str, bytes]]:
    """Every file small enough to hold a response, including those in zip archives."""
    for name in sorted(os.listdir(folder))[:MAX_FILES]:
        path = os.path.join(folder, name)
        with suppress(OSError, DamagedZip):  # the expected file is readable
            if not os.path.isfile(path):
                continue
            if zipfile.is_zipfile(path):
                with open(path, "rb") as file:
                    yield from ((path, data) for data in _of_zip(file))
            elif os.path.getsize(path) <= MAX_SEARCHED:
                yield path, read_file(path)


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
                is_small = entry.file_size <= MAX_SEARCHED and entry.compress_type in BOUNDED
                if is_small and not entry.is_dir():
                    with archive.open(entry) as member:
                        yield member.read(MAX_SEARCHED + 1)
    # Not only BadZipFile: damage makes zipfile and its decompressors raise errors of many types.
    except Exception as error:
        raise DamagedZip from error
