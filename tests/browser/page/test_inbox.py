"""The local inbox in a browser: a mail's link opens, and nothing else of the mail acts."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from keyferry_service.views.email import html_page, plain_text
from tests.browser.page.test_emails import EMAILS, LINK

LOCAL = Path(__file__).parents[3] / "local"
INBOX = "http://127.0.0.1:9/inbox"
SCRIPT = "<script>document.title = parent.document.title = 'ran'</script>"
MAIL = EMAILS["ready"]


@pytest.fixture
def inbox(page: Page) -> Page:
    """The inbox with one mail, whose HTML also brings a script."""
    mail = {
        "at": "2026-11-24T09:48:13.012Z",
        "to": ["anna@example.org"],
        "subject": MAIL.subject,
        "text": plain_text(MAIL),
        "html": html_page(MAIL).replace("</body>", f"{SCRIPT}</body>"),
        "source": "Subject: x\n\nx",
    }
    html, script = (LOCAL / "inbox.html").read_text(), (LOCAL / "inbox.js").read_text()
    answers = {
        INBOX: ("text/html", html),
        f"{INBOX}/inbox.js": ("text/javascript", script),
        f"{INBOX}/messages": ("application/json", json.dumps([mail])),
        LINK: ("text/html", "<title>opened</title><script>document.title += !opener</script>"),
    }

    def answer(route: Route) -> None:
        kind, body = answers[route.request.url]
        route.fulfill(content_type=kind, body=body)  # without the policy: the sandbox must do

    page.context.route("**/*", answer)
    page.goto(INBOX)
    page.get_by_text("1 in all").wait_for()
    return page


@pytest.mark.parametrize("tab", ["Plain", "HTML"])
def test_the_link_of_a_mail_opens_in_a_tab_that_cannot_reach_the_inbox(
    inbox: Page, tab: str
) -> None:
    if tab == "HTML":
        inbox.get_by_text("HTML", exact=True).click()
        link = inbox.frame_locator("iframe").locator("a")
    else:
        link = inbox.locator(f'pre a[href="{LINK}"]')
    with inbox.context.expect_page() as opened:
        link.click()
    opened.value.wait_for_load_state()
    assert opened.value.url == LINK
    assert opened.value.title() == "openedtrue"


def test_a_mail_runs_no_script(inbox: Page) -> None:
    inbox.get_by_text("HTML", exact=True).click()
    inbox.frame_locator("iframe").locator("a").wait_for()
    assert inbox.title() == "Local inbox"


def test_a_mail_says_its_date_in_words_and_the_time_with_its_zone(inbox: Page) -> None:
    moment = re.compile("^2[345] November 2026, [0-9]{2}:48 [A-Z][^,]*, to anna@example.org$")
    expect(inbox.locator("article p")).to_have_text(moment)
