"""One port for a browser: everything goes to the edge, but /inbox, which shows the mail."""

from __future__ import annotations

import html
import json
import threading
from collections.abc import Callable
from email import message_from_string
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from local.cloud import CannotStart
from local.edge import Answer, Edge
from local.inbox import Inbox, Mail

HERE = Path(__file__).parent
INBOX_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


class Server(ThreadingHTTPServer):
    """Bound at once, so that a busy port is noticed before anything starts; answers after `open`."""

    daemon_threads = True
    edge: Edge
    inbox: Inbox
    opened: Callable[[str], None]  # told the id of each ticket that was opened

    def __init__(self, port: int) -> None:
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise CannotStart(f"Port {port} is in use. Try: PORT={port + 1} make run") from error

    def open(self, edge: Edge, inbox: Inbox, opened: Callable[[str], None]) -> None:
        self.edge, self.inbox, self.opened = edge, inbox, opened
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        if path == "/inbox" or path.startswith("/inbox/"):
            found = _inbox(self.server.inbox, path.removeprefix("/inbox").strip("/"))
        else:
            viewer = "{}:{}".format(*self.client_address)
            found = self.server.edge.answer(self.command, self.path, self.headers, body, viewer)
            if self.command == "POST" and path == "/api/requests" and found.status == 201:
                self.server.opened(json.loads(found.body)["id"])
        self.send_response(found.status)
        for name, value in found.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(found.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(found.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Requests are told by the journal, one line each, not call by call."""


def _inbox(inbox: Inbox, name: str) -> Answer:
    mails = inbox.messages()
    number, _, kind = name.partition(".")
    if name == "":
        return _page(_list(mails), "text/html", INBOX_POLICY)
    if name == "messages":
        return _page(json.dumps(mails), "application/json", INBOX_POLICY)
    if name in ("inbox.css", "inbox.js"):
        kind = "text/css" if name.endswith("css") else "text/javascript"
        return _page((HERE / name).read_text(), kind, INBOX_POLICY)
    if number.isdecimal() and int(number) < len(mails) and kind in ("eml", "html"):
        mail = mails[len(mails) - 1 - int(number)]
        if kind == "eml":
            return _page(mail["source"], "message/rfc822", MAIL_POLICY)
        return _page(mail["html"], "text/html", MAIL_POLICY)
    return Answer(404, [("Content-Type", "text/plain")], b"Not found\n")


def _page(text: str, kind: str, policy: str) -> Answer:
    headers = [
        ("Content-Type", f"{kind}; charset=utf-8"),
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "no-store"),
    ]
    return Answer(200, headers, text.encode())


def _list(mails: list[Mail]) -> str:
    shown = [_mail(len(mails) - 1 - place, mail) for place, mail in enumerate(mails)]
    nothing = "<p>No mail yet. Process a request file and it appears here.</p>"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Local inbox</title>'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/inbox/inbox.css">'
        '<script type="module" src="/inbox/inbox.js"></script><main><h1>Local inbox</h1>'
        "<p>Mail sent by this stack. It never leaves this computer.</p>"
        f'<p role="status" data-count="{len(mails)}"></p>{"".join(shown) or nothing}</main>'
    )


def _mail(number: int, mail: Mail) -> str:
    message = message_from_string(mail["source"])
    headers = "\n".join(f"{name}: {value}" for name, value in message.items())
    subject, to, at = (
        html.escape(text) for text in (mail["subject"], ", ".join(mail["to"]), mail["at"])
    )
    tabs = [("Plain", f"<pre>{html.escape(mail['text'])}</pre>", " open")]
    if mail["html"]:
        frame = f'<iframe sandbox src="/inbox/{number}.html" title="{subject}"></iframe>'
        tabs.append(("HTML", frame, ""))
    tabs.append(("Headers", f"<pre>{html.escape(headers)}</pre>", ""))
    tabs.append(("Source", f'<a href="/inbox/{number}.eml" download>{number}.eml</a>', ""))
    drawn = "".join(
        f'<details name="mail-{number}"{is_open}><summary>{title}</summary>{content}</details>'
        for title, content, is_open in tabs
    )
    return f'<article><h2>{subject}</h2><p><time datetime="{at}">{at}</time>, to {to}</p>{drawn}</article>'
