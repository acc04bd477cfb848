"""One port for a browser: /inbox shows the email, and everything else goes to the edge."""

import json
import sys
import threading
from http.client import HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError

from local.cloud import CannotStart
from local.edge import Answer, Edge
from local.inbox import Inbox
from local.journal import Journal

HERE = Path(__file__).parent
# An email has inline styles, and its frame inherits this policy.
INBOX_POLICY = "default-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"


class Server(ThreadingHTTPServer):
    """Binds its port at once, so a busy port fails before anything starts. Answers after `open`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int) -> None:
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise CannotStart(f"Port {port} is in use. Try: PORT={port + 1} make run") from error
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"

    def open(self, edge: Edge, inbox: Inbox, journal: Journal) -> None:
        self.edge, self.inbox, self.journal = edge, inbox, journal
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing about a browser that has gone, such as one whose page was closed."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def inbox_answer(self, path: str) -> Answer:
        match path:
            case "/inbox":
                kind, content = "text/html", (HERE / "inbox.html").read_bytes()
            case "/inbox/inbox.js":
                kind, content = "text/javascript", (HERE / "inbox.js").read_bytes()
            case "/inbox/messages":
                kind, content = "application/json", json.dumps(self.inbox.messages()).encode()
            case _:
                return Answer(404, {"Content-Type": "text/plain"}, b"There is no such page.\n")
        return Answer(200, {"Content-Type": kind, "Content-Security-Policy": INBOX_POLICY}, content)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        try:
            reply = self._find(path, body)
        except (OSError, HTTPException, BotoCoreError):
            reply = Answer(502, {"Content-Type": "text/plain"}, b"The stack does not answer.\n")
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def _find(self, path: str, body: bytes) -> Answer:
        if path == "/inbox" or path.startswith("/inbox/"):
            return self.server.inbox_answer(path)
        viewer = "{}:{}".format(*self.client_address)
        reply = self.server.edge.answer(self.command, path, self.headers, body, viewer)
        if (self.command, path, reply.status) == ("POST", "/api/requests", 201):
            self.server.journal.follow(json.loads(reply.body)["id"])
        return reply

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815

    def log_message(self, *args: object) -> None:
        """Print nothing, because the journal prints each request."""
