"""A walk through every screen of the window, using only its buttons."""

from collections.abc import Callable

from playwright.sync_api import Page

from tests.support.desk import Desk
from tests.support.samples import CODE, NOW, NUMBER

Look = Callable[[str], None]


def press(page: Page, name: str) -> None:
    """Press a button and wait for the screen that follows."""
    with page.expect_navigation(wait_until="load"):
        page.get_by_role("button", name=name, exact=True).click()


def walk(page: Page, desk: Desk, look: Look) -> None:
    """Go where a customer may go, and call `look` with the name of each screen."""
    look("no license")
    _install(page, desk, look)
    _activate(page, desk, look)
    _properties_update_and_move(page, desk, look)
    _deactivate(page, desk, look)


def _install(page: Page, desk: Desk, look: Look) -> None:
    press(page, "Install License…")
    look("what")
    press(page, "Next")
    look("number")
    page.fill("#number", "01512002009")
    press(page, "Next")
    look("a mistyped number")
    page.fill("#number", NUMBER)
    press(page, "Next")
    look("protection")
    page.get_by_label("A USB dongle").check()
    press(page, "Next")
    look("no dongle")
    press(page, "Back")
    page.get_by_label("This computer (nodelock)").check()
    press(page, "Next")
    look("code")
    page.fill("#code", CODE[:-1])
    press(page, "Next")
    look("a mistyped code")
    page.fill("#code", CODE)
    press(page, "Next")
    look("who")
    press(page, "Next")
    page.click("summary")
    look("how to send, with what the file holds")
    press(page, "Browse…")
    look("folders")
    press(page, "One folder up")
    press(page, "Back")
    page.fill("#folder", "/media/gone")
    press(page, "Next")
    look("a folder that is gone")
    page.fill("#folder", str(desk.desktop))
    press(page, "Next")
    look("saved")
    press(page, "Save it again elsewhere")
    look("save it again")
    page.get_by_label("Show a QR code").check()
    press(page, "Next")
    look("a QR code")
    press(page, "Can't scan? Save the file instead.")
    page.get_by_label("This computer has internet").check()
    press(page, "Next")
    look("open the page here")
    press(page, "Finish")


def _activate(page: Page, desk: Desk, look: Look) -> None:
    look("a license that waits")
    press(page, "Show request file")
    look("the request file")
    press(page, "Finish")
    press(page, "Cancel request…")
    look("cancel")
    press(page, "Keep waiting")
    look("nothing was changed")
    press(page, "Install License…")
    press(page, "Next")
    page.fill("#number", NUMBER)
    press(page, "Next")
    look("a number that waits")
    press(page, "Activate…")
    look("no response found")
    press(page, "Next")
    look("no response chosen")
    page.set_input_files("#upload", {"name": "x", "mimeType": "text/plain", "buffer": b"{}"})
    press(page, "Next")
    look("a file that is no response")
    desk.answer()
    press(page, "Look again")
    look("the response found")
    press(page, "Next")
    look("active")
    press(page, "Finish")


def _properties_update_and_move(page: Page, desk: Desk, look: Look) -> None:
    look("an active license")
    press(page, "Properties")
    page.click("summary")
    look("properties")
    press(page, "Back")
    press(page, "Update…")
    look("update")
    press(page, "Next")
    look("how to send an update")
    press(page, "Next")
    press(page, "Finish")
    look("an update that waits")
    desk.answer(valid_until=NOW + 86_400 * 700)
    press(page, "Install its update…")
    press(page, "Next")
    look("updated")
    press(page, "Finish")
    press(page, "Install License…")
    page.get_by_label("My old computer is lost or broken").check()
    press(page, "Next")
    look("lost")
    page.fill("#seat", "zwei")
    press(page, "Next")
    look("no seat number")
    page.fill("#seat", "")
    press(page, "Next")
    page.fill("#number", NUMBER)
    press(page, "Next")
    look("a number that is active")
    press(page, "Cancel")
    press(page, "Move to a new computer…")
    look("move")


def _deactivate(page: Page, desk: Desk, look: Look) -> None:
    press(page, "Deactivate…")
    look("deactivate")
    press(page, "Deactivate and save file")
    look("the deactivation's file")
    press(page, "Finish")
    look("a license that was given back")
    desk.answer()
    press(page, "Install its receipt…")
    look("the receipt found")
    press(page, "Next")
    look("the receipt installed")
    press(page, "Finish")
    press(page, "Remove")
    look("remove")
    press(page, "Remove")
    press(page, "Close")
    look("closed")
