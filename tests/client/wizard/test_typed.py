"""A response that is typed or scanned in the wizard, in its window and at the prompt."""

import re

import pytest

from keyferry_protocol.typed_response import to_codes, to_lines
from tests.client.wizard.test_window import Browser
from tests.client.wizard.typist import Typist
from tests.support.desk import Desk, open_window
from tests.support.offline import VENDOR, VENDOR_PQ, key_set
from tests.support.samples import NUMBER
from tests.support.typed import text_form


@pytest.fixture
def packed(desk: Desk) -> bytes:
    """What the page has of the response to a request that is waiting here."""
    request = desk.room.request()
    return text_form(request, desk.room.answer(request))


def fields(lines: list[str]) -> dict[str, str]:
    """The lines as a person types them into their fields, without their numbers."""
    return {f"line-{n}": line.partition("  ")[2].lower() for n, line in enumerate(lines, 1)}


def to_typing(browser: Browser) -> str:
    browser.start()
    press(browser, f"begin:activate:{NUMBER}", "list")
    return press(browser, "type", "response")


def press(browser: Browser, button: str, screen: str, **typed: str) -> str:
    """The page that follows."""
    browser.press(button, screen, **typed)
    return browser.page()


def test_in_the_window_each_line_has_a_field_and_a_wrong_one_is_named(
    desk: Desk, packed: bytes
) -> None:
    with open_window(desk) as window:
        browser = Browser(window)
        page = to_typing(browser)
        assert page.count('id="line-') == 13
        typed = fields(to_lines(packed))
        page = press(browser, "next", "typed", **{**typed, "line-4": typed["line-4"][::-1]})
        assert "There is a typo in line 4." in page
        assert 'href="#line-4"' in page
        assert page.count('id="line-') == 11 + 1  # as many as the first line says, and a fault
        assert page.count("<li>") == 1
        page = press(browser, "next", "typed", **typed)
        assert "License 015.120.020.093 is active" in page
    assert desk.room.load().check().ok


def test_in_the_window_a_missing_line_is_named(desk: Desk, packed: bytes) -> None:
    with open_window(desk) as window:
        browser = Browser(window)
        to_typing(browser)
        assert "Line 1 is missing." in press(browser, "next", "typed")
        typed = fields(to_lines(packed))
        assert "Line 9 is missing." in press(browser, "next", "typed", **{**typed, "line-9": ""})


def test_in_the_window_a_line_that_was_left_is_checked_alone(desk: Desk, packed: bytes) -> None:
    with open_window(desk) as window:
        browser = Browser(window)
        page = to_typing(browser)
        assert '<script src="/lines.js" defer>' in page
        typed = fields(to_lines(packed))
        wrong = {"line-1": typed["line-1"], "line-4": typed["line-4"][::-1]}
        page = press(browser, "check", "typed", **wrong)
        assert page.count("There is a typo in line 4.") == 2  # at the field, and in the summary
        assert "is missing" not in page
        assert '<p role="status" id="status">1 of 11 lines is correct.</p>' in page
        page = press(browser, "check", "typed", **typed)
        assert "Nothing is missing. Choose Next." in page
        assert desk.room.folder().installed_bytes() is None
        assert browser.page() == page  # loaded again, it still has all that was typed


def test_in_the_window_enter_leads_to_the_next_line_without_a_script(
    desk: Desk, packed: bytes
) -> None:
    with open_window(desk) as window:
        browser = Browser(window)
        page = to_typing(browser)
        assert '<button name="press" value="enter" hidden>' in page
        typed = fields(to_lines(packed))
        page = press(browser, "enter", "typed", **{"line-1": typed["line-1"]})
        assert focused(page) == "line-2"
        assert "There is a problem" not in page
        page = press(browser, "enter", "typed", **{"line-2": typed["line-1"]})
        assert focused(page) == "problems"
        page = press(browser, "enter", "typed", **typed)
        assert "License 015.120.020.093 is active" in page


def focused(page: str) -> str:
    """The id of the element that is focused when the page appears."""
    [element] = re.findall(r"<[^>]* autofocus[ >]", page)
    match = re.search(r'id="([\w-]+)"', element)
    assert match is not None
    return match[1]


def test_in_the_window_a_scanner_types_all_codes_into_one_field(desk: Desk) -> None:
    codes = scanned(desk)
    with open_window(desk) as window:
        browser = Browser(window)
        to_typing(browser)
        some = "\r\n".join(codes[:2])
        page = press(browser, "next", "typed", scan=some)
        assert "2 of 7 codes received. Scan the others, in any order." in page
        assert codes[1] in page
        page = press(browser, "next", "typed", scan="\r\n".join(codes[::-1]))
        assert "License 015.120.020.093 is active" in page


def test_back_leads_to_the_choice_of_a_file(desk: Desk, packed: bytes) -> None:
    with open_window(desk) as window:
        browser = Browser(window)
        to_typing(browser)
        assert "choose the response file" in press(browser, "back", "typed")
        assert "Choose the response file" in press(browser, "next", "response", response="")


def test_at_the_prompt_each_line_is_checked_as_it_is_left(
    desk: Desk, typed: Typist, packed: bytes
) -> None:
    lines = list(fields(to_lines(packed)).values())
    printed = typed("1", "t", *lines[:3], lines[3][::-1], "", *lines[3:], "", "q")
    assert printed.exit == 0
    assert "There is a typo in line 4." in printed.err
    assert "License 015.120.020.093 is active" in printed.out
    assert desk.room.load().check().ok


def test_at_the_prompt_a_scanner_may_type_too(desk: Desk, typed: Typist) -> None:
    printed = typed("1", "t", *scanned(desk), "", "q")
    assert "6 of 7 codes received. Next code" in printed.out
    assert "License 015.120.020.093 is active" in printed.out


def scanned(desk: Desk) -> list[str]:
    """The codes of the response that is waited for, signed with both algorithms."""
    desk.room.signers = (VENDOR, VENDOR_PQ)
    desk.room.keys = key_set(VENDOR, VENDOR_PQ)
    desk.keys.write_bytes(desk.room.keys.to_json())
    request = desk.room.request()
    return to_codes(text_form(request, desk.room.answer(request)))
