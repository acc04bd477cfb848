"""Finds files to install: one file, all of a folder or a zip archive, or standard input.

Content decides, never the name.
"""

import os
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO

from keyferry.words import phrase
from keyferry_protocol.envelope import MAX_FILE, RESPONSE
from keyferry_protocol.errors import KeyferryError, UnreadableResponse
from keyferry_protocol.keys import KeySet
from keyferry_protocol.response import Response, verify_response

MAX_BYTES = MAX_FILE[RESPONSE]
MAX_FILES = 10_000  # of one folder or archive


def read_one(path: str) -> bytes:
    """A file, or standard input for `-`: at most one byte more than any file may have."""
    if path == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    with open(path, "rb") as file:
        return file.read(MAX_BYTES + 1)


def candidates(source: str) -> Iterator[bytes]:
    """What may be a response file: all that is small enough, of a folder or archive one by one."""
    if source != "-" and os.path.isdir(source):
        yield from _of_folder(source)
        return
    if source != "-" and zipfile.is_zipfile(source):
        with open(source, "rb") as file:
            yield from _of_zip(source, file.read())
        return
    yield read_one(source)


def genuine(files: Iterator[bytes], keys: KeySet) -> list[tuple[Response, bytes]]:
    """Those that are genuine response files, each with its bytes."""
    found = []
    for data in files:
        try:
            found.append((verify_response(data, keys), data))
        except KeyferryError:
            continue  # anything may lie on a stick
    return found


def _of_folder(folder: str) -> Iterator[bytes]:
    for name in sorted(os.listdir(folder))[:MAX_FILES]:
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            continue
        if zipfile.is_zipfile(path):
            with open(path, "rb") as file:
                yield from _of_zip(path, file.read())
        elif os.path.getsize(path) <= MAX_BYTES:
            yield read_one(path)


def _of_zip(path: str, data: bytes) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            for entry in archive.infolist()[:MAX_FILES]:
                if not entry.is_dir() and entry.file_size <= MAX_BYTES:
                    with archive.open(entry) as file:
                        yield file.read(MAX_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UnreadableResponse(phrase("zip.damaged", path=path)) from error
