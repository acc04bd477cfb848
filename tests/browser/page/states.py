"""How to reach each state of the page."""

from collections.abc import Callable

from playwright.sync_api import FilePayload, Page, Route

from tests.browser.page.fake_room import FakeRoom, of_computer
from tests.browser.page.fake_service import (
    PROCESSING,
    STEM,
    TICKET,
    FakeService,
    a_request,
    a_zip_of_responses,
    nothing_to_install,
    ready,
    refused,
)

REQUEST = a_request()
NOT_LOADED = (
    "Part of this page could not be loaded. Check the internet connection, reload the page, and "
    "try again."
)
SEATS = [
    {
        "seat": number,
        "machine_name": name,
        "since": "2026-11-24T09:47:00Z",
        "last_answered": "2026-11-24T09:47:00Z",
    }
    for number, name in ((1, "LAB-07"), (2, "W" * 64))
]


def sign_in_page(route: Route) -> None:
    """What a network that wants a sign-in answers to everything."""
    route.fulfill(
        status=200,
        headers={"Access-Control-Allow-Origin": "*", "Content-Type": "text/html"},
        body="<title>Guest Wi-Fi</title>",
    )


def choose(page: Page, data: bytes | None = None, name: str = f"{STEM}.request") -> None:
    """Choose these bytes, or a good request file."""
    content = REQUEST if data is None else data
    page.set_input_files("#file", {"name": name, "mimeType": "", "buffer": content})


def process(page: Page, site: str, email: str = "") -> None:
    page.goto(site)
    choose(page)
    page.fill("#email", email)
    page.click("form button.primary")


def _empty(page: Page, site: str) -> None:
    page.goto(site)


def _how(page: Page, site: str) -> None:
    page.goto(site)
    page.click("summary")


def _chosen(page: Page, site: str) -> None:
    page.goto(site)
    choose(page)
    page.wait_for_selector("#chosen h2")


def _old_lost(page: Page, site: str) -> None:
    page.goto(site)
    choose(page, a_request("2026-01-01T00:00:00Z", replaces_seat=2))
    page.wait_for_selector("#chosen h2")


def _response_files(page: Page, site: str) -> None:
    page.goto(site)
    choose(page, a_zip_of_responses(), "Acme-responses.zip")
    page.wait_for_selector("#chosen dl")


def _problems(page: Page, site: str) -> None:
    page.goto(site)
    page.fill("#email", "nobody")
    page.click("form button.primary")
    page.wait_for_selector("#problems a")


def _waiting(page: Page, site: str) -> None:
    FakeService(page, PROCESSING)
    process(page, site)
    page.wait_for_selector(".bar")


def _delayed(page: Page, site: str) -> None:
    FakeService(page, PROCESSING | {"delayed": True})
    process(page, site)
    page.wait_for_selector("#status:not(:empty)")


def _offline(page: Page, site: str) -> None:
    service = FakeService(page, PROCESSING)
    page.goto(site)
    choose(page)
    service.open_answer = "lost"
    page.context.set_offline(True)
    page.click("form button.primary")
    page.wait_for_selector("#status.offline")


def _ready(page: Page, site: str) -> None:
    FakeService(page, ready(email="sent", link_expires_at="2026-12-01T09:00:00Z"))
    process(page, site, "kim@example.com")
    page.wait_for_selector("#again")


def _another(page: Page, site: str) -> None:
    _ready(page, site)
    page.click("#send-another")
    page.click("#another button")
    page.wait_for_selector("#another-fault")


def _free_again(page: Page, site: str) -> None:
    FakeService(page, ready(kind="deactivate", machine_name="", email="withheld"))
    process(page, site)
    page.wait_for_selector("#again")


def _nothing_to_install(page: Page, site: str) -> None:
    FakeService(page, nothing_to_install(email="sent"))
    process(page, site, "kim@example.com")
    page.wait_for_selector("#mail:not([hidden])")


