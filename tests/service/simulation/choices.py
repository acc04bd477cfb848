"""Choices of a seat on refused tickets: the step that makes one, and what must hold of them."""

from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from keyferry_service.adapters.queue_sqs import ChosenSeat, request_decision
from keyferry_service.adapters.retries import OutOfTime
from keyferry_service.domain.ticket import Ticket, TicketState
from keyferry_service.use_cases.choose_seat import ChooseSeat, NoChoice, NotOffered
from keyferry_service.use_cases.find_ticket import NoSuchTicket
from tests.service.simulation.cloud import ENDPOINT, REQUESTS, Clients
from tests.service.simulation.processes import ACCOUNT, Context

if TYPE_CHECKING:
    from tests.service.simulation.world import Step, World

QUEUE_URL = f"{ENDPOINT}/{ACCOUNT}/{REQUESTS}"


def offering(world: "World") -> list[Ticket]:
    """The tickets on which a seat may be chosen, the last one last."""
    return [ticket for ticket in world.history.tickets.values() if ticket.offered_seats]


def choose_a_seat(world: "World", step: "Step", clients: Clients) -> None:
    """Somebody says on the page which computer is lost, on one of the tickets that offer that."""
    tickets = offering(world)
    ticket = tickets[-1 - step.a % min(2, len(tickets))]
    seat = ticket.offered_seats[step.seed % len(ticket.offered_seats)]
    sqs = clients.client("sqs")

    def ask(chosen: ChosenSeat) -> None:
        request_decision(sqs, QUEUE_URL, chosen)
        world.chosen[chosen.ticket_id] = chosen.count

    tickets_dynamodb = import_module("keyferry_service.adapters.tickets_dynamodb")  # as it is now
    tickets_table = tickets_dynamodb.Tickets(clients.client("dynamodb"), "Tickets")
    page = ChooseSeat(tickets_table, ask, world.lambdas.clock)
    # The person is told of a failure, and chooses again or not.
    with suppress(NoChoice, NoSuchTicket, NotOffered, OutOfTime, ClientError, BotoCoreError):
        page.choose(ticket.id, seat, Context())


def failures_of_choices(world: "World") -> list[str]:
    """What is wrong with any choice: decided twice, not the last one, or forgotten."""
    failures = [
        f"choice {count} on {ticket_id} had {len(outcomes)} outcomes"
        for (ticket_id, count), outcomes in world.history.decisions.items()
        if len(outcomes) > 1
    ]
    requests = world.cloud.queues[REQUESTS]
    waiting = " ".join(message.body for message in requests.waiting + requests.dead)
    for ticket in world.history.tickets.values():
        if ticket.choice is None or ticket.expires_at <= world.cloud.now:
            continue
        count = ticket.choice.count
        if ticket.state is TicketState.PROCESSING and ticket.decided != count:
            failures.append(f"{ticket.id} was answered for another choice than the last one")
        was_sent = world.chosen.get(ticket.id) == count
        if ticket.is_undecided and was_sent and ticket.id not in waiting:
            failures.append(f"choice {count} on {ticket.id} is forgotten")
    return failures
