"""The desk's pages in Chromium: nobody is shut out, and nothing is cut off."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from keyferry_admin.desk import pages
from keyferry_admin.desk.window import Window
from keyferry_service.domain.refusals import Refusal, RefusalCode, RefusalRecord
from tests.browser.page.test_accessibility import CLIPPED, violations
from tests.service.admin.test_desk import _the_tables_in_memory_read_whole_rows, opened
from tests.service.admin.test_explain import TICKET, Desk, answered, desk, run
from tests.support.builders import LAB_07, LAB_08, a_license, a_request_file
from tests.support.hostile_texts import MARKUP
from tests.support.samples import NOW, NUMBER

__all__ = ["_the_tables_in_memory_read_whole_rows", "desk", "run"]  # the fixtures
LICENSE = f"/license/{NUMBER}"
SHOTS = os.environ.get("KEYFERRY_SCREENSHOTS")  # a folder


@pytest.fixture
def window(desk: Desk, run: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    """The desk of a vendor whose customers are busy."""
    desk.stack.licenses.create(a_license(seats=2, licensee="Nordhaven Pilot Plant"))
    answered(a_request_file(LAB_07), a_request_file(LAB_08))(desk.stack)
    refusal = Refusal(RefusalCode.NO_SEATS_LEFT, facts={"n": 2, "moves_left": 0})
    desk.stack.refusals.keep(RefusalRecord(NUMBER, NOW, "activate", "LAB-10", TICKET, refusal))
    run(f"license change {NUMBER} --seats 5")
    monkeypatch.setattr(pages, "ROWS", len(MARKUP))
    for n, evil in enumerate(MARKUP):
        desk.stack.licenses.create(a_license(number=f"{n:012}", licensee=evil, reference="W" * 64))
    with opened(desk.stack) as new_window:
        yield new_window


def look(page: Page, name: str) -> list[str]:
    """What shuts someone out of this page, in light, in the dark, and at 320 pixels."""
    barriers = violations(page)
    page.emulate_media(color_scheme="dark")
    barriers += violations(page, "color-contrast")
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}-dark.png", full_page=True)
    page.emulate_media(color_scheme="light")
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth") > width:
            barriers.append(f"it scrolls sideways at {width}")
        if width == 320:
            barriers += page.evaluate(CLIPPED)
        elif SHOTS:
            page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 800})
    return barriers


def test_no_page_shuts_anyone_out_in_light_or_dark_or_at_320_pixels(
    window: Window, page: Page
) -> None:
    barriers = {}
    page.goto(window.start_link)
    barriers["list"] = look(page, "list")
    for name, path in {
        "license": LICENSE,
        "history": f"{LICENSE}/history",
        "suspend": f"{LICENSE}/suspend",
        "release": f"{LICENSE}/release?seat=2",
        "explain": "/explain",
        "problem": f"{LICENSE}/release?seat=9",
    }.items():
        page.goto(f"http://{window.authority}{path}")
        barriers[name] = look(page, name)
    page.goto(f"http://{window.authority}/explain")
    file = {"name": "a.request", "mimeType": "", "buffer": a_request_file(LAB_08)}
    page.set_input_files("#field-file", file)  # type: ignore[arg-type]
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("h1")).to_have_text("Answered now: answered-before")
    barriers["explained"] = look(page, "explained")
    page.goto(f"http://{window.authority}{LICENSE}/suspend")
    page.get_by_role("button", name="Suspend the license").click()
    expect(page.locator("#problem")).to_be_focused()
    barriers["not confirmed"] = look(page, "not-confirmed")
    page.get_by_label("License number").fill("015.120.020.093")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Done: suspend the license.")
    barriers["done"] = look(page, "done")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("h1")).to_have_text("The desk is closed")
    barriers["closed"] = look(page, "closed")
    assert {name: each for name, each in barriers.items() if each} == {}
