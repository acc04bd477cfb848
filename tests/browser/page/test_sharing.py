"""The share button of a phone. The test replaces `navigator.share`, which opens the share sheet."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.page.fake_service import STEM, FakeService, ready
from tests.browser.page.states import process
from tests.browser.page.test_accessibility import CLIPPED, violations

# A browser that shares text files, records them, and shows in the document how many there are:
# the page's content security policy lets no test wait for an expression.
SHARES_TEXT = """
window.shared = [];
window.record = (what) => {
    document.documentElement.dataset.shared = shared.push(what);
};
navigator.canShare = ({ files }) => files.every((file) => file.type === 'text/plain');
navigator.share = async ({ files: [file] }) => {
    if (!navigator.userActivation.isActive) throw new DOMException('no press', 'NotAllowedError');
    record([file.name, file.type, await file.text()]);
};
"""


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    errors: list[object] = []
    page.on("pageerror", lambda error: errors.append(error))
    yield page
    context.close()
    assert errors == []


def test_a_phone_shares_the_response_as_a_text_file(phone: Page, site: str) -> None:
    phone.add_init_script(SHARES_TEXT)
    service = FakeService(phone, ready())
    process(phone, site)
    share = phone.get_by_role("button", name="Share…")
    expect(share).to_be_visible()
    assert phone.evaluate("shared") == []
    share.tap()
    expect(phone.locator("html")).to_have_attribute("data-shared", "1")
    assert phone.evaluate("shared") == [[f"{STEM}.response.txt", "text/plain", "signed"]]
    expect(phone.locator("h1")).to_have_text("Your response file is ready")
    assert len(service.calls_by("POST")) == 1


def test_closing_the_share_sheet_changes_nothing(phone: Page, site: str) -> None:
    phone.add_init_script(SHARES_TEXT)
    phone.add_init_script(
        """navigator.share = async () => {
            record('closed');
            throw new DOMException('closed', 'AbortError');
        }"""
    )
    FakeService(phone, ready())
    process(phone, site)
    phone.get_by_role("button", name="Share…").tap()
    expect(phone.locator("html")).to_have_attribute("data-shared", "1")
    expect(phone.locator("h1")).to_have_text("Your response file is ready")
    expect(phone.locator("#share")).to_be_visible()


def test_the_share_button_is_accessible(phone: Page, site: str) -> None:
    phone.add_init_script(SHARES_TEXT)
    FakeService(phone, ready())
    process(phone, site)
    expect(phone.locator("#share")).to_be_visible()
    box = phone.locator("#share").bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 44
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    assert phone.evaluate(CLIPPED) == []
    assert violations(phone) == []


@pytest.mark.parametrize(
    "browser_has",
    [
        pytest.param("delete Navigator.prototype.canShare", id="no sharing at all"),
        pytest.param("navigator.canShare = () => false", id="no sharing of such files"),
    ],
)
def test_a_phone_that_cannot_share_files_gets_only_the_download_button(
    phone: Page, site: str, browser_has: str
) -> None:
    phone.add_init_script(browser_has)
    FakeService(phone, ready())
    process(phone, site)
    expect(phone.locator("#again")).to_be_visible()
    phone.wait_for_load_state("networkidle")
    expect(phone.locator("#share")).to_be_hidden()


def test_a_desktop_gets_only_the_download_button(page: Page, site: str) -> None:
    page.add_init_script(SHARES_TEXT)
    service = FakeService(page, ready())
    with page.expect_download():
        process(page, site)
    expect(page.locator("#again")).to_be_visible()
    expect(page.locator("#share")).to_be_hidden()
    assert len(service.calls_by("SAVE")) == 1
