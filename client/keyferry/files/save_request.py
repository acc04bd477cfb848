"""Saves a request file where the user wants it, without replacing any other file.

A file is written under another name, `<its name>.new`, and renamed when it is whole. Only one
command at a time has that name, so that of many commands that add to one archive none is lost.
"""

import errno
import os
import stat
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import count
from typing import BinaryIO, NamedTuple

from keyferry.files.read_responses import BOUNDED
from keyferry.request import PendingRequest
from keyferry.store.lock import try_lock
from keyferry.store.unwritable import case_of
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.envelope import MAX_FILE, REQUEST
from keyferry_protocol.errors import CannotSave, KeyferryError, NotSaved
from keyferry_protocol.messages import message
from keyferry_protocol.repair import type_of
from keyferry_protocol.request import parse_request

MAX_ZIP = 100_000_000  # bytes: the largest content of an archive that a request is added to
# A path names a file only by its ending: the folder of a drive that is not plugged in must not
# become a file of its name.
ENDINGS = (".request", ".zip")
_PAUSE_S = 0.01
_WAIT_S = 60.0  # for all commands that are ahead of this one
_ABANDON_AFTER_S = 5.0  # where files cannot be locked, no single write is awaited for longer
_NO_FLUSH = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EACCES)  # by some file systems


class SavedFile(NamedTuple):
    """The location of the file, as shown to people, and its name."""

    path: str
    name: str


class UnusableArchive(OSError):
    """A zip archive that no request can be added to."""


def check_can_save(output: str) -> None:
    """Raises CannotSave unless a request file can be saved there. Writes and deletes a file."""
    path, size = output, MAX_FILE[REQUEST]
    try:
        if os.path.isdir(output):
            path = os.path.join(output, "keyferry.request")
        elif _is_archive(output) and os.path.lexists(output):
            _entries(output)
            size += os.path.getsize(output)
        with _sole_writer(path) as file:
            file.write(bytes(size))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        why = _why(error)
        is_named = isinstance(error, UnusableArchive)  # its own words name the path
        detail = why if is_named else message("errors.cannot-save.why", path=output, why=why)
        raise CannotSave(detail, case=case_of(error), path=output, why=why) from error


def save_request(pending: PendingRequest, output: str) -> SavedFile:
    """Write the file to a folder, a zip archive, or the path given; then a drive may be unplugged.

    If the name is taken by another file, the name gets `-2`, `-3` before its extension. Raises
    NotSaved; the request itself is stored here and the same command saves its file.
    """
    try:
        return _save_in_zip(pending, output) if _is_archive(output) else _save(pending, output)
    except OSError as error:
        number, why = pending.request.license_number, _why(error)
        name = "ended" if pending.request.kind == "deactivate" else "waits"
        names = {"number": show_license_number(number), "path": output, "why": why}
        detail = message(f"errors.not-saved.{name}", **names)
        raise NotSaved(detail, path=output, why=why, license_number=number) from error


def save_whole(data: bytes, path: str) -> None:
    """Put a file in its place once all of it is written; a link there is replaced, not followed."""
    with _sole_writer(path) as file:
        _publish(file, data, path)


def is_taken(pending: PendingRequest, folder: str) -> bool:
    """Whether a file of another computer has this request's name in a folder."""
    path = os.path.join(folder, f"{pending.request.file_stem}.request")
    if not os.path.lexists(path):
        return False
    with suppress(KeyferryError):
        return parse_request(_read(path)).device_key != pending.request.device_key
    return True


def _why(error: OSError) -> str:
    return error.strerror or str(error)


def _is_archive(output: str) -> bool:
    return output.lower().endswith(".zip") and not os.path.isdir(output)


def _save(pending: PendingRequest, output: str) -> SavedFile:
    folder, first = os.path.split(output)
    if os.path.isdir(output):
        folder, first = output, f"{pending.request.file_stem}.request"
    for name in _names(first):
        path = os.path.join(folder or os.curdir, name)
        with _sole_writer(path) as file:
            if not os.path.lexists(path) or _may_replace(_read(path), pending):
                _publish(file, pending.data, path)
                return SavedFile(path, name)
    raise AssertionError("there is always another name")


