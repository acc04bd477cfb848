"""Markup and characters that turn letters round, in every text that page and e-mail show."""

import email
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from keyferry_protocol.request import Dongle, HashedMachine, Product
from tests.builders import LAB_07, LAB_08, a_license, a_request, a_request_file
from tests.integration.conftest import World
from tests.page.fake_service import (
    COMPONENTS,
    TICKET,
    FakeService,
    ready,
    refused,
)
from tests.page.fake_service import (
    a_request as a_file,
)
from tests.page.states import choose

IMG = "<img src=x onerror=alert(1)>"
SVG = '"><svg onload=alert(1)><script>alert(2)</script>'
ANCHOR = "</td></bdi><a href=javascript:alert(3)>click</a>"
PLACEHOLDERS = "{number} {0.__class__} ${7*7} {{x}} %s `code`"
ENTITIES = "&lt;b&gt; &#x202e; \\u202e **bold** <!--"
HEBREW = "שלום 015 (x)"  # letters that run to the left by themselves
MARKUP = [IMG, SVG, ANCHOR, PLACEHOLDERS, ENTITIES, HEBREW]
FORGING = {
    "turns round all that follows": "\u202e",
    "is an isolate without end": "\u2067",
    "breaks the line": "\u2028",
    "is a control of old terminals": "\u009b",
    "begins a terminal's command": "\x1b",
    "is a line feed": "\n",
}

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
        machine = HashedMachine(text, text, "physical", COMPONENTS)
        no_parts = HashedMachine(text, text, "physical", {})
        named: dict[str, Any] = {"product": Product(text, text), "client": text}
        file = a_file(machine=machine, **named)
        with_dongle = a_file(machine=no_parts, protection="dongle", dongle=dongle, **named)
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
    assert service.asked("POST") == []


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
    for text in MARKUP:
        assert calm.locator("#seats bdi").filter(has_text=text).count() == 1
    assert is_calm(calm)


def test_the_page_shows_no_request_that_could_forge_what_is_read(calm: Page, site: str) -> None:
    calm.goto(site)
    for character in FORGING.values():
        name = f"LAB{character}07"
        files = [
            a_file(product=Product(name, "1")),
            a_file(product=Product("x", name)),
            a_file(machine=HashedMachine(name, "", "physical", COMPONENTS)),
            a_file(machine=HashedMachine("", name, "physical", COMPONENTS)),
        ]
        for file in files:
            choose(calm, a_file())
            expect(calm.locator("#chosen")).to_be_visible()
            choose(calm, file)
            expect(calm.locator("#chosen")).to_be_hidden()
            expect(calm.locator("#file-fault")).not_to_be_empty()


def test_a_file_name_that_turns_its_letters_round_is_shown_without_that(
    calm: Page, site: str
) -> None:
    FakeService(
        calm, {"state": "processing", "kind": None, "license_number": None, "email": "none"}
    )
    calm.goto(site)
    choose(calm, a_file(), "gpj\u202etseuqer.request")
    calm.click("text=Process request file")
    expect(calm.locator("#view code")).to_have_text("gpj\ufffdtseuqer.request")


def test_the_service_refuses_a_request_that_could_forge_what_is_read(world: World) -> None:
    world.sell()
    for character in FORGING.values():
        named = a_request().machine
        data = a_request_file(LAB_07, machine=replace(named, name=f"LAB{character}07"))
        assert world.ticket(world.activate(data))["refusal"]["code"] == "unreadable-request"
    assert world.license().seats_used == 0


# E-mail: the license's own texts are the vendor's; of a request none is free


class Tags(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [str(value) for name, value in attrs if name in ("href", "src")]


LETTER = {"html", "head", "meta", "title", "body", "p", "strong", "a", "br", "code"}
LETTER |= {"table", "tr", "th", "td", "ol", "li"}


def the_mail(world: World) -> EmailMessage:
    mail = email.message_from_bytes(world.mails()[-1], policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def parts(mail: EmailMessage) -> tuple[str, str]:
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


@pytest.mark.parametrize("text", MARKUP)
def test_markup_in_a_licenses_own_texts_stays_text_in_its_letter(world: World, text: str) -> None:
    world.licenses.create(a_license(product=text, edition=text, licensee=text))
    request = a_request_file(LAB_07, product=Product(text, text))
    world.send(world.activate(request, "anna@example.org"))
    plain, html = parts(the_mail(world))
    found = Tags(html)
    assert found.names <= LETTER
    assert not [name for name in found.attributes if name.startswith("on")]
    assert len(found.links) == 1
    assert found.links[0].startswith("https://activate.example.com/api/responses/")
    assert "".join(text.split()) in "".join(plain.split())


FREE = [*MARKUP, "http://evil.example", "evil.example", "Call 0800 1234", "A" * 25]


@pytest.mark.parametrize("is_refused", [False, True], ids=["response", "refusal"])
def test_no_free_text_of_a_request_enters_a_letter(world: World, is_refused: bool) -> None:
    world.sell()
    for text in FREE:
        named = replace(a_request().machine, name=text, os=text)
        wanted = Product(text if is_refused else "Example Modeler", text)
        request = a_request_file(LAB_07, machine=named, product=wanted, client=text)
        world.send(world.activate(request, "anna@example.org"))
        mail = the_mail(world)
        for shown in (str(mail["Subject"]), *parts(mail)):
            assert text not in shown
            assert text.split()[0] not in shown
    assert len(world.mails()) == len(FREE)
