"""The activation service and its storage in a thread, as docs/http-api.md describes them."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.messages import message
from keyferry_protocol.request import parse_request
from keyferry_protocol.response import parse_response
from tests.support.offline import Room

Reply = tuple[int, dict[str, str], bytes]
REFUSAL = {
    "code": "no-seats-left",
    "title": message("refusals.no-seats-left.title", n=2),
    "detail": message("refusals.no-seats-left.choose", n=2),
    "choose_seat": True,
}
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Policy expired.</Message></Error>"


def as_json(status: int, document: Any, **headers: str) -> Reply:
    content = {"Content-Type": "application/json", **headers}
    return status, content, json.dumps(document).encode()


def problem(status: int, code: str, **headers: str) -> Reply:
    document = {"type": "about:blank", "status": status, "code": code, "title": f"It is {code}"}
    content = {"Content-Type": "application/problem+json", **headers}
    return status, content, json.dumps(document | {"detail": "Do this."}).encode()


@dataclass
class FakeService:
    """Answers as the vendor of a room would.

    `faults` are replies that come first: by method and the start of the path, in this order.
    """

    vendor: Room
    origin: str = ""
    files: dict[str, bytes | None] = field(default_factory=dict)  # by ticket
    answers: dict[str, bytes] = field(default_factory=dict)  # by the request's SHA-256
    refused: set[str] = field(default_factory=set)  # license numbers
    faults: list[tuple[str, str, Reply | None]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    slow: int = 0  # looks at a ticket before it is answered
    changed: dict[str, Any] = field(default_factory=dict)  # what the service says of a response
    opened: list[dict[str, Any]] = field(default_factory=list)

    @property
    def page(self) -> str:
        return f"{self.origin}/"

    def reply(self, method: str, path: str, body: bytes, content_type: str) -> Reply | None:
        """What comes back; None breaks the connection."""
        self.calls.append(f"{method} {path}")
        for fault in self.faults:
            if method == fault[0] and path.startswith(fault[1]):
                self.faults.remove(fault)
                return fault[2]
        match method, path.strip("/").split("/"):
            case "POST", ["api", "requests"]:
                return self._open(json.loads(body))
            case "POST", ["storage"]:
                return self._store(body, content_type)
            case "GET", ["storage", ticket]:
                return 200, {}, self._answer(ticket)
            case "PUT", ["api", "requests", ticket, "file"]:
                return self._take(ticket, body) or as_json(202, {})
            case "GET", ["api", "requests", ticket, "file"]:
                return 200, {}, self._answer(ticket)
            case "GET", ["api", "requests", ticket]:
                return self._look(ticket)
        return problem(404, "no-such-route")

    def _open(self, document: dict[str, Any]) -> Reply:
        self.opened.append(document)
        ticket = f"{len(self.files):043}"
        self.files[ticket] = None
        fields = {"key": f"requests/{ticket}", "policy": "cGk="}
        upload = {"url": f"{self.origin}/storage", "fields": fields}
        return as_json(201, {"id": ticket, "upload": upload, "status_url": "/x"})

    def _store(self, body: bytes, content_type: str) -> Reply:
        form = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
        parts = {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True)
            for part in form.get_payload()
            if not isinstance(part, str)
        }
        assert list(parts) == ["key", "policy", "file"], "the file is the last part"
        key, file = parts["key"], parts["file"]
        assert isinstance(key, bytes)
        assert isinstance(file, bytes)
        refused = self._take(key.decode().removeprefix("requests/"), file)
        return refused or (201, {}, b"<PostResponse><Key>x</Key></PostResponse>")

    def _take(self, ticket: str, file: bytes) -> Reply | None:
        if self.files[ticket] is not None:
            return problem(409, "already-uploaded")
        self.files[ticket] = file
        return None

    def _answer(self, ticket: str) -> bytes:
        file = self.files[ticket]
        assert file is not None
        digest = parse_request(file).sha256
        if digest not in self.answers:
            self.answers[digest] = self.vendor.answer(file)
        return self.answers[digest]

    def _look(self, ticket: str) -> Reply:
        if ticket not in self.files:
            return problem(404, "not-found")
        file = self.files[ticket]
        document: dict[str, Any] = {"kind": None, "license_number": None, "email": "none"}
        if file is None:
            return as_json(200, document | {"state": "awaiting-upload"}, **{"Retry-After": "2"})
        if self.slow:
            self.slow -= 1
            return as_json(200, document | {"state": "processing"}, **{"Retry-After": "2"})
        if parse_request(file).license_number in self.refused:
            return as_json(200, document | {"state": "refused", "refusal": REFUSAL})
        answer = self._answer(ticket)
        response = {
            "filename": self.changed.get("filename") or file_name(answer),
            "bytes": len(answer),
            "sha256": sha256(answer).hexdigest(),
            "download_url": f"{self.origin}/storage/{ticket}",
        }
        return as_json(200, document | {"state": "ready", "response": response | self.changed})


def file_name(response: bytes) -> str:
    return parse_response(open_envelope(response, RESPONSE)).file_name


@contextmanager
def running(fake: FakeService) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            content_type = self.headers.get("Content-Type", "")
            reply = fake.reply(self.command, self.path, body, content_type)
            if reply is None:
                self.close_connection = True
                return
            status, headers, content = reply
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _reply  # noqa: N815 the names that http.server calls

        def log_message(self, *_: object) -> None:
            """The tests look at `calls`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.origin = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
