"""Ways into each state of the page, for tests that look at all of them."""

from collections.abc import Callable

from playwright.sync_api import FilePayload, Page

from tests.page.fake_service import PROCESSING, STEM, TICKET, FakeService, a_request, ready, refused

REQUEST: FilePayload = {"name": f"{STEM}.request", "mimeType": "", "buffer": a_request()}
SEATS = [
    {
        "seat": number,
        "machine_name": name,
        "since": "2026-11-24T09:47:00Z",
        "last_answered": "2026-11-24T09:47:00Z",
    }
    for number, name in ((1, "LAB-07"), (2, "W" * 64))
]


def choose(page: Page, data: bytes | None = None, name: str = "x.txt") -> None:
    file: FilePayload = {"name": name, "mimeType": "", "buffer": data or b""}
    page.set_input_files("#file", REQUEST if data is None else file)


def process(page: Page, site: str, email: str = "") -> None:
    page.goto(site)
    choose(page)
    page.fill("#email", email)
    page.click("text=Process request file")


def _empty(page: Page, site: str) -> None:
    page.goto(site)


def _chosen(page: Page, site: str) -> None:
    page.goto(site)
    choose(page)
    page.wait_for_selector("#chosen h2")


def _problems(page: Page, site: str) -> None:
    page.goto(site)
    page.fill("#email", "nobody")
    page.click("text=Process request file")
    page.wait_for_selector("#problems a")


def _waiting(page: Page, site: str) -> None:
    FakeService(page, PROCESSING)
    process(page, site)
    page.wait_for_selector(".bar")


def _ready(page: Page, site: str) -> None:
    FakeService(page, ready(email="sent", link_expires_at="2026-12-01T09:00:00Z"))
    process(page, site, "kim@example.com")
    page.wait_for_selector("#again")
    page.click("#send-another")


def _refused(page: Page, site: str) -> None:
    FakeService(page, refused("no-seats-left", "All seats are in use", "Ask.", seats=SEATS))
    process(page, site)
    page.wait_for_selector("#refusal-title")


def _gone(page: Page, site: str) -> None:
    FakeService(page, (404, {"code": "not-found"}))
    page.goto(f"{site}#t={TICKET}")
    page.wait_for_selector("#restart")


def _down(page: Page, site: str) -> None:
    FakeService(page, 503)
    page.goto(f"{site}#t={TICKET}")
    page.wait_for_selector("#retry")


def _how(page: Page, site: str) -> None:
    page.goto(site)
    page.click("summary")


STATES: dict[str, Callable[[Page, str], None]] = {
    "empty": _empty,
    "file chosen": _chosen,
    "problems": _problems,
    "waiting": _waiting,
    "ready": _ready,
    "refused": _refused,
    "gone": _gone,
    "down": _down,
    "how this works": _how,
}
