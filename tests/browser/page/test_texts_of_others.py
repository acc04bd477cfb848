"""Markup and characters that reverse text, in every text that the page shows.

Tested elsewhere: the same texts in an email (tests/service/functions/test_texts_in_emails.py).
"""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from keyferry_protocol.request import Dongle, HashedMachine, Product
from tests.browser.page.fake_service import (
    HASHES,
    TICKET,
    FakeService,
    ready,
    refused,
)
from tests.browser.page.fake_service import (
    a_request as a_file,
)
from tests.browser.page.states import choose
from tests.support.builders import LAB_08
from tests.support.hostile_texts import FORGING, MARKUP

pytestmark = pytest.mark.attack

# What no text may become, wherever it is shown.
STRANGE = "img:not(#vendor img), svg, script:not([src]), iframe, a[href^='javascript']"


@pytest.fixture
def calm(page: Page) -> Page:
    """A page on which nothing may open a dialog."""
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    return page


def is_calm(page: Page) -> bool:
    return page.locator(f"main :is({STRANGE})").count() == 0


def test_a_request_with_markup_in_every_text_is_shown_as_text(calm: Page, site: str) -> None:
    calm.goto(site)
    for text in MARKUP:
        dongle = Dongle("Ed25519", LAB_08.device.public, text, text)
        machine = HashedMachine(text, text, "physical", HASHES)
        no_parts = HashedMachine(text, text, "physical", {})
        named: dict[str, Any] = {"product": Product(text, text), "client": text}
        file = a_file(machine=machine, **named)
        with_dongle = a_file(
            machine=no_parts, protection="dongle", load_key=None, dongle=dongle, **named
        )
        for data, shown in ((file, 4), (with_dongle, 5)):
            choose(calm, data, f"{text.replace('/', ' ')}.request")
            expect(calm.locator("#chosen bdi").first).to_contain_text(" ".join(text.split()))
            assert str(calm.locator("#chosen").text_content()).count(text) == shown
            assert is_calm(calm)


@pytest.mark.parametrize("texts", [MARKUP[:3], MARKUP[3:]], ids=["tags", "others"])
def test_an_answer_with_markup_in_every_text_is_shown_as_text(
    calm: Page, site: str, texts: list[str]
) -> None:
    name, product, edition = texts
    service = FakeService(calm, ready(machine_name=name, product=product, edition=edition))
    calm.goto(f"{site}#t={TICKET}")
    expect(calm.locator("h1")).to_have_text("Your response file is ready")
    for text in (name, product):
        assert text in str(calm.locator("#view").text_content())
        isolated = "(e) => getComputedStyle(e).unicodeBidi"
        assert calm.locator("bdi").filter(has_text=text).first.evaluate(isolated) == "isolate"
    assert is_calm(calm)
    assert service.calls_by("POST") == []


@pytest.mark.parametrize("texts", [MARKUP[:3], MARKUP[3:]], ids=["tags", "others"])
def test_a_refusal_with_markup_in_title_sentence_and_seats_is_shown_as_text(
    calm: Page, site: str, texts: list[str]
) -> None:
    since = "2026-11-24T09:47:00Z"
    seats = [
        {"seat": n, "machine_name": text, "since": since, "last_answered": since}
        for n, text in enumerate(MARKUP, 1)
    ]
    title, detail, _ = texts
    FakeService(calm, refused("no-seats-left", title, detail, seats=seats, moves_left=1))
    calm.goto(f"{site}#t={TICKET}")
    expect(calm.locator("#refusal-title")).to_have_text(" ".join(title.split()))
    assert calm.locator("#refusal-detail").text_content() == detail
    expect(calm.locator("#seats")).to_be_visible()
    for text in MARKUP:
        assert calm.locator("#seats bdi").filter(has_text=text).count() == 1
    assert is_calm(calm)


def test_the_page_shows_no_request_with_deceptive_characters(calm: Page, site: str) -> None:
    calm.goto(site)
    for character in FORGING.values():
        name = f"LAB{character}07"
        files = [
            a_file(product=Product(name, "1")),
            a_file(product=Product("x", name)),
            a_file(machine=HashedMachine(name, "", "physical", HASHES)),
            a_file(machine=HashedMachine("", name, "physical", HASHES)),
        ]
        for file in files:
            choose(calm, a_file())
            expect(calm.locator("#chosen")).to_be_visible()
            choose(calm, file)
            expect(calm.locator("#chosen")).to_be_hidden()
            expect(calm.locator("#file-fault")).not_to_be_empty()


def test_a_file_name_with_a_right_to_left_override_is_shown_without_it(
    calm: Page, site: str
) -> None:
    FakeService(
        calm, {"state": "processing", "kind": None, "license_number": None, "email": "none"}
    )
    calm.goto(site)
    choose(calm, a_file(), "gpj\u202etseuqer.request")
    calm.click("text=Process request file")
    expect(calm.locator("#view code")).to_have_text("gpj\ufffdtseuqer.request")
