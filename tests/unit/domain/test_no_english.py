"""What the service says, in a made-up language: no English is left but names."""

import json
from pathlib import Path

import pytest

from keyferry_protocol import messages
from keyferry_protocol.messages import use_language
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.ticket import Ticket
from keyferry_service.views.email import plain_text
from keyferry_service.views.email_texts import refusal_email, response_email
from keyferry_service.views.problem_document import STATUS, Problem, problem_document, problem_page
from keyferry_service.views.refusal_text import say_refusal
from tests.support.pseudo import PSEUDO, english_in, write_pseudo
from tests.support.samples import NOW
from tests.unit.domain.test_words import FACTS, VARIANTS, VENDOR

PAGE = "https://a.example"
NAMES = ("Example Modeler", "Example Viewer", "Example", "licensing@example.com", "LAB-07")
REFUSALS = [
    Refusal(code, variant, FACTS | facts)
    for code in RefusalCode
    for variant in VARIANTS.get(code, ("",))
    for facts in ({}, {"n": 1, "moves_left": 0}, {"next_move_at": None})
]


@pytest.fixture(autouse=True)
def _pseudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pseudo(tmp_path)
    monkeypatch.setattr(messages, "FOLDER", str(tmp_path))


def a_ticket(kind: str, **changes: object) -> Ticket:
    return Ticket(
        **{  # type: ignore[arg-type]
            "id": "t" * 43,
            "expires_at": NOW,
            "language": PSEUDO,
            "kind": kind,
            "license_number": "015120020093",
            "seat": 1,
            "machine_name": "LAB-07",
            "product": "Example Modeler",
            "seats": 2,
            "seats_used": 1,
            "valid_until": NOW,
            "file_name": "015120020093-7f3a-18.response",
            **changes,
        }
    )


@pytest.mark.parametrize("code", STATUS)
@pytest.mark.parametrize("n", [1, 3])
def test_problems(code: str, n: int) -> None:
    with use_language(PSEUDO):
        document = json.loads(problem_document(Problem(code, n=n)))
    assert english_in(f"{document['title']}\n{document['detail']}") == []


def test_the_page_of_a_lost_link() -> None:
    with use_language(PSEUDO):
        page = problem_page(Problem("link-not-found"))
    assert f'lang="{PSEUDO}"' in page
    assert (
        english_in(page.partition("<main>")[2], ("h1", "lead", "class", "href", "main", "html"))
        == []
    )


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: str(refusal.code))
def test_refusals_and_their_mail(refusal: Refusal) -> None:
    message = say_refusal(refusal, PSEUDO, VENDOR)
    assert english_in(f"{message.title}\n{message.next_step}", NAMES) == []
    email = refusal_email(a_ticket("activate"), refusal, VENDOR, PAGE)
    assert english_in(f"{email.subject}\n{plain_text(email)}", (*NAMES, PAGE)) == []


@pytest.mark.parametrize("kind", ["activate", "update", "deactivate"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"machine_name": ""},
        {"valid_until": None},
        {"previous_valid_until": NOW},
        {"valid_until": None, "previous_valid_until": NOW},
        {"seats": None},
    ],
    ids=str,
)
def test_the_mail_of_a_response(kind: str, changes: dict[str, object]) -> None:
    email = response_email(a_ticket(kind, **changes), f"{PAGE}/r", NOW, VENDOR, PAGE)
    command = "keyferry install 015120020093-7f3a-18.response"
    file = "015120020093-7f3a-18.response"
    names = (*NAMES, f"{PAGE}/r", PAGE, command, file)
    assert english_in(f"{email.subject}\n{plain_text(email)}", names) == []
