"""No seat is left, and the person says on the page which computer is lost or broken."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page.fake_service import (
    PROCESSING,
    TICKET,
    FakeService,
    a_request,
    ready,
    refused,
)
from tests.browser.page.states import SEATS, choose, process

LOST = "This computer is lost or broken"


def offering(code: str = "no-seats-left", **facts: Any) -> dict[str, Any]:
    """A refusal that lets a seat be chosen."""
    facts = {"moves_left": 3, "seats": SEATS, "choose_seat": True} | facts
    return refused(code, "All seats are in use", "Choose one.", **facts)


def open_ticket(page: Page, site: str, *polls: Any) -> FakeService:
    """The page as a reload shows it, or the refusal's email."""
    service = FakeService(page, *polls)
    page.goto(f"{site}#t={TICKET}")
    return service


def press_lost(page: Page, row: int) -> None:
    page.get_by_role("row").nth(row).get_by_role("button", name=LOST).click()


def test_a_lost_computer_is_replaced_by_two_presses(page: Page, site: str) -> None:
    service = FakeService(page, offering(), PROCESSING, ready(seat=2))
    process(page, site)
    expect(page.get_by_role("button", name=LOST)).to_have_count(2)
    press_lost(page, 2)
    assert service.calls_by("POST")[1:] == []  # nothing was sent: it can be seen before it is made
    panel = page.get_by_role("region")
    expect(panel).to_contain_text("(seat 2)?")
    expect(panel).to_contain_text("The old computer will get no more updates.")
    expect(panel).to_contain_text("This uses 1 of the 3 moves that this license has left.")
    page.get_by_role("button", name="Replace ").click()
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    assert service.calls_by("POST")[1:] == [("POST", f"requests/{TICKET}/seat", {"seat": 2})]
    expect(page.locator("#facts")).to_contain_text("Seat2")


def test_who_goes_back_finds_the_table_and_the_place_in_it(page: Page, site: str) -> None:
    open_ticket(page, site, offering())
    press_lost(page, 1)
    expect(page.locator("h2").first).to_be_focused()
    expect(page.locator("#refusal-detail")).to_be_hidden()  # it says to choose below
    expect(page.locator("#seats")).to_be_hidden()
    page.get_by_role("button", name="Go back").click()
    expect(page.locator("#seats")).to_be_visible()
    expect(page.locator("#refusal-detail")).to_be_visible()
    expect(page.get_by_role("button", name=LOST).first).to_be_focused()
    expect(page.get_by_role("region")).to_have_count(0)


def test_the_keyboard_alone_does(page: Page, site: str) -> None:
    service = open_ticket(page, site, offering(), PROCESSING, ready())
    expect(page.get_by_role("button", name=LOST)).to_have_count(2)
    expect(page.locator("#refusal-title")).to_be_focused()
    for key in ("Tab", "Enter", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    assert service.calls_by("POST") == [("POST", f"requests/{TICKET}/seat", {"seat": 1})]


def test_a_screen_reader_says_of_each_button_which_computer_it_means(page: Page, site: str) -> None:
    open_ticket(page, site, offering())
    buttons = page.get_by_role("button", name=LOST)
    expect(buttons.first).to_have_accessible_description("LAB-07")
    press_lost(page, 1)
    panel = page.get_by_role("region")
    expect(panel).to_have_accessible_name("Replace LAB-07 (seat 1)?")
    expect(panel).to_contain_text("The computer that made your request file will take seat 1,")
    expect(panel.get_by_role("button").first).to_have_accessible_name("Replace LAB-07")


def test_a_computer_that_was_only_renewed_is_not_taken_for_a_lost_one_unseen(
    page: Page, site: str
) -> None:
    renewed = SEATS[0] | {"renewed_at": "2026-11-30T09:47:00Z"}
    open_ticket(page, site, offering(seats=[renewed, SEATS[1] | {"renewed_at": None}]))
    rows = page.get_by_role("row")
    expect(rows.nth(1)).to_contain_text("Renewed on 30 Nov 2026 without a request")
    expect(rows.nth(2)).not_to_contain_text("Renewed on")
    press_lost(page, 1)
    panel = page.get_by_role("region")
    expect(panel).to_contain_text("It may still be in use: its license was renewed on 30 Nov 2026")
    page.get_by_role("button", name="Go back").click()
    press_lost(page, 2)
    expect(panel).not_to_contain_text("may still be in use")


def test_a_computer_without_a_name_is_named_by_its_seat(page: Page, site: str) -> None:
    open_ticket(page, site, offering(seats=[SEATS[1] | {"machine_name": ""}]))
    press_lost(page, 1)
    panel = page.get_by_role("region")
    expect(panel).to_have_accessible_name("Replace seat 2?")
    expect(panel.get_by_role("button").first).to_have_accessible_name("Replace seat 2")


@pytest.mark.parametrize(
    ("left", "sentence"),
    [(1, "This uses the last move this license has now."), (None, "This uses one of this")],
)
def test_what_it_costs_is_said_as_far_as_it_is_known(
    page: Page, site: str, left: int | None, sentence: str
) -> None:
    """After a choice that came to nothing, as many moves as the vendor has allowed since."""
    refusal = offering("move-limit", moves_left=left)
    if left is None:
        del refusal["refusal"]["moves_left"]
    open_ticket(page, site, refusal)
    press_lost(page, 1)
    expect(page.get_by_role("region")).to_contain_text(sentence)


def test_a_choice_that_comes_to_nothing_shows_what_may_be_chosen_now(page: Page, site: str) -> None:
    service = open_ticket(page, site, offering(), offering("no-such-seat", seats=SEATS[1:]))
    press_lost(page, 1)
    page.get_by_role("button", name="Replace ").click()
    expect(page.get_by_role("button", name=LOST)).to_have_count(1)
    press_lost(page, 1)
    expect(page.get_by_role("region")).to_contain_text("(seat 2)?")
    assert len(service.calls_by("POST")) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(409, "no-choice"), (409, "too-many-choices"), (422, "not-offered")]
)
def test_what_was_decided_meanwhile_is_shown(page: Page, site: str, status: int, code: str) -> None:
    """In another window, or by the link of the email."""
    open_ticket(page, site, offering(), ready())
    page.route(
        "**/seat",
        lambda route: route.fulfill(
            status=status, json={"code": code}, content_type="application/problem+json"
        ),
    )
    press_lost(page, 1)
    page.get_by_role("button", name="Replace ").click()
    expect(page.locator("h1")).to_have_text("Your response file is ready")


