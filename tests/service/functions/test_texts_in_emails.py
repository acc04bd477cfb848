"""Markup and characters that turn letters round, in every text that an email could show.

The license's own texts are the vendor's; of a request's texts none is free.
"""

import email
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser

import pytest

from keyferry_protocol.request import Product
from tests.support.builders import LAB_07, a_license, a_request, a_request_file
from tests.support.hostile_texts import FORGING, MARKUP
from tests.support.world import World

pytestmark = pytest.mark.attack


def test_the_service_refuses_a_request_that_could_forge_what_is_read(world: World) -> None:
    world.sell()
    for character in FORGING.values():
        named = a_request().machine
        data = a_request_file(LAB_07, machine=replace(named, name=f"LAB{character}07"))
        assert world.ticket(world.activate(data))["refusal"]["code"] == "unreadable-request"
    assert world.license().seats_used == 0


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
LETTER |= {"table", "tr", "th", "td", "ol", "li", "style", "div"}


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
    tags = Tags(html)
    assert tags.names <= LETTER
    assert not [name for name in tags.attributes if name.startswith("on")]
    assert len(tags.links) == 1
    assert tags.links[0].startswith("https://activate.example.com/api/responses/")
    assert "".join(text.split()) in "".join(plain.split())


FREE = [*MARKUP, "http://evil.example", "evil.example", "Call 0800 1234", "A" * 25]


@pytest.mark.parametrize("is_refused", [False, True], ids=["response", "refusal"])
def test_no_free_text_of_a_request_enters_a_letter(world: World, is_refused: bool) -> None:
    world.sell()
    for text in FREE:
        named = replace(a_request().machine, name=text, os=text)
        product = Product(text if is_refused else "Example Modeler", text)
        request = a_request_file(LAB_07, machine=named, product=product, client=text)
        world.send(world.activate(request, "anna@example.org"))
        mail = the_mail(world)
        for shown in (str(mail["Subject"]), *parts(mail)):
            assert text not in shown
            assert text.split()[0] not in shown
    assert len(world.mails()) == len(FREE)
