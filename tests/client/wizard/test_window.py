"""The window's security over bare HTTP: who may connect, what it responds, when it ends."""

import os
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest

from keyferry.wizard import socket_owner
from keyferry.wizard.site import WizardSite
from keyferry.wizard.window import Window
from keyferry_protocol.messages import use_own_sentences
from tests.support.desk import Desk, open_window
from tests.support.samples import NUMBER

FORM = "application/x-www-form-urlencoded"


class Browser:
    """Sends what a browser would send, or what no browser would."""

    def __init__(self, window: Window) -> None:
        self.authority = window.authority
        self.link = window.start_link
        self.cookie = ""

    def ask(
        self, method: str, path: str, body: bytes = b"", **headers: str
    ) -> tuple[int, str, dict[str, str]]:
        host, _, port = self.authority.partition(":")
        connection = HTTPConnection(host, int(port), timeout=10)
        sent = {"Host": self.authority, "Cookie": self.cookie} | {
            name.replace("_", "-"): text for name, text in headers.items()
        }
        connection.request(method, path, body or None, sent)
        answer = connection.getresponse()
        text = answer.read().decode()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        connection.close()
        return answer.status, text, headers

    def start(self) -> str:
        """Open the start link and keep the cookie."""
        link = self.link.removeprefix(f"http://{self.authority}")
        status, text, headers = self.ask("GET", link, Cookie="")
        assert status == 200
        self.cookie = headers["set-cookie"].partition(";")[0]
        return text

    def press(self, button: str, screen: str, **typed: str) -> int:
        body = urlencode({"press": button, "screen": screen, **typed}).encode()
        origin = f"http://{self.authority}"
        return self.ask("POST", "/", body, Origin=origin, Content_Type=FORM)[0]

    def page(self) -> str:
        status, text, _ = self.ask("GET", "/")
        assert status == 200
        return text

    def title(self) -> str:
        match = re.search("<title>(.*)</title>", self.page())
        assert match is not None
        return match[1]


@pytest.fixture
def window(desk: Desk) -> Iterator[Window]:
    with open_window(desk) as new_window:
        yield new_window


@pytest.fixture
def browser(window: Window) -> Browser:
    return Browser(window)


