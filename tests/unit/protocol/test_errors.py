"""Every error has its own code and a next step."""

import json
import re

import pytest

from keyferry_protocol import errors
from keyferry_protocol.messages import message, sentences

FAMILY = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.KeyferryError)
]
EXITS = {
    0: (),
    2: ("wrong-license-number", "wrong-activation-code", "wrong-line"),
    3: ("not-activated", "deactivated"),
    4: ("pending",),
    5: ("expired", "not-yet-valid", "check-in-overdue", "maintenance-ended", "license-revoked"),
    6: ("wrong-machine", "environment-not-allowed", "machine-not-identified"),
    7: ("not-genuine", "key-compromised", "not-authentic"),
    8: ("clock-rolled-back",),
    9: ("dongle-missing", "dongle-pin"),
    10: ("not-saved",),
}


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in FAMILY]
    assert len(FAMILY) == 39  # the 37 of docs/format.md, not-authentic, and the base
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.code)
def test_each_error_says_what_happened_and_what_to_do_next(
    kind: type[errors.KeyferryError],
) -> None:
    error = kind()
    assert str(error) == error.title
    assert error.title[0].isupper()
    assert not error.title.endswith(".")
    assert error.next_step[0].isupper()
    assert error.next_step.endswith(".")
    assert "{" not in error.title + error.next_step
    assert kind("A detail.").args == ("A detail.",)


READ_ELSEWHERE = {errors.NotAuthentic, errors.UnreadableRequest}  # where a request is read


@pytest.mark.parametrize(
    "kind", [kind for kind in FAMILY if kind not in READ_ELSEWHERE], ids=lambda kind: kind.code
)
def test_an_error_that_is_read_on_the_offline_computer_does_not_call_it_that(
    kind: type[errors.KeyferryError],
) -> None:
    error = kind()
    assert "offline computer" not in error.title + error.next_step


def test_without_a_license_the_next_step_names_what_makes_a_request() -> None:
    step = errors.NotActivated().next_step
    assert "License Configuration" in step
    assert "`keyferry request NUMBER`" in step
    assert "update or deactivate" not in step


SHOWN = [name for name in sentences("errors") if name.endswith((".title", ".next-step"))]


@pytest.mark.parametrize("name", SHOWN)
def test_each_title_and_next_step_reads_well_without_facts(name: str) -> None:
    sentence = message(f"errors.{name}")
    assert "{" not in sentence
    assert sentence.endswith(".") == name.endswith(".next-step") or sentence.endswith(".svg")


@pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.code)
def test_each_code_has_its_exit(kind: type[errors.KeyferryError]) -> None:
    expected = next((number for number, codes in EXITS.items() if kind.code in codes), 1)
    assert kind.exit == expected


def test_an_outdated_installation_is_told_how_to_get_the_latest_response() -> None:
    outdated = errors.OlderResponse("A detail.", case="installed")
    assert outdated.title == "The installed response file is out of date"
    assert outdated.next_step.startswith("Make an update request here")
    assert outdated.code == errors.OlderResponse().code
    assert outdated.facts == {}


def test_facts_fill_the_sentences() -> None:
    assert "Acme" in errors.Expired(vendor="Acme", date="30 November 2027").next_step
    assert errors.Expired(date="30 November 2027").title == "This license ended on 30 November 2027"
    title = message("refusals.no-seats-left.title", n=3)
    assert title == "All 3 seats on this license are in use"


def test_no_sentence_says_please_or_shouts() -> None:
    text = json.dumps([*sentences("errors").values(), *sentences("refusals").values()])
    assert not re.search(r"\b(please|sorry|invalid|oops)\b|!", text, re.IGNORECASE)
