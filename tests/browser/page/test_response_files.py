"""A response file brought to the page: the right file at the wrong door, and no error."""

import gzip

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page.fake_service import a_response, a_zip_of_responses
from tests.browser.page.states import choose

STEP = "You already have what you need, so nothing was sent. Take the file"


def test_a_response_file_is_named_with_its_place_and_the_next_step(page: Page, site: str) -> None:
    page.goto(site)
    choose(page, a_response(), "015120020093-7f3a-18.response")
    panel = page.locator("#chosen")
    expect(panel).to_have_accessible_name("This is a response file")
    expect(panel.locator("dl")).to_have_text("ProductExample ModelerLicense015.120.020.093, seat 3")
    expect(panel).to_contain_text(f"{STEP} to the offline computer. There, open License")
    expect(panel.locator("code code")).to_have_text("015120020093-7f3a-18.response")
    expect(page.locator("#problems")).to_be_hidden()
    expect(page.locator("#status")).to_have_text("This is a response file")
    expect(page).to_have_title("Get your response file – Example")


def test_a_zip_of_renewals_says_for_which_licenses_and_seats_it_is(page: Page, site: str) -> None:
    page.goto(site)
    choose(page, a_zip_of_responses(), "Acme-responses.zip")
    panel = page.locator("#chosen")
    expect(panel.locator("h2")).to_have_text("These are 5 response files")
    expect(panel.locator("dd")).to_have_text(
        ["Example Modeler", "015.120.020.093, seats 1–3, 10", "015.120.020.094, seat 1"]
    )
    expect(panel).to_contain_text("Each computer installs only its own response. Or run: keyferry")
    expect(page.locator("#problems")).to_be_hidden()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(a_response()[:90], id="damaged"),
        pytest.param(gzip.compress(a_response()), id="compressed"),
        pytest.param(b"Subject: Your file\n\n" + a_response(), id="in an email"),
        pytest.param(a_response().decode().encode("utf-16"), id="in UTF-16"),
    ],
)
def test_a_changed_response_is_still_one(page: Page, site: str, data: bytes) -> None:
    page.goto(site)
    choose(page, data, "x.response")
    panel = page.locator("#chosen")
    expect(panel.locator("h2")).to_have_text("This is a response file")
    expect(page.locator("#problems")).to_be_hidden()


def test_the_next_file_takes_its_place(page: Page, site: str) -> None:
    page.goto(site)
    choose(page, b"%PDF-1.7")
    expect(page.locator("#problems a")).to_be_visible()
    choose(page, a_response())
    expect(page.locator("#chosen h2")).to_have_text("This is a response file")
    expect(page.locator("#problems")).to_be_hidden()
    choose(page)
    expect(page.locator("#chosen h2")).to_contain_text("This file asks to activate")
    choose(page, a_response())
    expect(page.locator("#chosen h2")).to_have_text("This is a response file")
    expect(page.get_by_role("button", name="Process request file")).to_have_count(0)
    page.press("#email", "Enter")
    expect(page.locator("#problems a")).to_have_text("Choose the request file")
    choose(page)
    expect(page.get_by_role("button", name="Process request file")).to_be_visible()


@pytest.mark.parametrize("part", ["js/responses.js", "languages/en.responses.json"])
def test_where_that_part_does_not_load_the_page_says_what_it_knows(
    page: Page, site: str, part: str
) -> None:
    page.goto(site)
    page.route(f"**/{part}", lambda route: route.abort())
    choose(page, a_response())
    expect(page.locator("#problems a")).to_have_text(
        "This is a response file. You already have what you need. "
        "Take it to the offline computer and install it there."
    )