def test_it_listens_on_this_computer_only_and_queries_no_name_server(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> str:
        raise AssertionError(f"a name was looked up: {arguments}")

    for name in ("getfqdn", "gethostbyname", "gethostbyaddr", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    window = Window(WizardSite(desk.session()))
    assert window.server_address[0] == "127.0.0.1"
    window.server_close()


def _open_a_line(browser: Browser) -> None:
    """As alive.js does on the first page; the window keeps the line open."""
    host, _, port = browser.authority.partition(":")
    connection = HTTPConnection(host, int(port), timeout=10)
    connection.request(
        "GET", "/alive", headers={"Host": browser.authority, "Cookie": browser.cookie}
    )
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize(
    "show_the_page",
    [
        pytest.param(_open_a_line, id="its script ran"),
        pytest.param(Browser.page, id="it was loaded again"),
        pytest.param(lambda browser: browser.press("begin:install", "list"), id="a form was sent"),
    ],
)
def test_the_start_link_works_until_a_browser_has_shown_its_page(
    browser: Browser, show_the_page: Callable[[Browser], object]
) -> None:
    Browser.start(browser)  # as a desktop does that checks the link before the browser opens it
    browser.start()
    link = browser.link.removeprefix(f"http://{browser.authority}")
    show_the_page(browser)
    assert browser.ask("GET", link, Cookie="")[0] == 403
    assert browser.ask("GET", link)[0] == 200
    browser.press("begin:install", "list")
    assert browser.title().startswith("Step 1 of 7: What do you want to do?")


def test_the_browser_that_opened_the_link_can_go_back_to_it(browser: Browser) -> None:
    browser.start()
    link = browser.link.removeprefix(f"http://{browser.authority}")
    browser.press("begin:install", "list")
    status, text, headers = browser.ask("GET", link)
    assert (status, "set-cookie" in headers) == (200, False)
    assert "Step 1 of 7: What do you want to do?" in text


def test_the_window_has_the_vendors_own_sentences(desk: Desk) -> None:
    own = {"en": {"wizard": {"list.title": "Licenses at Example"}}}
    with use_own_sentences(own), open_window(desk) as window:
        assert '<h1 id="title">Licenses at Example</h1>' in Browser(window).start()


HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout"
LISTED = {
    "IPv4": "0: 0100007F:{0:04X} 0100007F:{1:04X} 01 0:0 00:0 0 {2} 0 97 1 0",
    "IPv4 as IPv6": "0: 0000000000000000FFFF00000100007F:{0:04X} "
    "0000000000000000FFFF00000100007F:{1:04X} 01 0:0 00:0 0 {2} 0 97 2 0",
}


@pytest.mark.parametrize("listed", LISTED.values(), ids=LISTED)
@pytest.mark.parametrize(("whose", "status"), [("mine", 200), ("root's", 200), ("another's", 403)])
def test_the_start_link_lets_no_other_user_of_this_computer_in(
    browser: Browser,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    listed: str,
    whose: str,
    status: int,
) -> None:
    host, _, port = browser.authority.partition(":")
    with socket.create_server((host, 0)) as free:
        near = free.getsockname()[1]
    owner = {"mine": os.getuid(), "root's": 0, "another's": os.getuid() + 1}[whose]
    table = tmp_path / "tcp"
    table.write_text(f"{HEAD}\n{listed.format(near, int(port), owner)}\n")
    monkeypatch.setattr(socket_owner, "_TABLES", (str(tmp_path / "missing"), str(table)))
    connection = HTTPConnection(host, int(port), timeout=10, source_address=(host, near))
    connection.request("GET", browser.link.partition(browser.authority)[2])
    assert connection.getresponse().status == status
    connection.close()


def test_another_user_who_got_hold_of_the_cookie_is_refused(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cookies are shared by all ports (RFC 6265, section 8.5): a server of another user on this
    computer, which the browser once visits, is sent this window's too."""
    browser.start()
    host, _, port = browser.authority.partition(":")
    table = tmp_path / "tcp"
    monkeypatch.setattr(socket_owner, "_TABLES", (str(table),))
    press = urlencode({"press": "begin:install", "screen": "list"})
    for method, path, body in (("GET", "/", ""), ("GET", "/alive", ""), ("POST", "/", press)):
        with socket.create_server((host, 0)) as free:
            near = free.getsockname()[1]
        line = LISTED["IPv4"].format(near, int(port), os.getuid() + 1)
        table.write_text(f"{HEAD}\n{line}\n")
        connection = HTTPConnection(host, int(port), timeout=10, source_address=(host, near))
        headers = {"Origin": f"http://{browser.authority}", "Content-Type": FORM}
        connection.request(method, path, body, {"Cookie": browser.cookie, **headers})
        assert connection.getresponse().status == 403
        connection.close()
    table.write_text(f"{HEAD}\n")
    assert browser.title().startswith("License Configuration")


def test_the_system_table_shows_who_connected(browser: Browser) -> None:
    host, _, port = browser.authority.partition(":")
    with socket.create_connection((host, int(port))) as line:
        ends = (line.getsockname(), line.getpeername())
        assert not socket_owner.is_another_users(*ends)
        if os.getuid() == 0:
            os.seteuid(65534)  # what is opened now belongs to another user
            try:
                theirs = socket.create_connection((host, int(port)))
            finally:
                os.seteuid(0)
            with theirs:
                ends = (theirs.getsockname(), theirs.getpeername())
                assert socket_owner.is_another_users(*ends)


@pytest.mark.parametrize("path", ["/", "/?key=", "/?key=wrong", "/?key=%C3%BC", "/alive"])
def test_without_the_link_or_its_cookie_nobody_gets_in(browser: Browser, path: str) -> None:
    status, text, headers = browser.ask("GET", path)
    assert status == 403
    assert "set-cookie" not in headers
    assert "License Configuration</h1>" not in text


@pytest.mark.parametrize(
    "cookie", ["", "keyferry=1", "keyferry-{port}=wrong", "keyferry-{port}=", ";;;=", "a=b; c"]
)
def test_a_wrong_cookie_is_refused(browser: Browser, cookie: str) -> None:
    browser.start()
    browser.cookie = cookie.format(port=browser.authority.partition(":")[2])
    assert browser.ask("GET", "/")[0] == 403
    assert browser.press("begin:install", "list") == 403


@pytest.mark.parametrize(
    "host", ["localhost:{port}", "127.0.0.1", "evil.example:{port}", "127.0.0.1:1", "[::1]:{port}"]
)
def test_another_host_is_refused_so_no_foreign_name_can_point_here(
    browser: Browser, host: str
) -> None:
    browser.start()
    named = host.format(port=browser.authority.partition(":")[2])
    for path in ("/", "/page.css", "/alive.js", "/alive"):
        assert browser.ask("GET", path, Host=named)[0] == 403
    origin = f"http://{browser.authority}"
    body = urlencode({"press": "begin:install", "screen": "list"}).encode()
    assert browser.ask("POST", "/", body, Host=named, Origin=origin, Content_Type=FORM)[0] == 403
    assert browser.title().startswith("License Configuration")


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "http://127.0.0.1:1", "http://localhost"]
)
def test_a_form_of_another_site_is_refused(browser: Browser, origin: str | None) -> None:
    browser.start()
    body = urlencode({"press": "begin:install", "screen": "list"}).encode()
    headers = {"Content_Type": FORM} | ({} if origin is None else {"Origin": origin})
    assert browser.ask("POST", "/", body, **headers)[0] == 403
    assert browser.title().startswith("License Configuration")


def test_the_cookie_is_for_this_window_only(browser: Browser) -> None:
    _, _, headers = browser.ask("GET", browser.link.partition(browser.authority)[2])
    cookie = headers["set-cookie"]
    port = browser.authority.partition(":")[2]
    assert cookie.startswith(f"keyferry-{port}=")
    assert {"SameSite=Strict", "HttpOnly", "Path=/"} <= set(cookie.split("; "))


@pytest.mark.parametrize("path", ["/", "/page.css", "/alive.js", "/nothing", "/?key=wrong"])
def test_every_answer_carries_the_policy(browser: Browser, path: str) -> None:
    browser.start()
    _, _, headers = browser.ask("GET", path)
    policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/../keys.json", 404),
        ("GET", "/..%2f..%2fetc/passwd", 404),
        ("GET", "/page.css/../session.py", 404),
        ("PUT", "/", 501),
        ("DELETE", "/", 501),
        ("OPTIONS", "/", 501),
    ],
)
def test_the_window_serves_one_page_a_style_and_a_script(
    browser: Browser, method: str, path: str, status: int
) -> None:
    browser.start()
    assert browser.ask(method, path)[0] == status


