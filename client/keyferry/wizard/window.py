"""A window in this computer's own browser: the only file here that opens a socket.

It listens on 127.0.0.1 only, for the one browser that opened the start link, and makes
no connections. It answers every request with a page of its site or a short page that says why not.

The wizard and `keyferry-admin desk` are such sites. The client and the admin import nothing of one
another, and the protocol has no network code, so both packages hold this very file, and what it
serves, by symbolic links.
"""

import secrets
import socketserver
import sys
import threading
import time
from contextvars import copy_context
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler
from importlib.resources import files
from pathlib import PurePath
from typing import Any, Protocol
from urllib.parse import parse_qs

from .socket_owner import is_another_users

HOST = "127.0.0.1"
GONE_S = 60.0  # after the tab was closed
LIFE_S = 24 * 3600.0  # WCAG 2.2, SC 2.2.1: limits over 20 hours need no warning
_TICK_S = 0.25
_LAST_S = 5.0  # for the last page to fetch its style on a slow computer
_MAX_BYTES = 100_000  # of a form with texts
_MAX_UPLOAD = 5_000_000  # of a form with a file: an archive of 200 response files of 20 kB
_MULTIPART = "multipart/form-data"
_STYLE = "page.css"
_ALIVE = "alive.js"
_KINDS = {".css": "text/css", ".js": "text/javascript"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
_COOKIE = "SameSite=Strict; HttpOnly; Path=/"
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: forms would then send `Origin: null`, which proves nothing.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Site(Protocol):
    """What a window shows. It is asked for one thing at a time."""

    files: tuple[str, ...]  # styles and scripts beside page.css, in the same folder

    @property
    def is_closed(self) -> bool: ...

    def page(self, path: str, query: str) -> str | None:
        """The HTML document at this address; None if there is none."""

    def submit(self, path: str, form: dict[str, str]) -> str:
        """Take a form that was sent to this address, and return the address to show next."""

    def closed_page(self) -> str:
        """The last page, once the site is closed."""

    def over_page(self) -> str:
        """What a stranger reads, and a browser that asks for a page that does not exist."""


class Window(socketserver.ThreadingTCPServer):
    """The server of one site. Not HTTPServer, which looks up this host's name."""

    daemon_threads = True
    allow_reuse_address = False

    def __init__(self, site: Site, gone_s: float = GONE_S, life_s: float = LIFE_S) -> None:
        super().__init__((HOST, 0), _Handler)
        self.site = site
        self._context = copy_context()  # with the language, which threads do not inherit
        self.turn = threading.Lock()  # one press at a time
        self.key: str | None = secrets.token_urlsafe(32)  # in the start link
        self.cookie = secrets.token_urlsafe(32)
        self.tabs = 0
        self.is_over = False
        self._gone_s = gone_s
        self._ends_at = time.monotonic() + life_s
        self._left_at: float | None = None  # set only after a tab has connected

    @property
    def authority(self) -> str:
        return f"{HOST}:{self.server_address[1]}"

    @property
    def start_link(self) -> str:
        return f"http://{self.authority}/?key={self.key}"

    def serve(self) -> None:
        """Serve until Close, Ctrl-C, the tab gone for a minute, or a day has passed."""
        try:
            self.serve_forever(_TICK_S)
        finally:
            self.is_over = True
            self.server_close()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._context.copy().run(super().process_request_thread, request, client_address)

    def service_actions(self) -> None:
        now = time.monotonic()
        gone = self.tabs == 0 and self._left_at is not None and now - self._left_at > self._gone_s
        if gone or now > self._ends_at:
            self.end()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing for a dropped connection, because the user is reading the terminal."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def end(self, after_s: float = 0.0) -> None:
        timer = threading.Timer(after_s, self.shutdown)
        timer.daemon = True  # must not keep a finished process alive
        timer.start()

    def tab_came(self) -> None:
        self.tabs += 1

    def tab_left(self) -> None:
        self.tabs -= 1
        self._left_at = time.monotonic()


class _Handler(BaseHTTPRequestHandler):
    server: Window
    protocol_version = "HTTP/1.1"
    server_version = "keyferry"
    sys_version = ""
    timeout = 30  # for one request; a tab's long connection is only written to

    def do_GET(self) -> None:
        if not self._is_from_here():
            return self._refuse()
        path, _, query = self.path.partition("?")
        if path.removeprefix("/") in (_STYLE, _ALIVE, *self.server.site.files):
            self._file(path.removeprefix("/"))
            is_last = path == f"/{_STYLE}" and self.server.site.is_closed
            return self.server.end() if is_last else None
        if path == "/" and query:
            return self._start(query)
        if not self._is_known():
            return self._refuse()
        self._end_link()
        if path == "/alive":
            return self._stay()
        return self._page(path, query)

    def do_POST(self) -> None:
        origin = self.headers.get("Origin")
        if (
            not self._is_from_here()
            or origin != f"http://{self.server.authority}"
            or not self._is_known()
        ):
            return self._refuse()
        length = self.headers.get("Content-Length", "")
        is_upload = self.headers.get("Content-Type", "").startswith(_MULTIPART)
        if not length.isdecimal() or int(length) > (_MAX_UPLOAD if is_upload else _MAX_BYTES):
            self.close_connection = True
            return self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self.server.site.over_page())
        typed = _fields(self.headers.get("Content-Type", ""), self.rfile.read(int(length)))
        self._end_link()
        with self.server.turn:
            following = self.server.site.submit(self.path, typed)
        if self.server.site.is_closed:
            self._say(HTTPStatus.OK, self.server.site.closed_page(), close=True)
            return self.server.end(_LAST_S)
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", following)
        self.send_header("Content-Length", "0")
        return self.end_headers()

    def _end_link(self) -> None:
        """End the start link: whoever asks has its cookie, so that a browser shows the page.

        Not when it is opened, because some desktops fetch a link before their browser does.
        """
        self.server.key = None

    def _start(self, query: str) -> None:
        if self._is_known():  # it went back to its first page, or loads it again
            return self._page("/", "")
        key = self.server.key
        presented = parse_qs(query).get("key", [""])[0]
        if key is None or not secrets.compare_digest(presented.encode(), key.encode()):
            return self._refuse()
        return self._page("/", "", f"{self._cookie_name}={self.server.cookie}; {_COOKIE}")

    def _page(self, path: str, query: str, cookie: str = "") -> None:
        with self.server.turn:
            html = self.server.site.page(path, query)
        if html is None:
            return self._say(HTTPStatus.NOT_FOUND, self.server.site.over_page())
        return self._say(HTTPStatus.OK, html, cookie=cookie)

    def _stay(self) -> None:
        """Keep a connection open as long as the tab, because timers of a hidden tab may sleep."""
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.close_connection = True
        self.server.tab_came()
        try:
            while not self.server.is_over:
                self.wfile.write(b":\n\n")
                time.sleep(_TICK_S)
        except OSError:
            self.server.tab_left()

    def _file(self, name: str) -> None:
        text = (files(__package__) / name).read_text("utf-8")
        self._say(HTTPStatus.OK, text, _KINDS[PurePath(name).suffix])

    def _refuse(self) -> None:
        self.close_connection = True
        self._say(HTTPStatus.FORBIDDEN, self.server.site.over_page())

    def _say(
        self,
        status: HTTPStatus,
        text: str,
        kind: str = "text/html",
        cookie: str = "",
        close: bool = False,
    ) -> None:
        data = text.encode("utf-8", "replace")  # file names may contain invalid text
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        if cookie:
            self.send_header("Set-Cookie", cookie)
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def end_headers(self) -> None:
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    @property
    def _cookie_name(self) -> str:
        return f"keyferry-{self.server.server_address[1]}"  # cookies are shared by all ports

    def _is_from_here(self) -> bool:
        """Whether it was sent to this window's own address, and by this user or by root."""
        here = (HOST, self.server.server_address[1])
        return self.headers.get("Host") == self.server.authority and not is_another_users(
            self.client_address, here
        )

    def _is_known(self) -> bool:
        """Whether the browser is the one that opened the start link."""
        try:
            cookies = SimpleCookie(self.headers.get("Cookie", ""))
        except CookieError:
            return False
        cookie = cookies.get(self._cookie_name)
        presented = "" if cookie is None else cookie.value
        return secrets.compare_digest(presented.encode(), self.server.cookie.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: the user is reading the terminal, and URLs hold the start link's key."""


def _fields(kind: str, data: bytes) -> dict[str, str]:
    """The fields of a form. A file's bytes become the characters of the same numbers (Latin-1).

    The values of several boxes with the same name are joined by spaces.
    """
    if kind.partition(";")[0].strip().lower() != _MULTIPART:
        form = parse_qs(data.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
        return {name: " ".join(values) for name, values in form.items()}
    head = b"Content-Type: " + kind.encode("latin-1") + b"\r\n\r\n"
    fields: dict[str, str] = {}
    for part in BytesParser(policy=HTTP).parsebytes(head + data).walk():
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            continue
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            is_file = part.get_filename() is not None
            fields[name] = content.decode("latin-1" if is_file else "utf-8", "replace")
    return fields
