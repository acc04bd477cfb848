"""Text that the wizard's window could take for markup: file names, texts of a response."""

from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from keyferry_protocol.encoding import escape_controls
from tests.browser.wizard.tour import press
from tests.support.desk import Desk, open_window
from tests.support.offline import LAB_07
from tests.support.samples import NUMBER

pytestmark = pytest.mark.attack


MARKUP = "<img src=x onerror=alert(1)> &lt; {0.__class__} **b**"


def is_calm(page: Page) -> bool:
    return page.locator("main img, main svg[onload], main script, main iframe").count() == 0


def test_in_the_window_markup_in_every_name_stays_text(desk: Desk, page: Page) -> None:
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    desk.room.machine = replace(LAB_07, name=MARKUP)
    text = MARKUP.replace("/", "")
    (desk.desktop / text).mkdir()
    data = desk.room.answer(desk.room.request(), licensee=MARKUP, edition=MARKUP)
    (desk.downloads / f"{text}\u202e.response").write_bytes(data)
    with open_window(desk) as window:
        page.goto(window.start_link)
        assert is_calm(page)
        press(page, "Activate…")
        expect(page.locator("main")).to_contain_text(f"{text}\ufffd.response")
        assert is_calm(page)
        press(page, "Next")
        expect(page.locator("h1")).to_have_text("License 015.120.020.093 is active")
        expect(page.locator("main")).to_contain_text(MARKUP)
        assert is_calm(page)
        press(page, "Finish")
        press(page, "Properties")
        expect(page.locator("main")).to_contain_text(MARKUP)
        assert is_calm(page)


def test_in_the_window_a_folders_name_stays_text_and_can_be_opened(desk: Desk, page: Page) -> None:
    name = f"{MARKUP.replace('/', '')}\u202e\x1b"
    (desk.desktop / name).mkdir()
    with open_window(desk) as window:
        page.goto(window.start_link)
        press(page, "Install License…")
        press(page, "Next")
        page.fill("#number", NUMBER)
        press(page, "Next")
        press(page, "Next")
        page.fill("#code", "m9s346-q3d25v-t4f5v3-7e3s3e-28jt9v")
        for _ in range(2):
            press(page, "Next")
        press(page, "Browse…")
        press(page, escape_controls(name))
        assert is_calm(page)
        press(page, "Save here")
        press(page, "Next")
    assert list((desk.desktop / name).glob("*.request"))