@pytest.mark.parametrize("length", ["", "x", "-1", "²", "100001", "99999999999"])
def test_a_form_without_a_length_or_with_too_much_is_not_read(
    browser: Browser, length: str
) -> None:
    browser.start()
    origin = f"http://{browser.authority}"
    headers = {"Origin": origin, "Content_Type": FORM, "Content_Length": length}
    assert browser.ask("POST", "/", b"", **headers)[0] == 413


@pytest.mark.parametrize(
    ("button", "screen"),
    [
        ("take", "list"),
        ("open:/etc", "list"),
        ("next", "send"),
        ("begin:remove:015120020093", "list"),
        ("begin:nonsense", "list"),
        ("", "list"),
        ("next", "nonsense"),
        ("\0", "\0"),
    ],
)
def test_a_button_that_is_not_on_the_screen_does_nothing(
    browser: Browser, button: str, screen: str
) -> None:
    browser.start()
    assert browser.press(button, screen) == 303
    assert browser.title().startswith("License Configuration")


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "application/json", ""])
def test_a_form_of_another_content_type_does_nothing(browser: Browser, kind: str) -> None:
    browser.start()
    origin = f"http://{browser.authority}"
    body = b'{"press": "begin:install", "screen": "list"}'
    assert browser.ask("POST", "/", body, Origin=origin, Content_Type=kind)[0] == 303
    assert browser.title().startswith("License Configuration")