def _updated(page: Page, site: str) -> None:
    bounced = {"email": "bounced", "previous_valid_until": "2026-11-30T23:59:59Z"}
    FakeService(page, ready(kind="update", **bounced))
    process(page, site)
    page.wait_for_selector("#again")


def _refused(page: Page, site: str) -> None:
    FakeService(page, refused("no-seats-left", "All seats are in use", "Ask.", seats=SEATS))
    process(page, site)
    page.wait_for_selector("#seats")


def _offering(page: Page, site: str) -> None:
    facts = {"n": 2, "moves_left": 3, "choose_seat": True, "seats": SEATS}
    FakeService(page, refused("no-seats-left", "All seats are in use", "Choose one.", **facts))
    process(page, site)
    page.wait_for_selector("#seats button")


def _choosing(page: Page, site: str) -> None:
    _offering(page, site)
    page.click("#seats tbody tr:nth-child(2) button")


def _unauthentic(page: Page, site: str) -> None:
    FakeService(page, refused("not-authentic", "Not together", "Compare.", email="withheld"))
    process(page, site)
    page.wait_for_selector("#refusal-title:focus")


def _gone(page: Page, site: str) -> None:
    FakeService(page, (404, {"code": "not-found"}))
    page.goto(f"{site}#t={TICKET}")
    page.wait_for_selector("#restart")


def _down(page: Page, site: str) -> None:
    FakeService(page, 503)
    page.goto(f"{site}#t={TICKET}")
    page.wait_for_selector("#retry")


def _blocked(page: Page, site: str) -> None:
    FakeService(page, PROCESSING).between = sign_in_page
    process(page, site)
    page.wait_for_selector("#retry")


def _unreachable(page: Page, site: str) -> None:
    FakeService(page, PROCESSING).between = lambda route: route.abort("failed")
    process(page, site)
    page.wait_for_selector("#retry")


def _not_downloaded(page: Page, site: str) -> None:
    FakeService(page, ready())
    for source in ("https://uploads.test/*.response", "**/api/requests/*/file"):
        page.route(source, sign_in_page)
    process(page, site)
    page.wait_for_selector(".panel.bad #again")


def _room(page: Page, site: str) -> FakeRoom:
    service = FakeRoom(page)
    page.goto(site)
    files = [of_computer("W" * 64), of_computer("OLD-1", kind="deactivate")]
    bad: FilePayload = {"name": f"{'W' * 64}.request", "mimeType": "", "buffer": b'{"payload'}
    page.set_input_files("#file", [*files, of_computer("LAB-7", replaces_seat=2), bad])
    page.wait_for_selector("caption")
    return service


def _room_sending(page: Page, site: str) -> None:
    _room(page, site).answers["LAB-7"] = PROCESSING | {"delayed": True}
    page.click("button.primary")
    page.wait_for_selector("#save-now")


def _room_done(page: Page, site: str) -> None:
    choice = {"choose_seat": True, "seats": SEATS}
    refusal = refused("no-seats-left", "All seats are in use", "Ask.", **choice)
    _room(page, site).answers["LAB-7"] = refusal
    page.click("button.primary")
    page.wait_for_selector("#again")


STATES: dict[str, Callable[[Page, str], object]] = {
    "empty": _empty,
    "how this works": _how,
    "file chosen": _chosen,
    "old file for a lost computer": _old_lost,
    "response files": _response_files,
    "problems": _problems,
    "waiting": _waiting,
    "delayed": _delayed,
    "offline": _offline,
    "ready": _ready,
    "another address": _another,
    "license free again": _free_again,
    "nothing to install": _nothing_to_install,
    "updated": _updated,
    "refused": _refused,
    "refused, and seats are offered": _offering,
    "refused, and a seat is chosen": _choosing,
    "refused before the proof": _unauthentic,
    "several files": _room,
    "several files on their way": _room_sending,
    "several files done": _room_done,
    "gone": _gone,
    "down": _down,
    "something else answers": _blocked,
    "unreachable": _unreachable,
    "not downloaded": _not_downloaded,
}
