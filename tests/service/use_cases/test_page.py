"""What the page asks for: a ticket, how it stands, one more email, a download."""

import secrets
from dataclasses import replace

import pytest

from keyferry_service.adapters import tickets_dynamodb
from keyferry_service.adapters.queue_sqs import MailRequest
from keyferry_service.adapters.retries import OutOfTime
from keyferry_service.adapters.tickets_dynamodb import TooManyTickets
from keyferry_service.domain.ticket import LIFE_S, EmailStatus, TicketState
from keyferry_service.use_cases.find_ticket import NoSuchTicket, NotReady
from keyferry_service.use_cases.follow_link import FollowLink, NoSuchLink
from keyferry_service.use_cases.open_ticket import OpenTicket
from keyferry_service.use_cases.track_ticket import TrackTicket
from tests.service.use_cases.fakes import TICKET, Deadline, Service
from tests.support.samples import NOW

NETWORK = "192.0.2.0/24"


def open_one(service: Service, email: str | None = None, left_ms: int = 20_000) -> str:
    opening = OpenTicket(service.tickets, service.files, service.clock, secrets)
    return opening.open(email, "en", NETWORK, Deadline(left_ms)).ticket.id


def tracking(service: Service, requests: list[MailRequest]) -> TrackTicket:
    return TrackTicket(
        service.tickets, service.emails, service.files, requests.append, service.clock
    )


def publish(service: Service) -> None:
    """Answer the ticket without a request."""
    ticket = service.tickets.get(TICKET, NOW)
    assert ticket is not None
    row = ("Tickets", f"ticket#{TICKET}")
    del service.cloud.tables.rows[row]
    answered = replace(ticket, state=TicketState.PROCESSING, file_name="x.response")
    service.tickets.add(answered)
    service.files.publish(TICKET, "x.response", b"response")


@pytest.mark.parametrize(
    ("email", "status"), [(None, EmailStatus.NONE), ("a@b.example", EmailStatus.PENDING)]
)
def test_a_new_ticket_waits_for_its_file(
    service: Service, email: str | None, status: EmailStatus
) -> None:
    ticket = service.tickets.get(open_one(service, email), NOW)
    assert ticket is not None
    assert (ticket.state, ticket.email_status, ticket.email) == (
        TicketState.AWAITING_UPLOAD,
        status,
        email,
    )
    assert ticket.expires_at == NOW + LIFE_S


def test_a_ticket_that_boto3_puts_twice_is_opened(service: Service) -> None:
    service.cloud.faults = lambda call: "sent twice" if call == "put_item" else None
    assert service.tickets.get(open_one(service), NOW) is not None


def test_a_network_opens_so_many_tickets(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tickets_dynamodb, "TICKETS_PER_NETWORK", 1)
    open_one(service)
    with pytest.raises(TooManyTickets):
        open_one(service)


def test_a_ticket_that_meets_others_to_the_end_is_not_opened(service: Service) -> None:
    service.cloud.faults = lambda call: "conflict" if call == "update_item" else None
    with pytest.raises(OutOfTime):
        open_one(service, left_ms=5500)


def test_a_ticket_is_ready_once_its_response_is_there(service: Service) -> None:
    requests: list[MailRequest] = []
    publish(service)
    assert tracking(service, requests).status(TICKET).response is not None
    assert tracking(service, requests).send_email(TICKET, "b@example.com") is EmailStatus.PENDING
    assert requests == [MailRequest(TICKET, "b@example.com")]


def test_a_ticket_without_a_response_has_no_link_and_no_email(service: Service) -> None:
    requests: list[MailRequest] = []
    tracked = tracking(service, requests).status(TICKET)
    assert (tracked.uploaded_at, tracked.response) == (None, None)
    with pytest.raises(NotReady):
        tracking(service, requests).send_email(TICKET, "b@example.com")
    assert requests == []


@pytest.mark.parametrize("ticket_id", ["x" * 43, "short"])
def test_no_ticket_is_found_for_another_id(service: Service, ticket_id: str) -> None:
    with pytest.raises(NoSuchTicket):
        tracking(service, []).status(ticket_id)


def test_a_link_leads_to_the_response_until_it_ends(service: Service) -> None:
    publish(service)
    ticket = service.tickets.get(TICKET, NOW)
    assert ticket is not None
    token = "l" * 43
    service.emails.allow_mail(ticket, "a@example.com", token, "message", "0" * 32, NOW)
    link = FollowLink(service.emails, service.files, service.clock)
    assert link.follow(token) == ""  # what the cloud in memory makes of every URL
    service.clock.now += LIFE_S
    for other in (token, "x" * 43, "short"):
        with pytest.raises(NoSuchLink):
            link.follow(other)
