"""Rows that many callers share at one moment: a counter that they all write makes nobody wait."""

import random
from collections import Counter
from collections.abc import Iterator
from functools import partial

import pytest

from keyferry_service.adapters.email_ses import Mailer
from keyferry_service.adapters.emails_dynamodb import Emails
from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.queue_sqs import MailRequest
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.ticket import LIFE_S, EmailStatus, Ticket, TicketState
from keyferry_service.use_cases.open_ticket import OpenTicket
from keyferry_service.use_cases.outcome import EmailSent
from keyferry_service.use_cases.send_email import SendEmail
from tests.service.simulation.cloud import IN, OUT, Clients, Cloud, Secrets
from tests.service.simulation.processes import Lambdas, Turn, simulated
from tests.service.use_cases.fakes import FAKE_VENDOR, Deadline
from tests.support.samples import NOW

NETWORK = "192.0.2.0/24"
ROOM = 200  # computers behind one address


@pytest.fixture
def lambdas() -> Iterator[Lambdas]:
    with simulated(Cloud(random.Random(1), NOW)) as lambdas:
        yield lambdas


def test_two_hundred_tickets_of_one_network_take_two_calls_each(lambdas: Lambdas) -> None:
    """So none is retried, however many are opened at once."""
    cloud = lambdas.cloud
    opened: list[str] = []

    def open_one(turn: Turn) -> None:
        clients = Clients(cloud, turn.pause)
        tickets = Tickets(clients.client("dynamodb"), "Tickets")
        files = Files(clients.client("s3"), IN, OUT)
        opening = OpenTicket(tickets, files, lambdas.clock, Secrets(cloud.rng))
        opened.append(opening.open(None, "en", NETWORK, Deadline(10_000)).ticket.id)

    lambdas.interleave([Turn(open_one) for _ in range(ROOM)])

    assert Counter(cloud.calls) == {"update_item": ROOM, "put_item": ROOM}
    assert {("Tickets", f"ticket#{ticket}") for ticket in opened} < set(cloud.tables.rows)
    (counter,) = [row for row in cloud.tables.rows.values() if "ticket_count" in row]
    assert counter["ticket_count"] == {"N": str(ROOM)}


AT_ONCE = 20  # two processes of send_response, ten messages each


@pytest.mark.parametrize("licenses", [1, AT_ONCE])
def test_mails_that_share_rows_are_all_sent_in_the_time_of_their_function(
    lambdas: Lambdas, licenses: int
) -> None:
    """Their counters are in a transaction, since few are sent at once, and few for one license."""
    cloud = lambdas.cloud
    tickets = Tickets(Clients(cloud, lambda: None).client("dynamodb"), "Tickets")
    for n in range(AT_ONCE):
        tickets.add(a_published_ticket(f"ticket {n}", f"license {n % licenses}", f"request {n}"))

    def send_one(n: int, turn: Turn) -> None:
        clients = Clients(cloud, turn.pause)
        mailer = Mailer(clients.client("sesv2"), FAKE_VENDOR.support, "keyferry")
        tables = clients.client("dynamodb")
        tickets, emails = Tickets(tables, "Tickets"), Emails(tables, "Tickets")
        secrets = Secrets(cloud.rng)
        parts = (FAKE_VENDOR.support, "https://example.com", FAKE_VENDOR, lambdas.clock, secrets)
        sending = SendEmail(tickets, emails, mailer, *parts)
        request = MailRequest(f"ticket {n}", None)
        sent.append(sending.send(request, f"message {n}", Deadline(15_000)))

    sent: list[object] = []
    cloud.calls.clear()
    lambdas.interleave([Turn(partial(send_one, n)) for n in range(AT_ONCE)])

    assert sent == [EmailSent()] * AT_ONCE
    assert len(cloud.mails) == AT_ONCE


def a_published_ticket(id: str, license_number: str, request_sha256: str) -> Ticket:
    return Ticket(
        id,
        NOW + LIFE_S,
        TicketState.PROCESSING,
        "it@example.com",
        email_status=EmailStatus.PENDING,
        request_sha256=request_sha256,
        file_name="x.response",
        kind="activate",
        license_number=license_number,
    )
