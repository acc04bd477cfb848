"""The vendor hands an answer out again: the ledger's bytes, signed anew on a new ticket."""

import json
from copy import deepcopy
from typing import Any

import pytest

from keyferry_protocol.response import verify_response
from keyferry_service.adapters.queue_sqs import request_resign
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.ticket import EmailStatus, Ticket, TicketState
from tests.support.builders import a_request, a_request_file
from tests.support.samples import DAY, NOW, NUMBER
from tests.support.world import KEYS, World, an_event

TICKET = "r" * 43
FILE_NAME = f"{a_request().file_stem}-1.response"


def asked_to_sign(world: World, ticket_id: str) -> dict[str, Any]:
    """The message that the desk sends."""
    url = world.sqs.get_queue_url(QueueName="keyferry-requests")["QueueUrl"]
    request_resign(world.sqs, url, ticket_id)
    (sent,) = world.sqs.receive_message(QueueUrl=url)["Messages"]
    record: dict[str, Any] = deepcopy(an_event("process_request")["Records"][0])
    return record | {"body": sent["Body"]}


def opened_by_the_desk(world: World, **facts: Any) -> None:
    known: dict[str, Any] = {
        "expires_at": NOW + 7 * DAY,
        "state": TicketState.PROCESSING,
        "license_number": NUMBER,
        "request_sha256": a_request().sha256,
        "file_name": FILE_NAME,
        "kind": "activate",
        "seat": 1,
        "email": "kim@example.com",
        "email_status": EmailStatus.PENDING,
    }
    Tickets(world.dynamodb, "Tickets").add(Ticket(TICKET, **(known | facts)))


def test_a_resent_answer_is_the_same_and_is_emailed(world: World) -> None:
    world.sell()
    first = world.response(world.activate(a_request_file()))
    rows = world.rows("Licenses")
    opened_by_the_desk(world)
    assert world.process(asked_to_sign(world, TICKET)) == []
    again = world.response(TICKET)
    assert verify_response(again, KEYS).envelope.body == verify_response(first, KEYS).envelope.body
    assert world.rows("Licenses") == rows
    assert world.ticket(TICKET)["state"] == "ready"
    assert world.send(TICKET) == []
    assert len(world.mails()) == 1
    assert "dropped" not in world.log.getvalue()


def test_a_repeated_request_to_resign_publishes_once(world: World) -> None:
    world.sell()
    world.activate(a_request_file())
    opened_by_the_desk(world)
    message = asked_to_sign(world, TICKET)
    assert world.process(message) == world.process(message) == []
    assert list(world.answers(TICKET)) == [FILE_NAME]


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"expires_at": NOW - 1}, id="the ticket has ended"),
        pytest.param({"request_sha256": "0" * 64}, id="never answered"),
        pytest.param({"license_number": None, "request_sha256": None}, id="never proven"),
    ],
)
def test_nothing_is_signed_but_what_the_ledger_has(world: World, facts: dict[str, Any]) -> None:
    world.sell()
    world.activate(a_request_file())
    opened_by_the_desk(world, **facts)
    assert world.process(asked_to_sign(world, TICKET)) == []
    assert world.answers(TICKET) == {}


@pytest.mark.parametrize("document", [{"sign": {}}, {"sign": {"ticket": "x"}}, {"sign": TICKET}])
def test_a_message_of_another_form_is_dropped(world: World, document: Any) -> None:
    record = an_event("process_request")["Records"][0] | {"body": json.dumps(document)}
    assert world.process(record) == []
    assert "dropped" in world.log.getvalue()
