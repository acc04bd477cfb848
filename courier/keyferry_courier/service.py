"""Calls of the activation service and its storage (docs/http-api.md), as the page makes them."""

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

from keyferry_courier.errors import CourierError, NoService, no_service
from keyferry_courier.exchange import MAX_ANSWER, Answer, NoAnswer, may_lead_to
from keyferry_protocol.encoding import escape_controls
from keyferry_protocol.envelope import MAX_FILE, RESPONSE
from keyferry_protocol.messages import message

Exchange = Callable[..., Answer]
T = TypeVar("T")

TRIES = 3
MAX_PAUSE_S = 60  # for the storage: if it wants a longer one, the page's own host takes the file
PATIENCE_S = 900.0  # with a service that is busy, and with each file until it is answered
LIMIT_S = 3600.0  # the longest time for which the service limits the calls of a network
TICKET_ID = re.compile(r"[A-Za-z0-9_-]{16,128}")
MAX_SENTENCE = 1000
_FIELD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VALUE = re.compile(r"[\x20-\x7e]{0,8192}")
_CODE = re.compile(r"[a-z-]{1,40}")
_EXPIRED = re.compile(rb"<Code>(AccessDenied|ExpiredToken|RequestTimeout)<")
_STORED = re.compile(rb"<PostResponse\b")


@dataclass(frozen=True)
class ResponseFile:
    """What the service says of a response file."""

    name: str
    bytes: int
    sha256: str
    url: str


@dataclass(frozen=True)
class Ticket:
    """The state of a file's ticket. A `refusal` has the sentences in the ticket's language.

    A ticket that is ready has no `response` where the application could not verify a receipt.
    """

    state: str
    response: ResponseFile | None
    refusal: CourierError | None
    retry_after_s: int


@dataclass(frozen=True)
class _NewTicket:
    id: str
    url: str
    fields: Mapping[str, str]


