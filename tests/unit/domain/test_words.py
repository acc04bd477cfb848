"""The service's messages: every language has the same ones, and every refusal has its sentence."""

import json
from typing import Any

import pytest

from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.ticket import Ticket
from keyferry_service.views.api_input import network_of
from keyferry_service.views.email import plain_text
from keyferry_service.views.email_texts import refusal_email, response_email
from keyferry_service.views.problem_document import STATUS, Problem, problem_document, problem_page
from keyferry_service.views.refusal_text import Vendor, say_refusal, show_date
from tests.support.samples import NOW

PAGE = "https://activate.example.com"
VENDOR = Vendor("Example", "licensing@example.com")
FACTS: dict[str, Any] = {
    "product": "Example Modeler",
    "ended_at": NOW,
    "licensed": "Example Modeler",
    "requested": "Example Viewer",
    "chosen": "personal",
    "allowed": ["machine", "dongle"],
    "protection": "dongle",
    "n": 2,
    "next_move_at": NOW,
}
VARIANTS = {
    RefusalCode.ENVIRONMENT_NOT_ALLOWED: ("virtual", "container"),
    RefusalCode.PROTECTION_NOT_ALLOWED: ("", "other-seat"),
    RefusalCode.UNREADABLE_REQUEST: ("", "response"),
}


@pytest.mark.parametrize(
    ("code", "variant"),
    [(code, variant) for code in RefusalCode for variant in VARIANTS.get(code, ("",))],
)
def test_every_refusal_has_a_title_and_a_next_step(code: RefusalCode, variant: str) -> None:
    message = say_refusal(Refusal(code, variant, FACTS), "en", VENDOR)
    assert message.title[0].isupper()
    assert message.next_step.endswith((".", "one."))
    assert "{" not in message.title + message.next_step


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize(
    ("code", "variant"),
    [(code, variant) for code in RefusalCode for variant in VARIANTS.get(code, ("",))],
)
def test_a_refusal_in_a_mail_points_at_nothing_that_only_the_page_shows(
    code: RefusalCode, variant: str, n: int
) -> None:
    refusal = Refusal(code, variant, FACTS | {"n": n})
    mail = plain_text(refusal_email(Ticket("t" * 43, NOW), refusal, VENDOR, PAGE))
    words = mail.lower().replace(",", " ").replace(".", " ").split()
    assert {"here", "below", "above", "listed"} & set(words) == set()
    assert PAGE in mail
    assert mail.startswith("Example\n\n")


@pytest.mark.parametrize("kind", ["activate", "update", "deactivate"])
def test_a_mail_tells_a_computer_whose_name_is_dropped_by_its_seat(kind: str) -> None:
    ticket = Ticket("t" * 43, NOW, kind=kind, machine_name="LAB 07", seat=2, valid_until=NOW)
    email = response_email(ticket, f"{PAGE}/r", NOW, VENDOR, PAGE)
    assert "seat 2" in email.subject
    text = " ".join(plain_text(email).split())
    assert "On the computer with seat 2, open" in text
    assert "Seat 2 " in text
    assert "LAB" not in text
    assert "the offline computer" not in text


def test_facts_are_formatted_for_people() -> None:
    message = say_refusal(Refusal(RefusalCode.PROTECTION_NOT_ALLOWED, facts=FACTS), "en", VENDOR)
    assert message.title == "This license cannot be used for one user of the computer"
    assert message.next_step == (
        "Make a new request file for everyone on the computer or a USB dongle."
    )
    expired = say_refusal(Refusal(RefusalCode.LICENSE_EXPIRED, facts=FACTS), "en", VENDOR)
    assert expired.title == "This license ended on 24 November 2026"


def test_a_single_seat_and_a_license_that_never_moves_have_sentences_of_their_own() -> None:
    full = Refusal(RefusalCode.NO_SEATS_LEFT, facts={"n": 1, "moves_left": 0})
    message = say_refusal(full, "en", VENDOR)
    assert message.title == "The only seat on this license is in use"
    assert message.next_step == (
        "This license has no moves left. Ask licensing@example.com to allow one more move."
    )
    stuck = say_refusal(Refusal(RefusalCode.MOVE_LIMIT, facts={"next_move_at": None}), "en", VENDOR)
    assert (stuck.title, stuck.next_step) == (
        "This license has no moves left",
        "Ask licensing@example.com to allow one more move.",
    )


def test_a_date_is_written_in_the_language_in_use() -> None:
    assert show_date(NOW) == "24 November 2026"


@pytest.mark.parametrize("code", STATUS)
def test_every_problem_has_a_title_and_a_detail(code: str) -> None:
    problem = Problem(code, n=3)
    document = json.loads(problem_document(problem))
    assert document["code"] == code
    assert document["title"]
    assert "{" not in document["detail"]


def test_a_cut_link_is_not_called_an_old_one() -> None:
    shown = problem_page(Problem("link-not-found", sentence="link-cut"))
    assert "<h1>This link is incomplete</h1>" in shown
    assert "Copy the whole link from the email." in shown
    assert "7 days" not in shown


def test_an_expired_link_shows_the_next_step() -> None:
    shown = problem_page(Problem("link-not-found"))
    assert "<h1>This link no longer works</h1>" in shown
    assert "Links work for 7 days. Choose the request file again" in shown
    assert '<a href="/">Choose the request file</a>' in shown


@pytest.mark.parametrize(
    ("viewer", "source", "network"),
    [
        ("198.51.100.10:46532", "130.176.1.1", "198.51.100.0/24"),
        ("2001:db8:1:2::3:46532", "130.176.1.1", "2001:db8:1::/48"),
        ("[2001:db8:1:2::3]:46532", "130.176.1.1", "2001:db8:1::/48"),
        (None, "127.0.0.1", "127.0.0.0/24"),
        ("?", "127.0.0.1", "unknown"),
    ],
)
def test_callers_are_counted_by_network(viewer: str | None, source: str, network: str) -> None:
    assert network_of(viewer, source) == network
