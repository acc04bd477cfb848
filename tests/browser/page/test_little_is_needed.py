"""The page in a browser that blocks or lacks something, and where one of its files is missing."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.page.fake_service import SIGNED, FakeService, ready
from tests.browser.page.states import choose, process
from tests.browser.page.test_networks import SIGN_IN, Between, lost, says

BLOCKED = """
Object.defineProperty(window, '{name}', {{
  get() {{ throw new DOMException('blocked', 'SecurityError'); }},
}});
"""
FULL = "Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); };"
NO_HISTORY = """
for (const name of ['pushState', 'replaceState']) {
  history[name] = () => { throw new DOMException('too often', 'SecurityError'); };
}
"""


def carry_a_file(page: Page, site: str) -> bytes:
    """All of the journey: a file chosen, an address entered, the response saved and returned."""
    FakeService(page, ready(email="sent"))
    with page.expect_download() as download:
        process(page, site, "kim@example.com")
    return download.value.path().read_bytes()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(BLOCKED.format(name="localStorage"), id="no storage of the browser"),
        pytest.param(BLOCKED.format(name="sessionStorage"), id="no storage of the tab"),
        pytest.param(
            BLOCKED.format(name="localStorage") + BLOCKED.format(name="sessionStorage"),
            id="cookies and storage blocked",
        ),
        pytest.param(
            "Object.defineProperty(window, 'localStorage', { value: null });", id="storage off"
        ),
        pytest.param(FULL, id="storage full"),
        pytest.param(NO_HISTORY, id="an address that must not change"),
        pytest.param("delete AbortSignal.timeout;", id="no AbortSignal.timeout"),
        pytest.param("delete globalThis.DecompressionStream;", id="no DecompressionStream"),
        pytest.param(
            "delete Navigator.prototype.share; delete Navigator.prototype.canShare;"
            "delete Navigator.prototype.clipboard;",
            id="no sharing and no clipboard",
        ),
    ],
)
def test_nothing_optional_stops_the_journey(page: Page, site: str, script: str) -> None:
    page.add_init_script(script)
    assert carry_a_file(page, site) == SIGNED
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    expect(page.locator("#stalled")).to_have_count(0)


def test_a_language_is_chosen_without_storage(page: Page, site_in_two: str) -> None:
    page.add_init_script(BLOCKED.format(name="localStorage"))
    page.goto(site_in_two)
    page.select_option("#language", "de")
    expect(page.locator("html")).to_have_attribute("lang", "de")


MISSING = [
    pytest.param(says(404, "Not found"), id="missing"),
    pytest.param(says(200, SIGN_IN), id="a sign-in page"),
    pytest.param(says(200, "", "application/json"), id="empty"),
    pytest.param(says(200, "null", "application/json"), id="null"),
    pytest.param(says(200, '["a"]', "application/json"), id="a list"),
    pytest.param(says(200, '{"error": {}}', "application/json"), id="other JSON"),
    pytest.param(
        says(200, '{"accent": null, "support": null}', "application/json"), id="JSON of nulls"
    ),
    pytest.param(lost, id="unreachable"),
]


@pytest.mark.parametrize("answer", MISSING)
def test_without_a_language_file_the_page_is_english(
    page: Page, site_in_two: str, answer: Between
) -> None:
    page.route("**/languages/de.json", answer)
    FakeService(page, ready())
    page.goto(f"{site_in_two}?lang=de")
    choose(page)
    expect(page.locator("#chosen h2")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("h1")).to_have_text("Get your response file")
    with page.expect_download():
        page.click("form button.primary")


def test_a_language_that_never_arrives_is_not_waited_for(page: Page, site_in_two: str) -> None:
    page.route("**/languages/de.json", lambda route: None)  # never answered
    page.clock.install()
    page.goto(f"{site_in_two}?lang=de")
    choose(page)
    page.clock.fast_forward(4_000)
    expect(page.locator("#chosen h2")).to_be_visible()
    expect(page.locator("#stalled")).to_have_count(0)


@pytest.mark.parametrize(
    ("part", "answer"),
    [
        pytest.param("ticket", lost, id="unreachable"),
        pytest.param("service", says(200, SIGN_IN), id="a sign-in page"),
        pytest.param(
            "ticket-view",
            says(200, "import { later } from './view.js'; later();", "text/javascript"),
            id="of a newer release than the open page",
        ),
    ],
)
def test_what_sends_the_file_may_load_at_a_second_try_and_the_file_is_still_there(
    page: Page, site: str, part: str, answer: Between
) -> None:
    FakeService(page, ready())
    page.goto(site)
    choose(page)
    page.route(f"**/js/{part}.js", answer)
    page.click("form button.primary")
    expect(page.locator("h1")).to_have_text("The service is not working right now")
    expect(page.locator("#view")).to_contain_text("Your file is not lost.")
    page.unroute(f"**/js/{part}.js")
    page.click("#retry")
    expect(page.locator("#chosen h2")).to_contain_text("This file asks to activate license")
    with page.expect_download():
        page.click("form button.primary")
    expect(page.locator("h1")).to_have_text("Your response file is ready")


NOT_STARTED = (
    "If this message stays, a script was blocked or this browser is too old. Reload the page, "
    "use another browser or a phone, or email the request file to licensing@example.com."
)


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    """Errors are expected of a page whose scripts are missing or broken."""
    context = browser.new_context()
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("module", ["main", "journey", "request-file", "view"])
def test_a_script_that_does_not_load_is_told_within_seconds(
    visitor: Page, site: str, module: str
) -> None:
    visitor.route(f"**/js/{module}.js", says(404, "Not found"))
    visitor.goto(site)
    stalled = visitor.locator("#stalled")
    expect(stalled).to_be_hidden()
    expect(stalled).to_be_visible(timeout=8_000)
    expect(stalled.locator("p")).to_have_text(NOT_STARTED)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(says(200, SIGN_IN), id="a sign-in page"),
        pytest.param(lost, id="blocked"),
        pytest.param(
            says(200, "class A { #a = @1 }", "text/javascript"),
            id="a syntax newer than the browser",
        ),
        pytest.param(says(200, "missing()", "text/javascript"), id="a function that is missing"),
    ],
)
def test_a_script_that_does_not_run_is_told_too(visitor: Page, site: str, answer: Any) -> None:
    visitor.route("**/js/main.js", answer)
    visitor.goto(site)
    expect(visitor.locator("#stalled")).to_be_visible(timeout=8_000)


def test_the_sentence_shows_at_once_where_the_style_sheet_is_missing_too(
    visitor: Page, site: str
) -> None:
    visitor.route("**/page.css", says(404, "Not found"))
    visitor.route("**/js/main.js", lost)
    visitor.goto(site)
    expect(visitor.locator("#stalled")).to_be_visible(timeout=1_000)


def test_a_page_that_starts_moves_nothing_and_never_shows_the_sentence(
    page: Page, site: str
) -> None:
    page.route("**/js/main.js", lambda route: None)  # never answered
    page.goto(site, wait_until="commit")
    expect(page.locator("#form")).to_be_visible()
    before = page.locator("#form").bounding_box()
    page.unroute("**/js/main.js")
    page.goto(site)
    expect(page.locator("#stalled")).to_have_count(0)
    assert page.locator("#form").bounding_box() == before
