"""A QR code's link opens the page with the request filled in; nothing is sent before a click."""

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import compressobj

import pytest
from playwright.sync_api import Page, Route, expect

from keyferry.qr import qr_svg, request_link
from keyferry_protocol.encoding import b64
from keyferry_protocol.envelope import REQUEST as REQUEST_TYPE
from keyferry_protocol.envelope import seal
from keyferry_protocol.request import HashedMachine
from keyferry_protocol.text_form import DICTIONARY, to_text_form
from tests.browser.page.fake_service import DEVICE, FakeService, a_request, ready
from tests.browser.page.states import choose
from tests.support import vectors
from tests.support.codes import read_screen

REQUEST = a_request()
CUT = (
    "This link is incomplete or has been changed. Copy the whole link, or choose the request file."
)


def link_of(site: str, data: bytes = REQUEST) -> str:
    return request_link(site, data)


def tab_state(page: Page) -> str:
    """All that the tab keeps: its address, its history state, its storage."""
    state = "JSON.stringify([location.href, history.state, {...localStorage}, {...sessionStorage}])"
    return str(page.evaluate(state))


def test_a_link_fills_in_the_form_and_disappears_from_address_and_history(
    page: Page, site: str
) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto("about:blank")
    page.goto(link_of(site))
    expect(page.locator("#chosen h2")).to_have_text(
        "This file asks to activate license 015.120.020.093"
    )
    assert page.url == site
    assert page.evaluate("history.length") == 2
    text = link_of(site).partition("#r=")[2]
    assert text not in tab_state(page)
    assert text not in page.content()
    page.go_back()
    page.go_forward()
    expect(page.locator("h1")).to_have_text("Get your response file")
    assert page.url == site
    assert not [url for url in requested if "/api/" in url or text in url]


def test_a_link_disappears_before_the_page_has_loaded(page: Page, site_in_two: str) -> None:
    routes: list[Route] = []
    page.route("**/languages/de.json", lambda route: routes.append(route))
    with page.expect_request("**/languages/de.json"):
        fragment = link_of(site_in_two).partition("#")[2]
        page.goto(f"{site_in_two}?lang=de#{fragment}", wait_until="commit")
    expect(page).to_have_url(f"{site_in_two}?lang=de")
    expect(page.locator("#chosen")).to_be_hidden()
    routes[0].fulfill(json={"title": "{vendor}: {h1}"})
    expect(page.locator("#chosen h2")).to_be_visible()
    expect(page).to_have_title("Example: Get your response file")


def test_a_link_shows_what_the_same_file_shows(page: Page, site: str) -> None:
    page.goto(site)
    choose(page)
    expect(page.locator("#chosen h2")).to_be_visible()
    expected = page.locator("#chosen").inner_html()
    page.goto("about:blank")
    page.goto(link_of(site))
    expect(page.locator("#chosen h2")).to_be_visible()
    assert page.locator("#chosen").inner_html() == expected
    expect(page).to_have_title("Get your response file – Example")
    expect(page.locator("#choose")).to_have_text("Choose another file")
    expect(page.locator("#status")).to_contain_text("This file asks to activate")
    expect(page.locator("#problems")).to_be_hidden()


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(
            lambda page: page.add_init_script("delete globalThis.DecompressionStream"),
            id="an old browser",
        ),
        pytest.param(
            lambda page: page.route("**/link.js", lambda route: route.abort()),
            id="a blocked script",
        ),
    ],
)
def test_a_link_that_this_browser_cannot_read_says_what_else_works(
    page: Page, site: str, broken: Callable[[Page], None]
) -> None:
    broken(page)
    page.goto(link_of(site))
    expect(page.locator("#problems a")).to_have_text(
        "This browser could not read the request in the link. Open the link again, or choose the "
        "request file."
    )
    choose(page)
    expect(page.locator("#chosen h2")).to_be_visible()


def test_only_a_click_sends_the_file_that_the_client_wrote(page: Page, site: str) -> None:
    service = FakeService(page, ready())
    page.goto(link_of(site))
    expect(page.locator("#chosen h2")).to_be_visible()
    assert service.calls == []
    page.fill("#email", "kim@example.com")
    page.click("text=Process request file")
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    [(_, _, opened)] = service.calls_by("POST")
    assert opened["email"] == "kim@example.com"
    [(_, _, body)] = service.calls_by("UPLOAD")
    assert b"\r\n\r\n" + REQUEST + b"\r\n" in body


def test_a_link_opened_on_the_form_replaces_the_chosen_file(page: Page, site: str) -> None:
    page.goto(site)
    page.fill("#email", "kim@example.com")
    choose(page, b"hello")
    expect(page.locator("#problems")).to_be_visible()
    page.goto(link_of(site, a_request(kind="update")))
    expect(page.locator("#chosen h2")).to_have_text(
        "This file asks to update license 015.120.020.093"
    )
    expect(page.locator("#problems")).to_be_hidden()
    expect(page.locator("#email")).to_have_value("kim@example.com")
    assert page.url == site