class Service:
    """The service behind a vendor's page.

    Each call waits while the service is busy, and while it says that this network made too many
    calls: `pausing` is told how many seconds, and `paused_s` is their sum. Raises NoService if no
    other file could be sent either, and CourierError for a problem with one file.
    """

    def __init__(
        self,
        page: str,
        language: str,
        email: str | None,
        *,
        exchange: Exchange,
        pausing: Callable[[float], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._page = page.rstrip("/") + "/"
        self._api = f"{self._page}api/requests"
        self._language, self._email = language, email
        self._exchange, self._sleep, self._clock = exchange, sleep, clock
        self._pausing = pausing
        self.paused_s = 0.0

    def send(self, file: bytes, opened: Callable[[str], None]) -> str:
        """Open a ticket, call `opened` with its id, upload the file, and return the id."""
        for _ in range(TRIES):
            ticket = self._open()
            opened(ticket.id)
            outcome = self._upload(ticket, file)
            if outcome != "expired":
                break
        if outcome != "stored":
            self.send_through_page(ticket.id, file)
        return ticket.id

    def send_through_page(self, ticket_id: str, file: bytes) -> None:
        """Upload through the page's own host, for networks from which storage is unreachable."""
        url = f"{self._api}/{ticket_id}/file"
        try:
            self._call("PUT", url, _read_accepted, file, "application/octet-stream")
        except CourierError as error:
            if error.code != "already-uploaded":  # the storage took it; only its answer was lost
                raise

    def look(self, ticket_id: str) -> Ticket | None:
        """The state of a ticket; None if it no longer exists."""
        try:
            link = f"{self._page}#t={ticket_id}"
            read = partial(_read_ticket, page=self._api, link=link)
            return self._call("GET", f"{self._api}/{ticket_id}", read)
        except CourierError as error:
            if error.code == "not-found":
                return None
            raise

    def download(self, ticket_id: str, response: ResponseFile) -> bytes:
        """The response file, checked against what the service says of it.

        It comes from the storage or, if that fails, through the page's own host.
        """

        def read(answer: Answer) -> bytes | None:
            data = answer.body
            is_it = len(data) == response.bytes and sha256(data).hexdigest() == response.sha256
            return data if answer.status == 200 and is_it else None

        try:
            data = read(self._exchange("GET", response.url))
        except NoAnswer:
            data = None
        return data or self._call("GET", f"{self._api}/{ticket_id}/file", read)

    def _open(self) -> _NewTicket:
        document = json.dumps({"email": self._email, "language": self._language}).encode()
        read = partial(_read_new_ticket, page=self._api)
        return self._call("POST", self._api, read, document, "application/json")

    def _upload(self, ticket: _NewTicket, file: bytes) -> str:
        """`stored`, `expired` where another ticket can repair it, else `blocked`."""
        body, content_type = _form(ticket.fields, file)
        for failures in range(1, TRIES + 1):
            try:
                answer = self._exchange("POST", ticket.url, body, content_type)
            except NoAnswer:
                self._sleep(failures)
                continue
            if answer.status == 201 and _STORED.search(answer.body):
                return "stored"
            if _EXPIRED.search(answer.body):
                return "expired"
            if not _is_overload(answer.status) or answer.retry_after_s > MAX_PAUSE_S:
                break
            self._sleep(max(failures, answer.retry_after_s))
        return "blocked"

    def _call(
        self,
        method: str,
        url: str,
        read: Callable[[Answer], T | None],
        body: bytes | None = None,
        content_type: str = "",
    ) -> T:
        started = self._clock()
        failures = 0
        while True:
            pause, is_limited = float(2**failures), False
            try:
                answer = self._exchange(method, url, body, content_type)
            except NoAnswer as error:
                problem: CourierError = no_service("unreachable", why=escape_controls(str(error)))
                failures += 1
            else:
                result = read(answer)
                if result is not None:
                    return result
                problem = _problem(answer)
                if not _is_overload(answer.status):
                    raise problem
                failures += answer.status >= 500 and not answer.retry_after_s
                pause = max(pause, answer.retry_after_s)
                is_limited = answer.status == 429 and answer.retry_after_s > 0
            patience_s = PATIENCE_S + (LIMIT_S if is_limited else 0)
            if failures == TRIES or self._clock() + pause > started + patience_s:
                raise problem
            if is_limited:
                self.paused_s += pause
                self._pausing(pause)
            self._sleep(pause)


def _is_overload(status: int) -> bool:
    """Busy or down, whoever says so. 511 is a network that wants a sign-in."""
    return status == 429 or (status >= 500 and status != 511)


def _form(fields: Mapping[str, str], file: bytes) -> tuple[bytes, str]:
    """The multipart form (RFC 7578) of an upload. The file is last: S3 ignores fields after it."""
    boundary = secrets.token_hex(16)
    start = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    parts = [f'{start}{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    head = f'{start}file"; filename="request"\r\nContent-Type: application/octet-stream\r\n\r\n'
    body = b"".join([*parts, head.encode(), file, f"\r\n--{boundary}--\r\n".encode()])
    return body, f"multipart/form-data; boundary={boundary}"


def _problem(answer: Answer) -> CourierError:
    """What an answer other than the expected one says (RFC 9457)."""
    document = _json(answer, "application/problem+json")
    code, title = document.get("code"), document.get("title")
    is_busy = _is_overload(answer.status)
    if isinstance(code, str) and _CODE.fullmatch(code) and isinstance(title, str):
        kind = NoService if is_busy or answer.status in (400, 403) else CourierError
        return kind(code, _sentence(title), _sentence(document.get("detail")))
    return no_service("busy" if is_busy else "not-ours", status=answer.status)


# Each of these finds in an answer what the service would say, or None if the answer is another.


def _read_new_ticket(answer: Answer, page: str) -> _NewTicket | None:
    document = _json(answer) if answer.status == 201 else {}
    upload = document.get("upload")
    id, url, fields = document.get("id"), _member(upload, "url"), _member(upload, "fields")
    if not (isinstance(id, str) and isinstance(url, str) and isinstance(fields, dict)):
        return None
    are_plain = all(_is(name, _FIELD) and _is(value, _VALUE) for name, value in fields.items())
    are_plain = are_plain and _is(id, TICKET_ID)
    return _NewTicket(id, url, fields) if are_plain and may_lead_to(url, page) else None


def _read_ticket(answer: Answer, page: str, link: str) -> Ticket | None:
    document = _json(answer) if answer.status == 200 else {}
    state, response, refusal = (document.get(n) for n in ("state", "response", "refusal"))
    retry_after_s = answer.retry_after_s
    if state in ("awaiting-upload", "processing"):
        return Ticket(state, None, None, retry_after_s)
    if state == "ready" and isinstance(response, dict) and response.get("filename") is None:
        return Ticket(state, None, None, retry_after_s)  # the seat is free, and no file says so
    if state == "ready":
        name, url = _member(response, "filename"), _member(response, "download_url")
        size, digest = _member(response, "bytes"), _member(response, "sha256")
        are_texts = all(isinstance(value, str) for value in (name, url, digest))
        is_response = are_texts and type(size) is int and 0 < size <= MAX_FILE[RESPONSE]
        if is_response and may_lead_to(url, page):
            return Ticket(state, ResponseFile(name, size, digest, url), None, retry_after_s)
    if state == "refused":
        code, title = _member(refusal, "code"), _member(refusal, "title")
        if _is(code, _CODE) and isinstance(title, str):
            next_step = _sentence(_member(refusal, "detail"))
            if code == "no-seats-left" and _member(refusal, "choose_seat") is True:
                next_step = message("courier.choose-seat", link=link)  # not "below", as on the page
            elif code == "no-such-seat":
                next_step = message("courier.see-seats", link=link)
            error = CourierError(code, _sentence(title), next_step)
            return Ticket(state, None, error, retry_after_s)
    return None


def _read_accepted(answer: Answer) -> bool | None:
    is_json = answer.content_type.startswith("application/json")
    return True if answer.status == 202 and is_json else None


def _json(answer: Answer, content_type: str = "application/json") -> dict[str, Any]:
    """The JSON object of an answer of this type, else an empty one."""
    if not answer.content_type.startswith(content_type) or len(answer.body) > MAX_ANSWER:
        return {}
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _member(value: object, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _is(value: object, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _sentence(value: object) -> str:
    """A sentence of the service, which a terminal can show."""
    return escape_controls(value[:MAX_SENTENCE]) if isinstance(value, str) else ""