@pytest.mark.parametrize(
    "folder",
    ["/nonexistent", "relative", "../..", "", "/etc/passwd", "/tmp\0/x", "file:///tmp", "~"],
)
def test_save_to_accepts_only_the_full_path_of_an_existing_folder(
    desk: Desk, browser: Browser, folder: str
) -> None:
    before = desk.room.files()
    _up_to_sending(browser)
    browser.press("next", "send", how="save", folder=folder, name="LAB-07")
    assert "There is no folder" in browser.page()
    assert desk.room.files() == before


def test_the_saved_file_has_our_name_whatever_the_form_says(desk: Desk, browser: Browser) -> None:
    _up_to_sending(browser)
    typed = {"folder": f"{desk.desktop}/../Desktop", "path": "/etc/passwd", "written": "x"}
    browser.press("next", "send", how="save", name="../../evil", **typed)
    assert browser.title().startswith("Step 7 of 7: Your request file is saved")
    assert [path.parent for path in desk.home.rglob("*.request")] == [desk.desktop]
    assert desk.saved()


def test_a_folder_whose_name_is_not_text_does_no_harm(desk: Desk, browser: Browser) -> None:
    os.mkdir(os.fsencode(desk.desktop) + b"/caf\xe9")
    os.mkdir(desk.desktop / "Café")
    _up_to_sending(browser)
    browser.press("browse", "send", how="save", folder=str(desk.desktop), name="LAB-07")
    page = browser.page()
    assert "Café" in page
    assert "caf?" not in page


def test_a_response_whose_name_is_not_text_is_still_shown(desk: Desk, browser: Browser) -> None:
    _up_to_sending(browser)
    browser.press("next", "send", how="save", folder=str(desk.desktop), name="LAB-07")
    os.rename(desk.answer(), os.fsencode(desk.downloads) + b"/r\xe9ponse")
    browser.press("finish", "saved")
    browser.press(f"begin:activate:{NUMBER}", "list")
    assert "r?ponse" in browser.page()


def test_text_from_a_file_is_escaped(desk: Desk, browser: Browser) -> None:
    evil = "</dd><script src=//evil></script>"
    desk.room.product = desk.room.product
    desk.room.activate(licensee=evil, edition="'\"><img src=x>", features={"a": True})
    browser.start()
    browser.press(f"begin:properties:{NUMBER}", "list")
    page = browser.page()
    assert "&lt;/dd&gt;&lt;script src=//evil&gt;&lt;/script&gt;" in page
    assert "&#x27;&quot;&gt;&lt;img src=x&gt;" in page
    assert page.count("<script") == 1
    assert "<img" not in page


def test_typed_text_is_escaped(browser: Browser) -> None:
    browser.start()
    browser.press("begin:install", "list")
    browser.press("next", "what", what="install")
    browser.press("next", "number", number='"><script>alert(1)</script>')
    page = browser.page()
    assert page.count("<script") == 1
    assert "&quot;&gt;&lt;script&gt;" in page


def test_the_code_is_in_no_page_once_the_request_is_written(desk: Desk, browser: Browser) -> None:
    _up_to_sending(browser)
    typed = {"how": "save", "folder": str(desk.desktop), "name": ""}
    browser.press("next", "send", **typed)
    assert browser.title().startswith("Step 7 of 7")
    assert CODE_START not in browser.page()
    browser.press("again", "saved")
    assert CODE_START not in browser.page()


