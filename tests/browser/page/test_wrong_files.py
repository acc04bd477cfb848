"""Real files of every kind that is no request file: each gives its own sentence."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.page.fake_service import PROCESSING, FakeService
from tests.browser.page.states import choose
from tests.browser.page.wrong_files import FROM_BROWSER, WRONG, print_and_screenshots


@pytest.fixture(scope="module")
def browser_files(browser: Browser) -> dict[str, bytes]:
    return print_and_screenshots(browser)


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_file_gives_its_own_sentence(
    page: Page, site: str, browser_files: dict[str, bytes], name: str
) -> None:
    data, sentence = WRONG[name]
    service = FakeService(page, PROCESSING)
    page.goto(site)
    page.fill("#email", "kim@example.com")
    choose(page, browser_files[FROM_BROWSER.get(name, name)] if data is None else data, name)
    expect(page.locator("#problems")).to_be_focused()
    expect(page.locator("#problems a")).to_have_text(sentence)
    expect(page.locator("#file-fault")).to_have_text(sentence)
    expect(page).to_have_title(re.compile("^Error: "))
    assert page.input_value("#email") == "kim@example.com"
    choose(page)
    expect(page.locator("#problems")).to_be_hidden()
    expect(page).to_have_title(re.compile("^Get your response file"))
    assert service.calls == []


def test_a_request_is_accepted_under_any_name(page: Page, site: str) -> None:
    page.goto(site)
    assert page.get_attribute("#file", "accept") is None
    for name in ("x.txt", "015120020093-7f3a.request.txt", "download (3)", "IMG_0001.PNG"):
        choose(page, None, name)
        expect(page.locator("#chosen h2")).to_contain_text("This file asks to activate")
        page.reload()
