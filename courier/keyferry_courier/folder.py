"""The folder: its request files, the responses next to them, and the courier's own notes.

A file is judged by its content, never by its name. No link is followed. The courier has no keys:
that a response is genuine is checked on the computer where it is installed, not here.
"""

import errno
import io
import json
import os
import re
import secrets
import stat
import time
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from keyferry_courier.errors import CourierError, courier_error, no_service
from keyferry_courier.service import TICKET_ID
from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.repair import MAX_BYTES, repair_file, type_of
from keyferry_protocol.request import Request, parse_request
from keyferry_protocol.response import Response, parse_response

NOTES = "keyferry-courier.json"
MAX_ENTRIES = 10_000  # of one folder or archive
MAX_REPAIRED = 200  # of the files that are no request as they are
MAX_ZIP = 2**26  # bytes
MAX_NOTES = 2**22
_MAX_IN_ZIP = 2**16
_APPLE_DOUBLE = b"\x00\x05\x16\x07"  # macOS writes one next to each file, and into zips
# Only these decompress in bounded steps: 500 bytes of bzip2 become half a gigabyte at once.
_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_RESPONSE_NAME = re.compile(r"[0-9]{12}-[0-9a-f]{4}-[0-9]{1,16}\.response")
# What a run that was killed leaves of these.
_LEFTOVER = re.compile(rf"\.({re.escape(NOTES)}|{_RESPONSE_NAME.pattern})\.[0-9a-f]{{8}}\.new")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_WINDOWS_TRIES = 50
_PAUSE_S = 0.02


class RequestFile(NamedTuple):
    """A request file, or one that was meant as such: then `request` is None, with the error."""

    name: str
    data: bytes
    request: Request | None
    error: CourierError | None = None


