"""The computer's name in the wizard: the one that was chosen is offered, and another is kept."""

import json
from html import unescape

from keyferry_protocol.request import Request, parse_request
from tests.client.wizard.test_prompt import SAVED
from tests.client.wizard.test_window import Browser, _up_to_sending
from tests.client.wizard.typist import Typist
from tests.support.desk import Desk, open_window
from tests.support.samples import NUMBER

UPDATE = (f"begin:update:{NUMBER}", "list")


def saved(desk: Desk) -> Request:
    return parse_request(desk.saved())


def activate(desk: Desk, name: str) -> None:
    """Activate the license in the window with this name in its field."""
    with open_window(desk) as window:
        browser = Browser(window)
        _up_to_sending(browser)
        browser.press("next", "send", how="save", folder=str(desk.desktop), name=name)
        assert saved(desk).machine.name == name
    desk.room.install(desk.room.answer(desk.saved()))


def test_an_update_offers_the_name_that_was_chosen_and_shows_it_before(desk: Desk) -> None:
    activate(desk, "Pump 3")
    with open_window(desk) as window:
        browser = Browser(window)
        browser.start()
        browser.press(*UPDATE)
        browser.press("next", "update")
        page = unescape(browser.page())
        assert 'name="name" value="Pump 3"' in page
        assert 'computer "Pump 3"' in page  # of what the file will hold
        browser.press("next", "send", how="save", folder=str(desk.desktop), name="Pump 3")
    assert saved(desk).machine.name == "Pump 3"


def test_a_name_that_was_left_blank_stays_blank(desk: Desk) -> None:
    activate(desk, "")
    with open_window(desk) as window:
        browser = Browser(window)
        browser.start()
        browser.press(*UPDATE)
        browser.press("next", "update")
        assert 'name="name" value=""' in browser.page()
        browser.press("back", "send")
        browser.press("cancel", "update")
        browser.press(f"begin:deactivate:{NUMBER}", "list")
        browser.press("next", "deactivate", folder=str(desk.desktop))
    request = saved(desk)
    assert (request.kind, request.machine.name) == ("deactivate", "")


def test_the_own_name_is_chosen_again_by_typing_it(desk: Desk, typed: Typist) -> None:
    activate(desk, "Pump 3")
    update = ("1", "", "", "")
    assert "Computer name [Pump 3]" in typed(*update, "LAB-07", "q").out
    assert saved(desk).machine.name == "LAB-07"
    state = json.loads((desk.room.state / "site" / NUMBER / "state.json").read_text())
    assert state["machine_name"] == "LAB-07"


def test_a_name_that_nobody_changed_is_not_kept(desk: Desk, typed: Typist) -> None:
    """So that a computer that is renamed later says its new name."""
    typed(*SAVED, "q")
    assert saved(desk).machine.name == "LAB-07"
    state = desk.room.state / "site" / NUMBER / "state.json"
    assert not state.exists() or "machine_name" not in json.loads(state.read_text())
