"""Sending email, and what is recorded of the email that comes back."""

import secrets
from dataclasses import replace

import pytest

from keyferry_service.adapters.emails_dynamodb import hash_address, suppressed_key
from keyferry_service.adapters.feedback_ses import Feedback, Reason
from keyferry_service.adapters.queue_sqs import MailRequest
from keyferry_service.adapters.retries import OutOfTime, TransactionConflict
from keyferry_service.domain.ticket import LIFE_S, EmailStatus
from keyferry_service.use_cases.outcome import (
    AddressSuppressed,
    Dropped,
    EmailDelayed,
    EmailSent,
    EmailWithheld,
)
from keyferry_service.use_cases.record_feedback import RecordFeedback
from keyferry_service.use_cases.send_email import SendEmail
from tests.service.use_cases.fakes import FAKE_VENDOR, TICKET, Deadline, Service
from tests.support.builders import LAB_07, a_request_file
from tests.support.samples import NOW

BOUNCE = Feedback("", Reason.BOUNCE, "General", is_final=True)


def sending(service: Service) -> SendEmail:
    return SendEmail(
        tickets=service.tickets,
        emails=service.emails,
        mailer=service.mailer,
        sender=FAKE_VENDOR.support,
        page_origin="https://activate.example.com",
        vendor=FAKE_VENDOR,
        clock=service.clock,
        secrets=secrets,
    )


def send(service: Service, to: str | None = None) -> object:
    return sending(service).send(MailRequest(TICKET, to), "message 1", Deadline())


@pytest.fixture
def answered(service: Service) -> Service:
    """The service once it answered the ticket's file."""
    service.answering.answer(service.upload(a_request_file(LAB_07)), Deadline())
    return service


def state_of_mail(service: Service) -> EmailStatus:
    ticket = service.tickets.get(TICKET, NOW)
    assert ticket is not None
    return ticket.email_status


def mail_id(service: Service) -> str:
    (name,) = [key[1] for key in service.cloud.tables.rows if key[1].startswith("sent#")]
    return name.removeprefix("sent#")


def test_the_link_is_sent_once(answered: Service) -> None:
    assert send(answered) == EmailSent()
    assert state_of_mail(answered) is EmailStatus.SENT
    assert send(answered) is None
    (mail,) = answered.cloud.mails
    assert mail.address == "a@example.com"
    assert b"https://activate.example.com/api/responses/" in mail.raw.replace(b"=\r\n", b"")


def test_before_the_proof_nothing_is_sent(service: Service) -> None:
    assert send(service) is None
    assert service.cloud.mails == []


def test_an_ended_ticket_sends_nothing(answered: Service) -> None:
    answered.clock.now += LIFE_S
    assert send(answered) == Dropped("The ticket has ended.")


def test_an_address_that_wants_none_gets_none(answered: Service) -> None:
    key = {"pk": {"S": suppressed_key(hash_address("b@example.com"))}}
    item = key | {"expires_at": {"N": str(NOW + 1)}}
    answered.dynamodb.put_item(TableName="Tickets", Item=item)
    assert send(answered, to="b@example.com") == EmailWithheld()
    assert state_of_mail(answered) is EmailStatus.WITHHELD


def test_conflicts_until_the_deadline_send_nothing(answered: Service) -> None:
    answered.cloud.faults = lambda call: "conflict" if call == "transact_write_items" else None
    with pytest.raises(OutOfTime):
        send(answered)
    assert answered.cloud.mails == []
    assert state_of_mail(answered) is EmailStatus.PENDING


# ---- What comes back


def record(service: Service, feedback: Feedback) -> object:
    return RecordFeedback(service.emails, service.suppressions, service.clock).record(feedback)


def test_a_final_bounce_suppresses_the_address_once(answered: Service) -> None:
    send(answered)
    bounce = replace(BOUNCE, mail_id=mail_id(answered))
    assert record(answered, bounce) == AddressSuppressed(TICKET[:8], "bounce", "General")
    assert state_of_mail(answered) is EmailStatus.BOUNCED
    assert record(answered, bounce) == Dropped(
        "The email is unknown, or its feedback was recorded before."
    )


def test_a_bounce_that_is_not_final_changes_nothing(answered: Service) -> None:
    send(answered)
    full = replace(BOUNCE, mail_id=mail_id(answered), detail="MailboxFull", is_final=False)
    assert record(answered, full) == EmailDelayed("bounce", "MailboxFull")
    assert state_of_mail(answered) is EmailStatus.SENT


def test_a_conflict_is_an_error_and_the_same_notice_then_counts(answered: Service) -> None:
    send(answered)
    bounce = replace(BOUNCE, mail_id=mail_id(answered))
    answered.cloud.faults = lambda call: "conflict" if call == "transact_write_items" else None
    with pytest.raises(TransactionConflict):
        record(answered, bounce)
    answered.cloud.faults = lambda _: None
    assert record(answered, bounce) == AddressSuppressed(TICKET[:8], "bounce", "General")
