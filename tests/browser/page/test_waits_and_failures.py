"""What is slow or fails, and how the page continues."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.page.fake_service import PROCESSING, STEM, TICKET, FakeService, ready
from tests.browser.page.states import choose, process


def test_an_expired_ticket_shows_the_next_step(page: Page, site: str) -> None:
    FakeService(page, (404, {"code": "not-found"}))
    page.goto(f"{site}#t={TICKET}")
    expect(page.locator("h1")).to_have_text("We no longer have this request")
    expect(page.locator("#view")).to_contain_text("Choose the request file again")
    page.click("text=Choose the request file >> nth=-1")
    expect(page.locator("h1")).to_have_text("Get your response file")


def test_a_service_that_is_down_can_be_retried(page: Page, site: str) -> None:
    service = FakeService(page, ready())
    service.open_answer = 503
    process(page, site)
    expect(page.locator("h1")).to_have_text("The service is not working right now")
    service.open_answer = 201
    page.click("#retry")
    expect(page.locator("h1")).to_have_text("Your response file is ready")


def test_an_upload_that_is_cut_off_is_repeated_silently(page: Page, site: str) -> None:
    service = FakeService(page, ready())
    service.upload_answer = ["lost", 201]
    process(page, site, "kim@example.com")
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    assert [len(service.calls_by(call)) for call in ("POST", "UPLOAD")] == [1, 2]


@pytest.mark.parametrize(("n", "time"), [(12, "12 minutes"), (2, "2 minutes"), (1, "a minute")])
def test_too_many_requests_names_the_time(page: Page, site: str, n: int, time: str) -> None:
    service = FakeService(page, ready())
    service.open_answer = (429, {"code": "too-many-requests", "n": n})
    process(page, site)
    expect(page.locator("#problems a")).to_have_text(
        f"Too many requests from your network. Try again in {time}."
    )


def test_offline_while_sending_is_shown_and_sending_continues(page: Page, site: str) -> None:
    service = FakeService(page, ready())
    page.goto(site)
    choose(page)
    service.open_answer = "lost"
    page.context.set_offline(True)
    page.click("text=Process request file")
    expect(page.locator("#status")).to_contain_text("No internet connection. Your file is still")
    service.open_answer = 201
    page.context.set_offline(False)
    expect(page.locator("h1")).to_have_text("Your response file is ready")


def test_a_long_wait_is_announced_after_10_and_60_seconds(page: Page, site: str) -> None:
    FakeService(page, PROCESSING)
    page.clock.install()
    with page.expect_response(f"**/api/requests/{TICKET}"):  # until then, the service has no file
        process(page, site, "kim@example.com")
    expect(page.locator("h1")).to_have_text("Processing your request")
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator("#view")).to_contain_text(f"{STEM}.request is being checked and signed.")
    page.clock.run_for(10_000)
    expect(page.locator("#status")).to_have_text("Still working.")
    page.clock.run_for(50_000)
    expect(page.locator("#status")).to_have_text(
        "This is taking longer than usual. You can close this page; "
        "the link will be emailed to kim@example.com."
    )


def test_a_delay_is_announced_once_and_the_wait_continues(page: Page, site: str) -> None:
    service = FakeService(page, PROCESSING | {"delayed": True})
    page.clock.install()
    process(page, site)
    sentence = "This is taking longer than usual. You can close this page and come back to this web"
    expect(page.locator("#status")).to_contain_text(sentence)
    page.evaluate(
        """window.announcements = 0;
        new MutationObserver(() => announcements++)
            .observe(document.querySelector('#status'), { childList: true, subtree: true });
        """
    )
    run_until_polled(page, service, len(service.calls_by("GET")) + 2)
    assert page.evaluate("announcements") == 0  # the same sentence is not announced at each poll
    service.polls = [ready()]
    page.clock.run_for(2000)
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator("#status")).to_be_empty()


def test_an_expired_upload_is_repeated_silently(page: Page, site: str) -> None:
    service = FakeService(page, ready())
    service.upload_answer = [403, 201]
    process(page, site)
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    assert [len(service.calls_by(call)) for call in ("POST", "UPLOAD")] == [2, 2]
    assert service.calls_by("PUT") == []


def test_a_busy_service_is_polled_again(page: Page, site: str) -> None:
    service = FakeService(page, 429, ready())
    page.clock.install()
    process(page, site)
    expect(page.locator("#status")).to_have_text("The service is busy. Trying again.")
    page.clock.run_for(1000)
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    assert len(service.calls_by("GET")) == 2


def test_three_failed_polls_show_that_the_service_is_down(page: Page, site: str) -> None:
    service = FakeService(page, PROCESSING, 503, "lost", 502)
    page.clock.install()
    process(page, site)
    run_until_polled(page, service, 4)
    expect(page.locator("h1")).to_have_text("The service is not working right now")
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator("#view")).to_contain_text(
        "Your file is not lost. Try again in a few minutes, or come back to this web address later."
    )
    service.polls = [ready()]
    page.click("#retry")
    expect(page.locator("h1")).to_have_text("Your response file is ready")


def run_until_polled(page: Page, service: FakeService, polls: int) -> None:
    """Run the page's clock until the service has this many polls."""
    for _ in range(200):
        if len(service.calls_by("GET")) >= polls:
            return
        page.clock.run_for(1000)
    raise AssertionError(f"{len(service.calls_by('GET'))} polls, not {polls}")


def test_offline_while_waiting_is_shown_and_the_wait_continues(page: Page, site: str) -> None:
    service = FakeService(page, PROCESSING)
    process(page, site)
    expect(page.locator(".bar")).to_be_visible()
    service.polls = ["lost"]
    page.context.set_offline(True)
    expect(page.locator("#status")).to_contain_text("No internet connection. Your file is still")
    service.polls = [ready()]
    page.context.set_offline(False)
    expect(page.locator("h1")).to_have_text("Your response file is ready")


def test_with_downloads_blocked_the_button_and_the_steps_still_show(
    browser: Browser, site: str
) -> None:
    context = browser.new_context(accept_downloads=False)
    page = context.new_page()
    FakeService(page, ready())
    process(page, site)
    expect(page.locator("ol.steps li")).to_have_count(2)
    expect(page.locator("#view")).to_contain_text("If it is not there, use the button.")
    with page.expect_request(f"**/api/requests/{TICKET}"):
        page.click("text=Download again")
    expect(page.locator("#again")).to_be_visible()
    context.close()
