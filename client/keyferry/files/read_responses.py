"""Finds response files to install: one file, a folder, a zip archive, or standard input.

A file is judged by its content, never by its name.
"""

import io
import os
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import IO, NamedTuple

from keyferry.files.kinds import kind_of
from keyferry.store.directory import read_regular
from keyferry_protocol.envelope import REQUEST, RESPONSE
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
    """A genuine response file, its path, and its name; in an archive, the archive's path.

    `repairs` names what was done to read it; `data` is the repaired file.
    """

    response: Response
    data: bytes
    path: str
    repairs: tuple[str, ...] = ()
    name: str = ""


class Collection(NamedTuple):
    """What is in a folder or archive: genuine responses, and the names of those that are not."""

    path: str
    responses: list[ResponseFile]
    failures: list[tuple[str, KeyferryError]]
    requests: int = 0

    def check(self) -> None:
        """Raises the error of a collection without any genuine response."""
        if self.responses:
            return
        for _, error in self.failures:
            raise error
        if self.requests:
            text = message("terminal.only-requests", n=self.requests, path=self.path)
            raise WrongType(text)
        name = "none-in-folder" if os.path.isdir(self.path) else "none-in-zip"
        raise UnreadableResponse(message(f"terminal.{name}", path=self.path))


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
    """The genuine response files in a folder or archive, or the error of one without any."""
    collection = read_collection(source, keys)
    collection.check()
    return collection.responses


def read_collection(source: str, keys: KeySet) -> Collection:
    """Every response file in a folder or archive. Raises UnreadableResponse for a damaged one."""
    files = _of_folder(source) if os.path.isdir(source) else _of_zip_file(source)
    return _collect(files, keys, source)


def read_all(sources: Sequence[str], keys: KeySet) -> Collection:
    """Every response in several files, folders, and archives; each that has none is a failure."""
    collection = Collection(", ".join(sources), [], [])
    for source in sources:
        try:
            if is_collection(source):
                part = read_collection(source, keys)
                collection.responses.extend(part.responses)
                collection.failures.extend(part.failures)
                collection = collection._replace(requests=collection.requests + part.requests)
            else:
                collection.responses.append(read_response(source, keys))
        except CannotVerify:
            raise  # no file here can be judged
        except KeyferryError as error:
            collection.failures.append((source, error))
    return collection


def read_archive(data: bytes, keys: KeySet, name: str) -> Collection | None:
    """Like `read_collection`, for the bytes of an archive; None if they are no archive."""
    archive = io.BytesIO(data)
    if not zipfile.is_zipfile(archive):
        return None
    try:
        return _collect(((name, *entry) for entry in _of_zip(archive)), keys, name)
    except DamagedZip as error:
        raise UnreadableResponse(message("terminal.zip.damaged", path=name)) from error


def _collect(files: Iterable[tuple[str, str, bytes]], keys: KeySet, source: str) -> Collection:
    collection = Collection(source, [], [])
    requests, repairable = 0, MAX_REPAIRED
    for path, name, data in files:
        file = Repaired(data)
        if repairable and type_of(data) is None:
            repairable -= 1
            file = repair_file(data, RESPONSE)
        try:
            collection.responses.append(_verify(file, keys, path)._replace(name=name))
        except UnreadableResponse:
            continue  # a USB drive may contain any files
        except WrongType:
            requests += type_of(file.data) == REQUEST
        except CannotVerify:
            raise  # no file here can be judged
        except KeyferryError as error:
            collection.failures.append((name, error))
    return collection._replace(requests=requests)


def _verify(file: Repaired, keys: KeySet, path: str) -> ResponseFile:
    response = verify_response(file.data, keys)
    return ResponseFile(response, file.data, path, file.repairs, os.path.basename(path))


def _of_folder(folder: str) -> Iterator[tuple[str, str, bytes]]:
    """Path, name, and bytes of every file small enough to hold a response, also in archives."""
    for name in sorted(os.listdir(folder))[:MAX_FILES]:
        path = os.path.join(folder, name)
        with suppress(OSError, DamagedZip):  # the expected file is readable
            if not os.path.isfile(path):
                continue
            if zipfile.is_zipfile(path):
                with open(path, "rb") as file:
                    yield from ((path, *entry) for entry in _of_zip(file))
            elif os.path.getsize(path) <= MAX_SEARCHED:
                yield path, name, read_file(path)


def _of_zip_file(path: str) -> Iterator[tuple[str, str, bytes]]:
    try:
        with open(path, "rb") as file:
            yield from ((path, *entry) for entry in _of_zip(file))
    except DamagedZip as error:
        raise UnreadableResponse(message("terminal.zip.damaged", path=path)) from error


def _of_zip(file: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist()[:MAX_FILES]:
                is_small = entry.file_size <= MAX_SEARCHED and entry.compress_type in BOUNDED
                if is_small and not entry.is_dir():
                    with archive.open(entry) as member:
                        yield entry.filename, member.read(MAX_SEARCHED + 1)
    # Not only BadZipFile: damage makes zipfile and its decompressors raise errors of many types.
    except Exception as error:
        raise DamagedZip from error
