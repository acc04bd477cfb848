"""Lists every file in a folder or zip archive with its hash, also files that are not ours."""

import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Iterator

from keyferry.files.read_responses import BOUNDED, read_file
from keyferry.files.zip_layout import has_only_files
from keyferry.inspected import ListedFile
from keyferry_protocol.repair import MAX_BYTES

MAX_LISTED = 500
MAX_UNPACKED = 2**26  # bytes of one archive
_CHUNK = 2**16
# Why a name has no content here.
FOLDER, LINK, SPECIAL, TOO_BIG, UNREADABLE = "folder", "link", "special", "too-big", "unreadable"
MORE = "more"  # of an archive: bytes other than its files


def list_files(source: str) -> Iterator[ListedFile]:
    """The files in a folder, or a zip archive and the files in it; none of a folder's folders.

    The files of an archive in a folder have its name before theirs. Raises OSError if the source
    cannot be read.
    """
    if not os.path.isdir(source):
        yield from _file_and_entries(source, os.path.basename(source), "")
        return
    with os.scandir(source) as entries:
        names = sorted(entry.name for entry in entries)
    for name in names:
        yield from _file_and_entries(os.path.join(source, name), name, f"{name}: ")


def _file_and_entries(path: str, name: str, prefix: str) -> Iterator[ListedFile]:
    listed = _file(path, name)
    if not listed.is_zip:
        yield listed
        return
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            if not has_only_files(archive, file, listed.size):
                listed = listed._replace(obstacle=MORE)
            yield listed
            yield from _entries(archive, prefix)
    # Not only BadZipFile: damage makes zipfile raise errors of many types.
    except Exception:
        yield listed._replace(obstacle=UNREADABLE)


def _file(path: str, name: str) -> ListedFile:
    status = os.lstat(path)
    if stat.S_ISDIR(status.st_mode):
        return ListedFile(name, obstacle=FOLDER)
    if stat.S_ISLNK(status.st_mode):
        return ListedFile(name, obstacle=LINK)
    if not stat.S_ISREG(status.st_mode):
        return ListedFile(name, obstacle=SPECIAL)
    try:
        data = read_file(path)
        if len(data) <= MAX_BYTES:
            digest = hashlib.sha256(data).hexdigest()
        else:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        return ListedFile(name, status.st_size, digest, data, is_zip=zipfile.is_zipfile(path))
    except OSError:
        return ListedFile(name, status.st_size, obstacle=UNREADABLE)


def _entries(archive: zipfile.ZipFile, prefix: str) -> Iterator[ListedFile]:
    left = MAX_UNPACKED
    for entry in archive.infolist():
        name = f"{prefix}{entry.filename}"
        if entry.is_dir():
            continue
        if entry.file_size > left or entry.compress_type not in BOUNDED:
            obstacle = TOO_BIG if entry.file_size > left else UNREADABLE
            yield ListedFile(name, entry.file_size, obstacle=obstacle)
            continue
        left -= entry.file_size
        try:
            content = _read_entry(archive, entry)
        except Exception:  # as above, and RuntimeError for one that is encrypted
            yield ListedFile(name, entry.file_size, obstacle=UNREADABLE)
        else:
            digest = hashlib.sha256(content).hexdigest()
            yield ListedFile(name, len(content), digest, content[: MAX_BYTES + 1])


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    content = io.BytesIO()
    with archive.open(entry) as member:
        while chunk := member.read(_CHUNK):
            content.write(chunk)
    return content.getvalue()