class Folder:
    """The folder whose requests the courier sends. Its methods raise CourierError."""

    def __init__(self, path: str, page: str) -> None:
        self.path = path
        self._page = page
        self._tickets = self._read_notes()
        self._delete_leftovers()

    def requests(self) -> list[RequestFile]:
        """Every request file, also in zip archives; of copies, only the first."""
        repairable = MAX_REPAIRED
        requests: dict[str, RequestFile] = {}
        for name, data in self._files():
            is_named = name.lower().endswith(".request") and not data.startswith(_APPLE_DOUBLE)
            if type_of(data) is None:
                if repairable:
                    repairable -= 1
                    data = repair_file(data, REQUEST).data
                elif not is_named:
                    continue
            file = _request_file(name, data, is_named)
            if file is not None:
                key = name if file.request is None else file.request.sha256
                requests.setdefault(key, file)
        return list(requests.values())

    def answered(self, requests: Iterable[Request]) -> dict[str, str]:
        """The names of the responses to these requests that are here, by the request's SHA-256."""
        by_sha256 = {request.sha256: request for request in requests}
        names: dict[str, str] = {}
        for name, data in self._regular_files():
            with suppress(KeyferryError):
                response = parse_response(open_envelope(data, RESPONSE))
                request = by_sha256.get(response.request_sha256)
                if request is not None and _answers(response, request):
                    names.setdefault(request.sha256, name)
        return names

    def ticket(self, request_sha256: str) -> str | None:
        """The ticket that an earlier run opened for this request."""
        return self._tickets.get(request_sha256)

    def note(self, request_sha256: str, ticket_id: str | None) -> None:
        """Store the ticket of a request for the next run; None removes it."""
        if ticket_id is None:
            self._tickets.pop(request_sha256, None)
        else:
            self._tickets[request_sha256] = ticket_id
        notes = {"courier": 1, "page": self._page, "tickets": self._tickets}
        self._write(NOTES, json.dumps(notes, indent=1).encode(), 0o600)

    def save_response(self, request: Request, name: str, data: bytes) -> str:
        """Save the response to a request under the service's name for it, and return the name."""
        number = re.escape(request.file_stem)
        if not _RESPONSE_NAME.fullmatch(name) or not re.match(f"{number}-", name):
            raise no_service("not-ours", status=200)
        try:
            response = parse_response(open_envelope(data, RESPONSE))
        except KeyferryError as error:
            raise no_service("not-ours", status=200) from error
        if not _answers(response, request):
            raise no_service("not-ours", status=200)
        if os.path.lexists(os.path.join(self.path, name)):
            raise courier_error("name-taken", name=name)
        self._write(name, data, 0o666)
        return name

    def _write(self, name: str, data: bytes, mode: int) -> None:
        """Put a file in its place once all of it is on the drive."""
        path = os.path.join(self.path, name)
        new = os.path.join(self.path, f".{name}.{secrets.token_hex(4)}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            try:
                with os.fdopen(os.open(new, flags, mode), "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                _replace(new, path)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(new)
        except OSError as error:
            why = error.strerror or str(error)
            raise no_service("not-writable", path=self.path, why=why) from error

    def _read_notes(self) -> dict[str, str]:
        """The tickets of earlier runs with the same page. Notes that are damaged are not used."""
        try:
            text = _read_regular(os.path.join(self.path, NOTES), MAX_NOTES)
            notes = json.loads(text)
            known = notes["courier"] == 1 and notes["page"] == self._page
            tickets = notes["tickets"].items() if known else ()
            return {s: t for s, t in tickets if _SHA256.fullmatch(s) and TICKET_ID.fullmatch(t)}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return {}

    def _delete_leftovers(self) -> None:
        with suppress(OSError), os.scandir(self.path) as entries:
            for entry in entries:
                if _LEFTOVER.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    os.unlink(entry.path)

    def _files(self) -> Iterator[tuple[str, bytes]]:
        for name, data in self._regular_files():
            if zipfile.is_zipfile(io.BytesIO(data)):
                yield from ((f"{name}: {entry}", content) for entry, content in _of_zip(data))
            else:
                yield name, data

    def _regular_files(self) -> Iterator[tuple[str, bytes]]:
        """The files of the folder that are no links, by name."""
        try:
            with os.scandir(self.path) as entries:
                names = sorted(e.name for e in entries if e.is_file(follow_symlinks=False))
        except OSError as error:
            why = error.strerror or str(error)
            raise courier_error("no-folder", path=self.path, why=why) from error
        for name in names[:MAX_ENTRIES]:
            limit = MAX_ZIP if name.lower().endswith(".zip") else MAX_BYTES
            with suppress(OSError):
                data = _read_regular(os.path.join(self.path, name), limit)
                if len(data) <= limit:
                    yield name, data


def _answers(response: Response, request: Request) -> bool:
    """Whether a response is signed, by anyone, and says that it is for this request.

    A renewal repeats the hash of the last request of its computer, and answers none.
    """
    bound_to = response.bound_to
    return (
        bool(response.envelope.signatures)
        and response.request_sha256 == request.sha256
        and response.kind == request.kind
        and response.license.number == request.license_number
        and (bound_to.device_key, bound_to.load_key) == (request.device_key, request.load_key)
    )


def _replace(new: str, path: str) -> None:
    """Rename a file. Windows refuses while another program, such as a virus scanner, reads it."""
    for _ in range(_WINDOWS_TRIES if os.name == "nt" else 0):
        try:
            return os.replace(new, path)
        except PermissionError:
            time.sleep(_PAUSE_S)
    os.replace(new, path)


def _read_regular(path: str, limit: int) -> bytes:
    """Read at most one byte more than the limit. Raises OSError, also for a link or a pipe."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    # A link or a pipe may take its place in the meantime; Windows cannot say that it must not.
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        return file.read(limit + 1)


def _of_zip(data: bytes) -> Iterator[tuple[str, bytes]]:
    # Not only BadZipFile: damage makes zipfile and its decompressors raise errors of many types.
    with suppress(Exception), zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist()[:MAX_ENTRIES]:
            if entry.file_size <= _MAX_IN_ZIP and entry.compress_type in _BOUNDED:
                with archive.open(entry) as member:
                    yield entry.filename, member.read(_MAX_IN_ZIP + 1)


def _request_file(name: str, data: bytes, is_named: bool) -> RequestFile | None:
    """The request in a file; None for a file that is something else."""
    if not is_named and type_of(data) != REQUEST:
        return None
    try:
        return RequestFile(name, data, parse_request(data))
    except KeyferryError as error:
        step = error.next_step
        sentences = (error.title, step if str(error) == error.title else f"{error} {step}")
        return RequestFile(name, b"", None, CourierError(error.code, *sentences))
