"""A ticket's id, what it says once its file is there, and the choice of a seat on it."""

import re
from dataclasses import replace

import pytest

from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.decide import decide
from keyferry_service.domain.ledger import response_to
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.request_context import Snapshot
from keyferry_service.domain.ticket import (
    TICKET_ID,
    Choice,
    EmailStatus,
    Ticket,
    TicketState,
    new_ticket_id,
    ticket_prefix,
)
from keyferry_service.domain.upload import Upload
from tests.support.builders import LAB_07, LAB_08, SERVICE_KEY, a_license, a_request, a_seat
from tests.support.samples import NOW

NO_SEATS_LEFT = Refusal(RefusalCode.NO_SEATS_LEFT, facts={"n": 2, "moves_left": 4})
OFFERING = NO_SEATS_LEFT.offering_seats().with_seats([a_seat(), a_seat(LAB_08, 2)])
REFUSED = replace(
    Ticket("a" * 43, NOW + 7, uploaded_at=NOW, email="anna@example.com").refused(
        a_request(LAB_07), OFFERING
    ),
    email_status=EmailStatus.SENT,
)


def test_no_prefix_of_a_ticket_is_an_option_of_the_command_that_explains_it() -> None:
    tokens = iter(["-h" + 41 * "a", "--" + 41 * "a", "_-h" + 40 * "a"])
    sizes = []

    def token_urlsafe(size: int) -> str:
        sizes.append(size)
        return next(tokens)

    ticket_id = new_ticket_id(token_urlsafe)
    assert ticket_id == "_-h" + 40 * "a"
    assert sizes == [32, 32, 32]
    assert ticket_prefix(ticket_id) == "_-haaaaa"
    assert re.fullmatch(TICKET_ID, ticket_id)


def test_the_seats_that_a_refusal_offers_can_be_chosen() -> None:
    assert REFUSED.offered_seats == (1, 2)
    assert replace(REFUSED, refusal=NO_SEATS_LEFT).offered_seats == ()
    assert replace(REFUSED, refusal=None).offered_seats == ()


@pytest.mark.parametrize(
    ("uploaded_at", "at"),
    [(NOW - 60, NOW), (NOW, NOW + 1), (NOW + 5, NOW + 6), (None, NOW)],
    ids=["a minute later", "in the same second", "by a clock that was set back", "unknown"],
)
def test_the_first_choice_is_later_than_its_file(uploaded_at: int | None, at: int) -> None:
    ticket = replace(REFUSED, uploaded_at=uploaded_at)
    assert ticket.next_choice(2, NOW) == Choice(2, 1, at)


@pytest.mark.parametrize(("before", "at"), [(NOW - 60, NOW), (NOW, NOW + 1), (NOW + 5, NOW + 6)])
def test_another_choice_is_counted_and_later_than_the_one_before(before: int, at: int) -> None:
    ticket = replace(REFUSED, choice=Choice(2, 4, before))
    assert ticket.next_choice(1, NOW) == Choice(1, 5, at)


@pytest.mark.parametrize(
    ("choice", "decided", "state", "is_undecided"),
    [
        (None, 0, TicketState.REFUSED, False),
        (Choice(2, 1, NOW), 0, TicketState.REFUSED, True),
        (Choice(2, 1, NOW), 1, TicketState.REFUSED, False),
        (Choice(2, 2, NOW), 1, TicketState.REFUSED, True),
        (Choice(2, 2, NOW), 1, TicketState.PROCESSING, False),
    ],
)
def test_a_choice_waits_until_its_request_was_decided_anew(
    choice: Choice | None, decided: int, state: TicketState, is_undecided: bool
) -> None:
    ticket = replace(REFUSED, choice=choice, decided=decided, state=state)
    assert ticket.is_undecided is is_undecided


def test_a_decision_without_a_choice_leaves_the_ticket_as_it_is() -> None:
    assert REFUSED.decided_on(None) == REFUSED


def test_a_choice_that_is_refused_is_dated_and_mailed_no_second_time() -> None:
    after = REFUSED.decided_on(Choice(2, 3, NOW + 60))
    assert after == replace(REFUSED, decided=3, chosen_at=NOW + 60)
    assert after.refusal_record is not None
    assert after.refusal_record.at == NOW + 60


@pytest.mark.parametrize(
    ("email", "status"),
    [("anna@example.com", EmailStatus.PENDING), (None, EmailStatus.NONE)],
)
def test_the_answer_to_a_choice_is_mailed_where_there_is_an_address(
    email: str | None, status: EmailStatus
) -> None:
    answered = replace(REFUSED, refusal=None, email=email)
    after = answered.decided_on(Choice(2, 3, NOW + 60))
    assert after == replace(answered, decided=3, email_status=status)


NEW = Ticket("a" * 43, NOW + 7, email="anna@example.com")


def test_a_file_dates_its_ticket() -> None:
    after = NEW.with_upload(Upload("a" * 43, "requests/a", "v7", NOW))
    assert after == replace(NEW, version_id="v7", uploaded_at=NOW)


@pytest.mark.parametrize("is_verifiable", [True, False])
def test_an_answer_takes_the_place_of_a_refusal(is_verifiable: bool) -> None:
    request, license = a_request(LAB_07), a_license()
    grant = decide(request, Snapshot(license), [SERVICE_KEY], NOW)
    assert isinstance(grant, Grant)
    response = response_to(request, grant, NOW)
    after = REFUSED.answered(response, "LAB-07", NOW - 1, is_verifiable=is_verifiable)
    assert after == replace(
        REFUSED,
        state=TicketState.PROCESSING,
        refusal=None,
        file_name=response.file_name,
        kind="activate",
        request_sha256=request.sha256,
        license_number=license.number,
        machine_name="LAB-07",
        product=license.product,
        edition=license.edition,
        seat=1,
        valid_until=license.valid_until,
        previous_valid_until=NOW - 1,
        is_verifiable=is_verifiable,
    )
    assert REFUSED.answered(response, "LAB-07", None).is_verifiable


def test_an_answer_says_what_it_left_of_the_license() -> None:
    after = NEW.with_seats_of(a_license(seats=5, seats_used=2))
    assert after == replace(NEW, seats=5, seats_used=2)


@pytest.mark.parametrize(("contact", "address"), [("it@example.com", "it@example.com"), ("", None)])
def test_whose_seat_was_taken_is_told_where_there_is_a_contact(
    contact: str, address: str | None
) -> None:
    after = NEW.with_replaced(a_seat(LAB_08), contact)
    assert after == replace(NEW, contact=address, replaced_machine="LAB-08")


def test_a_refusal_names_the_license_of_a_request_that_proved_itself() -> None:
    request = a_request(LAB_07)
    answered = replace(NEW, file_name="a.response")
    assert answered.refused(request, NO_SEATS_LEFT) == replace(
        NEW,
        state=TicketState.REFUSED,
        file_name="refusal.json",
        refusal=NO_SEATS_LEFT,
        request_sha256=request.sha256,
        kind="activate",
        license_number=request.license_number,
        machine_name="LAB-07",
    )


@pytest.mark.parametrize("has_request", [True, False])
def test_a_refusal_names_no_license_before_the_proof(has_request: bool) -> None:
    request = a_request(LAB_07) if has_request else None
    refusal = Refusal(RefusalCode.NOT_AUTHENTIC)
    named = replace(NEW, license_number="1", kind="update", machine_name="LAB-09")
    after = named.refused(request, refusal)
    assert after == replace(NEW, state=TicketState.REFUSED, refusal=refusal)
    assert after.refusal_record is None
