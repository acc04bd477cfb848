"""Every refusal there is, on the real stack: real files, and what a vendor did at the desk."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

import keyferry
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time, parse_time
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.refusals import RefusalCode
from tests.stack.refusal_cases import ASK, CASES, Case
from tests.support.customer import Customer, nothing
from tests.support.journeys import carry, client, download
from tests.support.running_stack import RunningStack

pytestmark = pytest.mark.timeout(300)
UNPROVEN = ("unreadable-request", "unsupported-version", "not-authentic")


def test_the_table_has_every_refusal() -> None:
    assert {case.code for case in CASES.values()} == set(RefusalCode)


@dataclass(frozen=True)
class Journey:
    """What a customer was told: first, and once the vendor had done what was asked for."""

    began: int
    customer: Customer
    first: dict[str, Any]
    again: dict[str, Any]
    mails: list[dict[str, Any]]


@pytest.fixture(scope="module")
def journeys(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Journey]:
    """All cases at once: one after the other they would only wait for answers."""
    began = int(time.time())
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])

    def prepare(case: Case) -> tuple[Customer, bytes]:
        customer = Customer(stack, table, tmp_path_factory.mktemp("customer"), **case.sold)
        case.before(customer)
        return customer, case.file(customer)

    emails = [f"{name.replace(' ', '-')}@example.com" for name in CASES]
    with ThreadPoolExecutor(4) as together:
        customers, files = zip(*together.map(prepare, CASES.values()), strict=True)
        first = carry(stack, files, emails)
        lifts = [case.lift or nothing for case in CASES.values()]
        list(together.map(lambda lift, customer: lift(customer), lifts, customers))
    again = carry(stack, files)
    inbox = requests.get(f"{stack.inbox}/messages", timeout=60).json()
    mails = [[mail for mail in inbox if email in mail["to"]] for email in emails]
    every = zip(CASES, customers, first, again, mails, strict=True)
    return {name: Journey(began, *facts) for name, *facts in every}


named = pytest.mark.parametrize("name", CASES)


def next_move(customer: Customer) -> datetime:
    """When the one move of this license is no longer of the last 365 days."""
    license = customer.table.get(customer.number)
    assert license is not None
    (day,) = license.moves
    return datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=366)


def in_words(text: str, customer: Customer) -> str:
    if "{next_move}" not in text:
        return text
    day = next_move(customer)
    return text.format(next_move=f"{day.day} {day:%B %Y}")


@named
def test_a_refusal_says_what_is_and_what_to_do(journeys: dict[str, Journey], name: str) -> None:
    case, customer, ticket = CASES[name], journeys[name].customer, journeys[name].first
    refusal = ticket["refusal"]
    assert (ticket["state"], refusal["code"]) == ("refused", case.code)
    assert refusal["title"] == in_words(case.title, customer)
    assert refusal["detail"] == in_words(case.detail, customer)
    assert refusal.get("moves_left") == case.moves_left
    at = format_time(int(next_move(customer).timestamp())) if case.has_next_move else None
    assert refusal.get("next_move_at") == at
    seats = refusal.get("seats", ())
    assert tuple((seat["seat"], seat["machine_name"]) for seat in seats) == (case.seats or ())
    for seat in seats:
        since, answered = parse_time(seat["since"]), parse_time(seat["last_answered"])
        assert journeys[name].began <= since <= answered <= time.time()


@named
def test_only_a_proven_request_is_named_and_mailed(journeys: dict[str, Journey], name: str) -> None:
    case, customer, ticket = CASES[name], journeys[name].customer, journeys[name].first
    if case.code in UNPROVEN:
        assert (ticket["kind"], ticket["license_number"], ticket["email"]) == (
            None,
            None,
            "withheld",
        )
        assert journeys[name].mails == []
        return
    kind = "update" if case.code in ("not-activated", "needs-administrator") else "activate"
    assert (ticket["kind"], ticket["license_number"], ticket["email"]) == (
        kind,
        customer.number,
        "sent",
    )
    title, step = (in_words(text, customer) for text in case.mailed or (case.title, case.detail))
    (mail,) = journeys[name].mails
    number = show_license_number(customer.number)
    reason = case.reason or f"{title[0].lower()}{title[1:]}"
    # A subject that is folded before its first word keeps a space there when it is read.
    assert mail["subject"].strip() == f"Request for license {number} was not granted: {reason}"
    text = " ".join(mail["text"].split())
    assert text.startswith(f"Example {title}. {step} License {number} Computer ")
    assert text.endswith(f" Questions? Ask us: {ASK}")
    assert " Your request file is unchanged. To choose it again, or to choose a new one, " in text
    assert "/api/responses/" not in mail["text"] + mail["html"]


@named
def test_a_refusal_is_not_held_against_the_file(journeys: dict[str, Journey], name: str) -> None:
    first, again = journeys[name].first, journeys[name].again
    if CASES[name].lift is None:
        assert again["refusal"] == first["refusal"]
        return
    assert (again["state"], again["license_number"]) == ("ready", journeys[name].customer.number)
    response = keyferry.verify_response(download(again), journeys[name].customer.keys)
    assert response.license.number == journeys[name].customer.number


def test_a_stranger_learns_nothing(stack: RunningStack, journeys: dict[str, Journey]) -> None:
    """A number that nobody has and a wrong code for one that somebody has: the very same bytes."""
    ids = [journeys[name].first["id"] for name in CASES if CASES[name].code == "not-authentic"]
    answers = {requests.get(f"{stack.api}/requests/{id}", timeout=60).content for id in ids}
    assert len(ids) == 3
    assert len(answers) == 1