def _save_in_zip(pending: PendingRequest, path: str) -> SavedFile:
    stem = f"{pending.request.file_stem}.request"
    with _sole_writer(path) as file:  # from before reading: another command may add its own
        entries = _entries(path) if os.path.lexists(path) else {}
        name = next(
            n for n in _names(stem) if n not in entries or _may_replace(entries[n], pending)
        )
        entries[name] = pending.data
        content = BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, data in entries.items():
                archive.writestr(entry, data)
        _publish(file, content.getvalue(), path)
    return SavedFile(path, name)


def _entries(path: str) -> dict[str, bytes]:
    """Read the contents of an archive of requests, to write them again with another one."""
    if os.path.islink(path):
        raise UnusableArchive(message("terminal.zip.link", path=path))  # it would be replaced
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            is_safe = all(entry.compress_type in BOUNDED for entry in entries)
            if not is_safe or sum(entry.file_size for entry in entries) > MAX_ZIP:
                raise UnusableArchive(message("terminal.zip.too-big", path=path))
            contents = {entry.filename: _read_entry(archive, entry) for entry in entries}
    except UnusableArchive:
        raise
    except Exception as error:  # a damaged archive makes zipfile raise many types
        raise UnusableArchive(message("terminal.zip.damaged", path=path)) from error
    if contents and not any(type_of(data) == REQUEST for data in contents.values()):
        raise UnusableArchive(message("terminal.zip.no-requests", path=path))
    return contents


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


@contextmanager
def _sole_writer(path: str) -> Iterator[BinaryIO]:
    """Create the file that `_publish` puts in the place of `path`, once no other command has it.

    The umask decides who else may write it. It is removed unless it was published.
    """
    new = f"{path}.new"
    with _create(new) as file:
        status = os.fstat(file.fileno())
        try:
            yield file
        finally:
            if os.name == "nt":
                file.close()  # Windows removes no open file
            if _is_at(new, status):
                os.unlink(new)


def _create(new: str) -> BinaryIO:
    ends = time.monotonic() + _WAIT_S
    while True:
        try:
            file = open(new, "xb")  # noqa: SIM115 the caller closes it, and so frees it
        except FileExistsError:
            if time.monotonic() >= ends:
                raise
            _await_or_remove(new)
            continue
        with suppress(OSError):  # a file system without locks
            looked = time.monotonic() + _ABANDON_AFTER_S
            # Another command may be looking whether it is locked.
            while not try_lock(file.fileno()) and time.monotonic() < looked:
                time.sleep(_PAUSE_S)
        if _is_at(new, os.fstat(file.fileno())):
            return file
        file.close()  # removed before it was locked


def _await_or_remove(new: str) -> None:
    """Wait a moment for the command that has this file; remove the file if that command is gone."""
    try:
        status = os.lstat(new)
        if not stat.S_ISREG(status.st_mode):
            os.unlink(new)  # laid there by somebody
        elif os.name == "nt":
            _remove_closed(new)
        else:
            _remove_unlocked(new, status)
    except FileNotFoundError:
        return


def _remove_closed(new: str) -> None:
    try:
        os.unlink(new)  # Windows refuses while a command has it open
    except PermissionError:
        time.sleep(_PAUSE_S)


def _remove_unlocked(new: str, status: os.stat_result) -> None:
    try:
        with open(new, "r+b") as file:
            if not try_lock(file.fileno()):
                time.sleep(_PAUSE_S)
            elif _is_at(new, os.fstat(file.fileno())):
                os.unlink(new)  # left by an interrupted command, which locks nothing any more
    except PermissionError:
        os.unlink(new)  # of another user
    except FileNotFoundError:
        return
    except OSError:  # no file can be locked there, so only time tells
        ends = time.monotonic() + _ABANDON_AFTER_S
        while _is_at(new, status):
            if time.monotonic() >= ends:
                return os.unlink(new)
            time.sleep(_PAUSE_S)


def _is_at(path: str, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.lstat(path), status)
    except FileNotFoundError:
        return False


def _publish(file: BinaryIO, data: bytes, path: str) -> None:
    """Write a file of `_sole_writer` and put it in its place: all of it is on the drive then."""
    file.write(data)
    file.flush()
    os.fsync(file.fileno())
    if os.name == "nt":
        file.close()  # Windows renames no open file, and flushes the rename itself
        return os.replace(f"{path}.new", path)
    os.replace(f"{path}.new", path)
    _flush_folder(os.path.dirname(path) or os.curdir)


def _flush_folder(folder: str) -> None:
    """Write a folder to the drive: until then, a file that was renamed in it has its old name."""
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _NO_FLUSH:
            raise
