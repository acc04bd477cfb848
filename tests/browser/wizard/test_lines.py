"""The lines of a response in the wizard's window: each is checked as it is left."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from keyferry.wizard.window import Window
from keyferry_protocol.typed_response import to_lines
from tests.browser.page.test_accessibility import CLIPPED, violations
from tests.browser.wizard.tour import press
from tests.support.desk import Desk, open_window
from tests.support.typed import text_form

ACTIVE = "License 015.120.020.093 is active"


@pytest.fixture
def lines(desk: Desk) -> list[str]:
    """The lines of the response that is waited for, without their numbers."""
    request = desk.room.request()
    packed = text_form(request, desk.room.answer(request))
    return [line.partition("  ")[2].lower() for line in to_lines(packed)]


@pytest.fixture
def window(desk: Desk) -> Iterator[Window]:
    with open_window(desk) as new_window:
        yield new_window


def to_typing(page: Page, window: Window) -> None:
    page.goto(window.start_link)
    press(page, "Activate…")
    press(page, "Type or scan it in")
    expect(page.locator("#line-1")).to_be_focused()


def fault(page: Page, number: int) -> str:
    """What the field says of a line, as a screen reader reads it with the field."""
    ids = (page.locator(f"#line-{number}").get_attribute("aria-describedby") or "").split()
    return " ".join(page.locator(f"#{one}").inner_text() for one in ids)


def test_a_wrong_line_is_named_as_it_is_left_and_only_it_is_typed_again(
    page: Page, window: Window, lines: list[str]
) -> None:
    to_typing(page, window)
    status = page.get_by_role("status")
    expect(status).to_have_text("0 lines are correct.")
    page.keyboard.type(lines[0])
    page.keyboard.press("Enter")
    expect(page.locator("#line-2")).to_be_focused()
    expect(status).to_have_text("1 of 11 lines is correct.")
    expect(page.locator("#line-12")).to_have_count(0)
    page.keyboard.type(lines[2])  # another line's
    page.keyboard.press("Tab")
    expect(page.locator("#line-3")).to_be_focused()
    expect(status).to_have_text("There is a typo in line 2.")
    assert fault(page, 2) == "There is a typo in line 2."
    assert page.locator("#line-2").get_attribute("aria-invalid") == "true"
    expect(page).to_have_title("Error: Step 1 of 2: Type or scan the response – Example Software")
    for line in lines[2:-1]:
        page.keyboard.type(line)
        page.keyboard.press("Enter")
    page.keyboard.type(lines[-1])
    page.keyboard.press("Enter")  # nothing follows, so it is Next, which names what is wrong
    expect(page.locator("#problems")).to_be_focused()
    page.get_by_role("link", name="There is a typo in line 2.").click()
    page.locator("#line-2").fill(lines[1])
    page.keyboard.press("Tab")
    expect(status).to_have_text("Nothing is missing. Choose Next.")
    expect(page.locator("#problems")).to_have_count(0)
    assert fault(page, 2) == ""
    expect(page).to_have_title("Step 1 of 2: Type or scan the response – Example Software")
    press(page, "Next")
    expect(page.locator("h1")).to_have_text(ACTIVE)


def test_what_is_typed_while_a_line_is_checked_stays(
    page: Page, window: Window, lines: list[str]
) -> None:
    """The answer for the first line arrives while the person is at the third."""
    to_typing(page, window)
    with window.turn:  # as long as the window is busy, no answer arrives
        page.keyboard.type(lines[0][::-1])
        page.keyboard.press("Tab")
        page.keyboard.type(lines[1])
        page.keyboard.press("Tab")
        page.keyboard.type("half a li")
        page.locator("#line-1").evaluate("(field, text) => field.value = text", lines[0])
    expect(page.get_by_role("status")).to_have_text("2 of 11 lines are correct.")
    expect(page.locator("#line-3")).to_be_focused()
    expect(page.locator("#line-3")).to_have_value("half a li")
    expect(page.locator(".fault")).to_have_count(0)


def test_no_state_of_the_lines_has_a_barrier(page: Page, window: Window, lines: list[str]) -> None:
    to_typing(page, window)
    page.locator("#line-1").fill(lines[0])
    page.locator("#line-2").fill(lines[0])
    page.locator("#scan").fill("bcdf")
    page.locator("#line-3").focus()
    expect(page.locator(".fault")).to_have_count(2)
    barriers = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        barriers[scheme] = violations(page)
    page.set_viewport_size({"width": 320, "height": 512})
    barriers["narrow"] = page.evaluate(CLIPPED)
    assert barriers == {"light": [], "dark": [], "narrow": []}
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
