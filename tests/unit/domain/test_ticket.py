"""A ticket's id, and the choice of a seat on it."""

import re
from dataclasses import replace

import pytest

from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.ticket import (
    TICKET_ID,
    Choice,
    EmailStatus,
    Ticket,
    TicketState,
    new_ticket_id,
)
from tests.support.builders import LAB_07, LAB_08, a_request, a_seat
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
    ticket_id = new_ticket_id(lambda size: next(tokens))
    assert ticket_id == "_-h" + 40 * "a"
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