def test_a_form_that_comes_twice_counts_once(desk: Desk, browser: Browser) -> None:
    _up_to_sending(browser)
    typed = {"how": "save", "folder": str(desk.desktop), "name": ""}
    for _ in range(2):
        assert browser.press("next", "send", **typed) == 303
    assert browser.title().startswith("Step 7 of 7")
    assert desk.saved()


@pytest.mark.parametrize(
    "request_line", ["GET http://[ HTTP/1.1", "GET //[ HTTP/1.1", "GET /", "\xff\0"]
)
def test_foreign_or_dropped_requests_print_nothing_in_the_terminal(
    browser: Browser, capfd: pytest.CaptureFixture[str], request_line: str
) -> None:
    address = ("127.0.0.1", int(browser.authority.partition(":")[2]))
    for resets in (False, True):
        line = socket.create_connection(address, timeout=10)
        line.sendall(f"{request_line}\r\nHost: {browser.authority}\r\n\r\n".encode("latin-1"))
        if resets:  # closed before it was read: the other side sees a reset
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            line.recv(100)
        line.close()
    cut = socket.create_connection(address, timeout=10)
    cut.sendall(b"GET / HT")
    cut.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    cut.close()
    browser.start()  # still served after all of these
    assert capfd.readouterr() == ("", "")


def test_close_ends_the_window(desk: Desk) -> None:
    with open_window(desk) as window:
        browser = Browser(window)
        browser.start()
        assert browser.press("close", "list") == 200
        _assert_over(window)


def test_the_window_ends_after_a_day_whatever_happens(desk: Desk) -> None:
    with open_window(desk, life_s=0.1) as window:
        _assert_over(window)


def test_the_window_ends_a_minute_after_the_last_tab_was_closed(desk: Desk) -> None:
    with open_window(desk, gone_s=0.3) as window:
        browser = Browser(window)
        browser.start()
        first, second = _tab(window, browser), _tab(window, browser)
        first.close()
        assert not _is_over(window, within_s=1.5), "a tab is still open"
        second.close()
        _assert_over(window)


def test_without_a_script_a_closed_tab_goes_unnoticed(desk: Desk) -> None:
    with open_window(desk, gone_s=0.0) as window:
        Browser(window).start()
        assert not _is_over(window, within_s=1.0)


CODE_START = "m9s346"


@pytest.mark.parametrize("typed", [{}, {"upload": ""}], ids=["no field", "an empty file field"])
def test_without_a_response_file_the_same_screen_asks_for_one(
    browser: Browser, typed: dict[str, str]
) -> None:
    browser.start()
    browser.press("begin:install", "list")
    browser.press("next", "what", what="response")
    assert browser.press("next", "response", **typed) == 303
    assert "Choose the response file" in browser.page()


def _up_to_sending(browser: Browser) -> None:
    browser.start()
    browser.press("begin:install", "list")
    browser.press("next", "what", what="install")
    browser.press("next", "number", number=NUMBER)
    browser.press("next", "protection", protection="machine")
    browser.press("next", "code", code="m9s346-q3d25v-t4f5v3-7e3s3e-28jt9v")
    browser.press("next", "who", who="machine")
    assert browser.title().startswith("Step 6 of 7")


def _tab(window: Window, browser: Browser) -> socket.socket:
    """The connection that the script of one tab keeps open."""
    address = ("127.0.0.1", int(browser.authority.partition(":")[2]))
    line = socket.create_connection(address, timeout=10)
    head = f"GET /alive HTTP/1.1\r\nHost: {browser.authority}\r\nCookie: {browser.cookie}\r\n\r\n"
    line.sendall(head.encode())
    assert b"200" in line.recv(100)
    return line


def _is_over(window: Window, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    over = threading.Event()
    while time.monotonic() < deadline:
        if window.socket.fileno() == -1:
            return True
        over.wait(0.02)
    return False


def _assert_over(window: Window) -> None:
    assert _is_over(window, within_s=10)