def test_a_call_that_failed_is_made_again_by_try_again(page: Page, site: str) -> None:
    service = open_ticket(page, site, offering(), ready(seat=2))
    service.between = None
    page.route("**/seat", lambda route: route.fulfill(status=503))
    press_lost(page, 2)
    page.get_by_role("button", name="Replace ").click()
    expect(page.locator("h1")).to_have_text("The service is not working right now", timeout=9000)
    page.unroute("**/seat")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    assert service.calls_by("POST") == [("POST", f"requests/{TICKET}/seat", {"seat": 2})]


def test_a_reload_while_it_is_decided_waits_on(page: Page, site: str) -> None:
    """The page before it may have been closed before the service had queued the choice."""
    service = open_ticket(page, site, offering(), PROCESSING | {"chosen_seat": 1})
    press_lost(page, 1)
    page.get_by_role("button", name="Replace ").click()
    expect(page.locator(".bar")).to_be_visible()
    page.reload()
    expect(page.locator(".bar")).to_be_visible()
    page.wait_for_timeout(1500)  # more polls
    service.polls = [ready()]
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    assert service.calls_by("POST") == [("POST", f"requests/{TICKET}/seat", {"seat": 1})] * 2


def test_where_not_all_seats_are_listed_it_says_so(page: Page, site: str) -> None:
    seats = [SEATS[0] | {"seat": number} for number in range(1, 51)]
    open_ticket(page, site, offering(seats=seats))
    caption = page.locator("#seats caption")
    expect(caption).to_contain_text("50 of the seats in use. For a computer that is not listed,")


def test_where_nothing_may_be_chosen_the_seats_are_only_listed(page: Page, site: str) -> None:
    open_ticket(page, site, refused("no-seats-left", "All in use", "Ask.", seats=SEATS))
    expect(page.locator("#seats tbody tr")).to_have_count(2)
    expect(page.locator("#seats button")).to_have_count(0)
    expect(page.locator("#seats th")).to_have_count(4)


def test_where_the_table_does_not_load_trying_again_brings_it(page: Page, site: str) -> None:
    page.route("**/*.choice.json", lambda route: route.abort())
    open_ticket(page, site, offering())
    expect(page.locator("h1")).to_have_text("The service is not working right now")
    page.unroute("**/*.choice.json")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name=LOST)).to_have_count(2)


def test_the_same_file_may_still_be_tried_again(page: Page, site: str) -> None:
    FakeService(page, offering())
    page.goto(site)
    choose(page, a_request(choose_seat=True))
    page.click("form button.primary")
    expect(page.get_by_role("button", name=LOST)).to_have_count(2)
    retry = page.get_by_role("button", name="Try the same file again")
    expect(retry).not_to_have_class("primary")
