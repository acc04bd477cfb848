"""The emails in a browser: narrow and wide, light and dark."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page

from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.ticket import Ticket
from keyferry_service.views.email import Email, html_page, plain_text
from keyferry_service.views.email_texts import (
    deactivation_email,
    refusal_email,
    replacement_email,
    response_email,
)
from keyferry_service.views.refusal_text import Vendor
from tests.browser.page.fake_service import STEM
from tests.browser.page.test_accessibility import CLIPPED, violations
from tests.support.samples import NUMBER

VENDOR = Vendor("Example", "licensing@example.com")
PAGE = "https://activate.example.com"
LINK = f"{PAGE}/api/responses/{'Qm9' * 14}Q"
ENDS = 1_827_619_199  # 30 November 2027


def a_ticket(kind: str, **changes: object) -> Ticket:
    return Ticket(
        **{  # type: ignore[arg-type]
            "id": "t" * 43,
            "expires_at": ENDS,
            "kind": kind,
            "file_name": f"{STEM}.response",
            "license_number": NUMBER,
            "machine_name": "LAB-07",
            "product": "Example Modeler",
            "edition": "Professional",
            "seat": 1,
            "valid_until": ENDS,
            **changes,
        }
    )


def a_response_email(kind: str, **changes: object) -> Email:
    return response_email(a_ticket(kind, **changes), LINK, ENDS - 10**7, VENDOR, PAGE)


EMAILS = {
    "ready": a_response_email("activate"),
    "updated": a_response_email("update", previous_valid_until=ENDS - 365 * 86400),
    "updated, no end": a_response_email(
        "update", valid_until=None, previous_valid_until=ENDS - 365 * 86400
    ),
    "deactivated": a_response_email("deactivate", seats_used=1, seats=2),
    "deactivated, no computer name": a_response_email("deactivate", machine_name=""),
    "deactivated, nothing to install": deactivation_email(
        a_ticket("deactivate", is_verifiable=False, seats_used=1, seats=2), VENDOR
    ),
    "updated, same end": a_response_email("update", previous_valid_until=ENDS),
    "replaced": replacement_email(
        a_ticket("activate", contact="anna@example.org", replaced_machine="LAB-05"), VENDOR
    ),
    "refused": refusal_email(
        a_ticket("activate"),
        Refusal(RefusalCode.NO_SEATS_LEFT, facts={"n": 2, "moves_left": 3}),
        VENDOR,
        PAGE,
    ),
    "refused, kind of protection": refusal_email(
        a_ticket("activate"),
        Refusal(
            RefusalCode.PROTECTION_NOT_ALLOWED,
            facts={"chosen": "personal", "allowed": ["machine", "dongle"]},
        ),
        VENDOR,
        PAGE,
    ),
}
EACH = pytest.mark.parametrize("name", EMAILS)


@EACH
@pytest.mark.parametrize("width", [390, 800])
def test_an_email_has_no_violation_and_fits(page: Page, name: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.set_content(html_page(EMAILS[name]))
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page_rules = ("landmark-one-main", "page-has-heading-one", "region")  # the mail program's
        ours = [line for line in violations(page) if not line.startswith(page_rules)]
        assert ours == []
        if folder := os.environ.get("KEYFERRY_SCREENSHOTS"):
            page.screenshot(path=Path(folder) / f"{name}-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CLIPPED) == []


@EACH
def test_an_email_says_the_same_in_plain_text_and_html(page: Page, name: str) -> None:
    page.set_content(html_page(EMAILS[name]))
    text = page.evaluate(
        """[...document.querySelectorAll('li')].forEach((li, i) => li.prepend(`${i + 1}. `)),
        document.body.textContent"""
    )
    assert "".join(plain_text(EMAILS[name]).split()) == "".join(text.split())


@EACH
def test_an_email_has_one_link_and_loads_nothing(page: Page, name: str) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.set_content(html_page(EMAILS[name]))
    links = page.locator("a").evaluate_all("(links) => links.map((link) => link.href)")
    assert links == ([LINK] if EMAILS[name].link else [])
    assert page.locator("img, link, script, iframe").count() == 0
    assert requested == []
    assert len(html_page(EMAILS[name]).encode()) <= 6144
