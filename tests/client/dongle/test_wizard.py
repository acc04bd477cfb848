"""A dongle's license in the wizard: at the prompt, and in the window by bare HTTP."""

import pytest

from keyferry import parse_request
from keyferry.dongle.find import find_dongles
from keyferry_protocol.request import Dongle
from tests.client.dongle.conftest import PIN, Dongles
from tests.client.wizard.test_window import Browser
from tests.client.wizard.typist import Typist
from tests.support.desk import Desk, desk, open_window
from tests.support.samples import CODE, NUMBER

__all__ = ["desk"]
SHOWN = "015.120.020.093"
WRONG_PIN = "000000"
TO_THE_DONGLE = ("1", "", NUMBER, "2")  # install, a new license, its number, by a USB dongle
SENT = ("", "", "", "")  # a file, to the Desktop, by the computer's name; Finish


@pytest.fixture(autouse=True)
def module(dongles: Dongles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYFERRY_PKCS11_MODULE", dongles.module)
    monkeypatch.delenv("KEYFERRY_DONGLE_PIN", raising=False)


@pytest.fixture
def typed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Typist:
    return Typist(desk, monkeypatch)


def test_at_the_prompt_the_right_pin_leads_to_an_active_license(
    desk: Desk, typed: Typist, dongles: Dongles
) -> None:
    token = dongles.new()
    printed = typed(*TO_THE_DONGLE, "1", PIN, CODE, *SENT, desk.answer, "1", PIN, "", "q")
    assert "✓ Step 2 of 2: License 015.120.020.093 is active" in printed.out
    named = Dongle("ECDSA-P256-SHA256", token.keys[0], token.model, token.serial)
    assert parse_request(desk.saved()).dongle == named
    assert PIN not in printed.out


def test_a_wrong_pin_is_reported_and_asked_for_again_on_the_same_screen(
    desk: Desk, typed: Typist, dongles: Dongles
) -> None:
    dongles.new()
    printed = typed(*TO_THE_DONGLE, "1", WRONG_PIN, "1", PIN, CODE, *SENT, "q")
    assert printed.out.count("Step 4 of 7: USB dongle") == 2
    assert "The dongle did not accept this PIN" in printed.err
    assert "Step 5 of 7: Activation code" in printed.out
    assert desk.saved()


def test_a_dongle_that_is_plugged_in_again_is_found(
    desk: Desk, typed: Typist, dongles: Dongles
) -> None:
    token = dongles.new()
    dongles.pull(token)
    dongles.restart()

    def plug() -> None:
        dongles.plug(token)
        dongles.restart()

    printed = typed(*TO_THE_DONGLE, plug, "1", PIN, CODE, *SENT, "q")
    assert "No dongle found. Plug it in and choose Look again." in printed.out
    assert parse_request(desk.saved()).dongle is not None


def test_a_dongle_pulled_after_its_pin_was_typed_must_be_plugged_in_again(
    desk: Desk, typed: Typist, dongles: Dongles
) -> None:
    token = dongles.new()

    def pull() -> None:
        dongles.pull(token)
        dongles.restart()

    def plug() -> None:
        dongles.plug(token)
        dongles.restart()

    printed = typed(*TO_THE_DONGLE, "1", PIN, CODE, "", "", pull, plug, "1", PIN, "", *SENT, "q")
    assert "Plug in the dongle" in printed.err
    assert f"Activation code [{CODE}]" in printed.out, "all else is still answered"
    assert parse_request(desk.saved()).dongle is not None


def test_when_the_chosen_dongle_is_pulled_no_other_dongle_gets_its_pin(
    desk: Desk, typed: Typist, dongles: Dongles
) -> None:
    tokens = {token.serial: token for token in (dongles.new(), dongles.new())}
    chosen = find_dongles(dongles.module)[0]

    def pull() -> None:
        dongles.pull(tokens[chosen.serial])
        dongles.restart()

    printed = typed(*TO_THE_DONGLE, "1", PIN, CODE, "", "", pull, "q", "q")
    assert "Plug in the dongle" in printed.err
    assert list(desk.desktop.iterdir()) == []


def test_the_list_says_which_dongle_a_license_needs(
    desk: Desk, typed: Typist, dongles: Dongles
) -> None:
    token = dongles.new()
    typed(*TO_THE_DONGLE, "1", PIN, CODE, *SENT, desk.answer, "1", PIN, "", "q")
    dongles.restart()
    assert f"{SHOWN}  The dongle needs its PIN" in typed("q").out
    dongles.pull(token)
    dongles.restart()
    assert f"{SHOWN}  Plug in the dongle" in typed("q").out


def test_an_update_asks_for_the_pin_until_it_is_right(
    desk: Desk, typed: Typist, dongles: Dongles
) -> None:
    dongles.new()
    typed(*TO_THE_DONGLE, "1", PIN, CODE, *SENT, desk.answer, "1", PIN, "", "q")
    for file in desk.desktop.iterdir():
        file.unlink()
    dongles.restart()
    printed = typed("1", "", "", "", "", WRONG_PIN, "", "", "", PIN, "", "q")
    assert printed.err.count("The dongle did not accept this PIN") == 1
    assert parse_request(desk.saved()).kind == "update"


def test_in_the_window_a_wrong_pin_is_never_tried_twice_nor_shown(
    desk: Desk, dongles: Dongles
) -> None:
    token = dongles.new()
    with open_window(desk) as window:
        browser = Browser(window)
        browser.start()
        browser.press("begin:install", "list")
        browser.press("next", "what", what="install")
        browser.press("next", "number", number=NUMBER)
        browser.press("next", "protection", protection="dongle")
        assert token.serial in browser.page()
        browser.press("next", "dongle", token=token.serial, pin=WRONG_PIN)
        assert browser.title().startswith("Error: Step 4 of 7: USB dongle")
        assert WRONG_PIN not in browser.page()
        browser.press("next", "dongle", token=token.serial, pin=PIN)
        assert browser.title().startswith("Step 5 of 7: Activation code")
        browser.press("next", "code", code=CODE)
        browser.press("next", "send", how="save", folder=str(desk.desktop), name="LAB-07")
        assert browser.title().startswith("Step 7 of 7: Your request file is saved")
        browser.press("finish", "saved")
        file = desk.answer()
        browser.press(f"begin:activate:{NUMBER}", "list")
        browser.press("next", "response", response=str(file), pin=PIN)
        assert browser.title().startswith(f"Step 2 of 2: License {SHOWN} is active")


def test_in_the_window_a_missing_dongle_can_be_looked_for_again(
    desk: Desk, dongles: Dongles
) -> None:
    token = dongles.new()
    dongles.pull(token)
    dongles.restart()
    with open_window(desk) as window:
        browser = Browser(window)
        browser.start()
        browser.press("begin:install", "list")
        browser.press("next", "what", what="install")
        browser.press("next", "number", number=NUMBER)
        browser.press("next", "protection", protection="dongle")
        browser.press("next", "dongle")
        assert "No dongle found. Plug it in and choose Look again." in browser.page()
        dongles.plug(token)
        dongles.restart()
        browser.press("look", "dongle")
        assert token.serial in browser.page()
        assert "No dongle found" not in browser.page()
