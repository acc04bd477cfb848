"""The doctor's warnings before a request is written: shown, and accepted only by a person."""

from collections.abc import Callable
from dataclasses import replace
from html import unescape
from re import findall

import pytest

from keyferry import parse_request
from tests.client.wizard.test_prompt import TO_SENDING
from tests.client.wizard.test_window import Browser, _up_to_sending
from tests.client.wizard.typist import Typist
from tests.support.desk import Desk, open_window
from tests.support.samples import NUMBER

HOUR = 3600
TO_AN_UPDATE = ("1", "")  # the first choice of an active license; Next
DEFAULTS = ("", "", "")  # a file, to the Desktop, by the computer's name
Prepare = Callable[[Desk], None]


def in_a_virtual_machine(desk: Desk) -> None:
    desk.room.machine = replace(desk.room.machine, environment="virtual")


def with_the_clock_behind(desk: Desk) -> None:
    desk.room.activate()
    desk.room.now -= 2 * HOUR


def with_both(desk: Desk) -> None:
    with_the_clock_behind(desk)
    desk.room.machine = replace(desk.room.machine, components={"mac": ["d0bf9c112233"]})


GUEST = "The license must allow virtual machines: ask the vendor before you make a request."
CLOCK = "behind 24 November 2026, 09:47 +00:00, when a license was issued; up to 24 hours"
WARNINGS = [
    pytest.param(in_a_virtual_machine, TO_SENDING, GUEST, id="a virtual machine"),
    pytest.param(with_the_clock_behind, TO_AN_UPDATE, CLOCK, id="a clock that is behind"),
]


def unwrapped(text: str) -> str:
    """What was printed, without its line ends."""
    return " ".join(text.split())


@pytest.mark.parametrize(("prepare", "way", "warning"), WARNINGS)
def test_at_the_prompt_only_y_accepts_a_warning(
    desk: Desk, typed: Typist, prepare: Prepare, way: tuple[str, ...], warning: str
) -> None:
    prepare(desk)
    before = desk.room.files()
    for answer in ("", "n", "yeah"):
        refused = typed(*way, *DEFAULTS, answer, "q", "q")
        assert warning in unwrapped(refused.out + refused.err)
        assert "Read the warnings, then choose Continue anyway" in unwrapped(refused.out)
        assert desk.room.files() == before
    gone_on = typed(*way, *DEFAULTS, "n", *DEFAULTS, "y", "", "q")
    assert "Your request file is saved" in gone_on.out
    assert parse_request(desk.saved()).license_number == NUMBER


@pytest.mark.parametrize(("prepare", "way", "warning"), WARNINGS)
def test_in_the_window_only_its_own_box_accepts_a_warning(
    desk: Desk, prepare: Prepare, way: tuple[str, ...], warning: str
) -> None:
    prepare(desk)
    before = desk.room.files()
    with open_window(desk) as window:
        browser = Browser(window)
        if way == TO_SENDING:
            _up_to_sending(browser)
        else:
            browser.start()
            browser.press(f"begin:update:{NUMBER}", "list")
            browser.press("next", "update")
        page = unescape(browser.page())
        assert warning in page
        assert page.count("<span>Continue anyway</span>") == 1
        (mark,) = findall('name="consent" value="([^"]+)"', page)
        sent = {"how": "save", "folder": str(desk.desktop), "name": "LAB-07"}
        for consent in ("", "yes", f"{mark}0"):
            browser.press("next", "send", consent=consent, **sent)
            assert "Read the warnings, then choose Continue anyway" in browser.page()
            assert desk.room.files() == before
        browser.press("next", "send", consent=mark, **sent)
        assert "Your request file is saved" in browser.title()
    assert parse_request(desk.saved()).license_number == NUMBER


def test_every_warning_needs_its_own_consent(desk: Desk) -> None:
    with_both(desk)
    with open_window(desk) as window:
        browser = Browser(window)
        browser.start()
        browser.press(f"begin:update:{NUMBER}", "list")
        browser.press("next", "update")
        marks = findall('name="consent" value="([^"]+)"', browser.page())
        assert len(marks) > 1
        sent = {"how": "save", "folder": str(desk.desktop), "name": "LAB-07"}
        browser.press("next", "send", consent=" ".join(marks[1:]), **sent)
        assert "Read the warnings, then choose Continue anyway" in browser.page()
        ticked = findall('name="consent" value="([^"]+)" checked', browser.page())
        assert ticked == marks[1:], "what was ticked stays ticked"
