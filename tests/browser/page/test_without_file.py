"""The way back without a file: lines to type, and codes that a handheld scanner types."""

import re

import pytest
from playwright.sync_api import Page, expect

from keyferry_protocol.typed_response import TypedResponse
from tests.browser.page.fake_service import (
    LONG_TEXT_FORM,
    TEXT_FORM,
    TICKET,
    FakeService,
    ready,
    text,
)
from tests.support.codes import read_all


def show(page: Page, site: str, text_form: bytes) -> FakeService:
    """The ready screen of a response with this text form, and the details open."""
    service = FakeService(page, ready(text=text(text_form)))
    page.goto(f"{site}#t={TICKET}")
    page.click("text=No way to carry a file back?")
    page.wait_for_selector("figure")
    return service


def scan(page: Page) -> TypedResponse:
    """Read each code off the screen, the last one first."""
    response = TypedResponse()
    for picture in reversed(page.locator("figure img").all()):
        picture.scroll_into_view_if_needed()
        picture.evaluate("(one) => one.decode()")  # waits for it
        for code in read_all(page, picture.screenshot()):
            response.add(code)
    return response


def test_the_lines_are_there_as_they_are_to_be_typed(page: Page, site: str) -> None:
    show(page, site, TEXT_FORM)
    expect(page.locator("#by-hand")).to_contain_text("keyferry install -")
    response = TypedResponse()
    for line in page.locator(".lines").inner_text().splitlines():
        response.add(line)
    assert response.packed() == TEXT_FORM


@pytest.mark.parametrize(
    ("text_form", "count", "width"),
    [
        pytest.param(TEXT_FORM, 1, 1280, id="Ed25519"),
        pytest.param(LONG_TEXT_FORM, 7, 390, id="hybrid, on a phone"),
    ],
)
def test_a_scanner_reads_the_codes_off_the_screen_in_dark_mode_too(
    page: Page, site: str, text_form: bytes, count: int, width: int
) -> None:
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": width, "height": 800})
    show(page, site, text_form)
    assert page.locator("figure img").count() == count
    assert scan(page).packed() == text_form
    assert page.locator(".lines").count() == (text_form == TEXT_FORM)


@pytest.mark.parametrize(("width", "columns"), [(1280, 2), (390, 1)])
def test_each_code_has_its_number_below_it(page: Page, site: str, width: int, columns: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    show(page, site, LONG_TEXT_FORM)
    lefts = set()
    for figure in page.locator("figure").all():
        picture, caption = figure.locator("img"), figure.locator("figcaption")
        middles = [
            one.evaluate(
                """(one) => {
                    const words = document.createRange();
                    words.selectNodeContents(one);
                    const box = (one.localName === 'img' ? one : words).getBoundingClientRect();
                    return box.left + box.width / 2;
                }"""
            )
            for one in (picture, caption)
        ]
        assert abs(middles[0] - middles[1]) < 1
        lefts.add(round(middles[0]))
    assert len(lefts) == columns


def test_no_code_is_loaded_until_someone_opens_it(page: Page, site: str) -> None:
    service = FakeService(page, ready(text=text(LONG_TEXT_FORM)))
    page.goto(f"{site}#t={TICKET}")
    expect(page.locator("#by-hand")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert not [path for _, path, _ in service.calls if "codes" in path]
    page.click("text=No way to carry a file back?")
    page.locator("figure img").first.evaluate("(one) => one.decode()")
    assert [path for _, path, _ in service.calls if path == f"requests/{TICKET}/codes/1"]


def test_a_code_that_cannot_be_loaded_is_told(page: Page, site: str) -> None:
    FakeService(page, ready(text=text(TEXT_FORM)))
    page.route("**/codes/*", lambda route: route.abort("connectionfailed"))
    page.goto(f"{site}#t={TICKET}")
    page.click("text=No way to carry a file back?")
    expect(page.locator("figure")).to_have_text(re.compile("This code could not be loaded"))
    expect(page.locator(".lines")).to_be_visible()


def test_what_does_not_load_says_so_and_is_tried_again(page: Page, site: str) -> None:
    FakeService(page, ready(text=text(TEXT_FORM)))
    page.goto(f"{site}#t={TICKET}")
    page.route("**/by-hand.js", lambda route: route.abort("connectionfailed"), times=1)
    summary = page.locator("text=No way to carry a file back?")
    summary.click()
    expect(page.locator("#status")).to_contain_text("Try again in a few minutes")
    summary.click()
    summary.click()
    expect(page.locator(".lines")).to_be_visible()


def test_a_response_without_a_text_form_offers_nothing_of_this(page: Page, site: str) -> None:
    FakeService(page, ready())
    page.goto(f"{site}#t={TICKET}")
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    assert page.locator("#by-hand").count() == 0


def test_it_prints_one_line_a_row(page: Page, site: str) -> None:
    show(page, site, TEXT_FORM)
    page.emulate_media(media="print")
    expect(page.locator(".lines")).to_be_visible()
    expect(page.locator("footer details")).to_be_hidden()
    rows = page.locator(".lines").evaluate(
        "(one) => one.getBoundingClientRect().height / parseFloat(getComputedStyle(one).lineHeight)"
    )
    assert round(rows) == len(text(TEXT_FORM)["lines"])