def test_a_link_opened_on_a_result_starts_over(page: Page, site: str) -> None:
    FakeService(page, ready())
    page.goto(link_of(site))
    page.click("text=Process request file")
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    page.goto(link_of(site, a_request(kind="deactivate")))
    expect(page.locator("#chosen h2")).to_have_text(
        "This file asks to deactivate license 015.120.020.093"
    )
    expect(page.locator("#chosen")).to_contain_text("This frees the seat for another computer.")
    assert page.url == site


TEXT = urlsafe_b64encode(to_text_form(REQUEST)).decode().rstrip("=")
BROKEN = {
    "nothing after #r=": ("", CUT),
    "cut in the middle": (TEXT[:200], CUT),
    "the last character lost": (TEXT[:-1], CUT),
    "all in lower case": (TEXT.lower(), CUT),
    "another text": ("hello", CUT),
    "a later form": (
        "Ag" + TEXT[2:],
        "This file is newer than this page. Ask licensing@example.com for help. Your file was not "
        "sent.",
    ),
    "whole, but no request": (
        urlsafe_b64encode(to_text_form(seal(REQUEST_TYPE, b'{"kind":"renew"}', [DEVICE]))).decode(),
        CUT,
    ),
}


@pytest.mark.parametrize(("text", "sentence"), BROKEN.values(), ids=BROKEN)
def test_a_broken_link_gives_its_own_sentence_and_disappears_too(
    page: Page, site: str, text: str, sentence: str
) -> None:
    page.goto(f"{site}#r={text}")
    expect(page.locator("#problems")).to_be_focused()
    expect(page.locator("#problems a")).to_have_text(sentence)
    expect(page.locator("#file-fault")).to_have_text(sentence)
    expect(page.locator("#chosen")).to_be_hidden()
    assert page.url == site


# Records the size of the largest Blob.
RECORD_LARGEST_BLOB = """
window.largest = 0;
const Real = Blob;
window.Blob = class extends Real {
  constructor(...parts) {
    super(...parts);
    largest = Math.max(largest, this.size);
  }
};
"""


def test_a_small_link_that_inflates_to_megabytes_is_refused(page: Page, site: str) -> None:
    deflater = compressobj(9, wbits=-15, zdict=DICTIONARY)
    bomb = b"\1\1\0" + deflater.compress(bytes(8_000_000)) + deflater.flush()
    page.add_init_script(RECORD_LARGEST_BLOB)
    page.goto(f"{site}#r={urlsafe_b64encode(bomb).decode().rstrip('=')}")
    expect(page.locator("#problems a")).to_have_text(CUT)
    assert len(bomb) < page.evaluate("largest") < 20_000


def test_the_browser_reads_every_vector_as_the_protocol_does(page: Page, site: str) -> None:
    """Chromium inflates with the dictionary before the data, as a stored block."""
    page.goto(site)
    forms: list[dict[str, Any]] = [case.values[0] for case in vectors.cases("text-forms")]
    links = [urlsafe_b64encode(b64decode(form["text_form"])).decode() for form in forms]
    read = page.evaluate(
        """async (links) => {
            const { readLink } = await import('./js/link.js');
            const unpadded = links.map((link) => link.replace(/=+$/, ''));
            const results = await Promise.all(unpadded.map((link) => readLink(link)));
            const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
            return results.map(({ bytes, problem }) => problem ?? base64(bytes));
        }""",
        links,
    )
    problems = {"unreadable-request": "link-cut", "unsupported-version": "unsupported-version"}
    expected = [form["expect"].get("file") or problems[form["expect"]["code"]] for form in forms]
    assert read == expected


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_camera_reads_the_qr_code_from_a_screen_and_opens_the_page(
    page: Page, site: str, tmp_path: Path, scheme: Any
) -> None:
    hashes = tuple(sorted(b64(sha256(bytes((n,))).digest()[:16]) for n in range(17)))
    parts = {"mac": hashes[:8], "disk_serial": hashes[8:16], "os_id": hashes[16:]}
    data = a_request(machine=HashedMachine("LAB-07", "Windows 11 Pro", "physical", parts))
    picture = tmp_path / "code.svg"
    picture.write_text(qr_svg(link_of(site, data)))
    page.emulate_media(color_scheme=scheme)
    page.goto(picture.as_uri())
    link = read_screen(page)
    assert link == link_of(site, data)
    page.goto(link)
    expect(page.locator("#chosen")).to_contain_text("17 one-way codes")
