"""A trial's holder, or anybody with one license, who would have the vendor mail a victim.

Tested elsewhere: one network opens so many tickets an hour
(tests/service/functions/test_public_api.py, `test_a_network_opens_so_many_tickets_an_hour`); a
message that is brought again counts once (tests/service/functions/test_mailing.py).
"""

import email
import json
from collections import Counter
from typing import Any

import pytest

from keyferry_service.adapters.tickets_dynamodb import (
    ADDRESSES_PER_REQUEST,
    MAILS_PER_LICENSE,
    hash_address,
)
from tests.support.builders import LAB_07, LAB_08, a_key, a_request_file
from tests.support.samples import DAY
from tests.support.world import QUEUE, World

pytestmark = pytest.mark.attack

VICTIM = "victim@example.org"


@pytest.fixture
def trial(world: World) -> World:
    """A license for two weeks that anybody gets."""
    world.sell(trial_days=14, seats=1)
    return world


def request_mail(world: World, ticket: str, address: str) -> None:
    """`POST .../mail`, and the message that it puts into the queue, handled."""
    world.call("POST", f"/api/requests/{ticket}/mail", {"email": address})
    for message in world.sqs.receive_message(QueueUrl=QUEUE).get("Messages", []):
        record = world.notice("send_response", f"responses/{ticket}/x.response", "1")
        record |= {"body": message["Body"], "messageId": message["MessageId"]}
        world.sqs.delete_message(QueueUrl=QUEUE, ReceiptHandle=message["ReceiptHandle"])
        assert world.handle("send_response", record) == []


def activated(world: World, address: str | None, **changes: Any) -> str:
    ticket = world.activate(a_request_file(LAB_07, **changes), address)
    assert world.send(ticket) == []
    return ticket


def mailed(world: World) -> Counter[str]:
    return Counter(str(email.message_from_bytes(mail)["To"]) for mail in world.mails())


def test_one_request_reaches_three_addresses_by_whatever_way(trial: World) -> None:
    ticket = activated(trial, "1@example.org")
    for number in range(2, 6):
        request_mail(trial, ticket, f"{number}@example.org")
        activated(trial, f"{number + 4}@example.org")
    assert set(mailed(trial)) == {"1@example.org", "2@example.org", "6@example.org"}
    assert len(mailed(trial)) == ADDRESSES_PER_REQUEST


def test_capitals_make_no_other_address_and_a_mailbox_is_not_mailed_more_for_them(
    trial: World,
) -> None:
    for address in (
        "victim@example.org",
        "VICTIM@example.org",
        "Victim@Example.org",
        "2@b.example",
    ):
        activated(trial, address)
    assert len(mailed(trial)) == 4
    for address in ("3@b.example", "4@b.example"):
        activated(trial, address)
    assert "4@b.example" not in mailed(trial)


def test_a_license_sends_twenty_mails_a_day_by_all_ways_together_also_to_one_victim(
    trial: World,
) -> None:
    ticket = activated(trial, VICTIM)
    for number in range(10):
        request_mail(trial, ticket, VICTIM)
        activated(trial, VICTIM, id=f"{number:032x}")
    assert mailed(trial) == {VICTIM: MAILS_PER_LICENSE} == {VICTIM: 20}
    assert trial.ticket(activated(trial, "2@example.org"))["email"] == "withheld"
    trial.now += DAY
    activated(trial, VICTIM, id="f" * 32)
    assert mailed(trial) == {VICTIM: 21}


def test_refusals_are_counted_as_mails_too(trial: World) -> None:
    trial.activate(a_request_file(LAB_08))
    for number in range(22):
        activated(trial, VICTIM, id=f"{number:032x}")
    assert mailed(trial) == {VICTIM: 20}


def test_asking_again_and_again_for_one_mail_fills_no_mailbox(trial: World) -> None:
    """Each asks the queue, and each is counted; the page shows what became of it."""
    ticket = activated(trial, None)
    for _ in range(22):
        request_mail(trial, ticket, VICTIM)
    assert mailed(trial) == {VICTIM: 20}
    assert trial.ticket(ticket)["email"] == "withheld"


def test_who_complained_or_whose_mail_came_back_gets_no_mail_of_any_license(trial: World) -> None:
    key = {"pk": {"S": f"suppressed#{hash_address(VICTIM)}"}}
    trial.dynamodb.put_item(TableName="Tickets", Item=key)
    ticket = activated(trial, VICTIM.upper())
    request_mail(trial, ticket, VICTIM)
    assert mailed(trial) == {}


def test_without_a_proof_nobody_can_have_a_mail_sent_at_all(trial: World) -> None:
    wrong = a_request_file(LAB_07, activation=a_key("a guess"))
    for file in (wrong, b"no request", a_request_file(LAB_07, "update")):
        ticket = trial.activate(file, VICTIM)
        trial.send(ticket)
        request_mail(trial, ticket, VICTIM)
    assert mailed(trial) == {}


def test_the_counters_name_no_address(trial: World) -> None:
    activated(trial, VICTIM)
    counters = [
        row for row in trial.rows("Tickets") if row["pk"]["S"].startswith(("mail#", "link#"))
    ]
    assert len(counters) == 3
    assert VICTIM not in json.dumps(counters, default=str)
    assert hash_address(VICTIM) in json.dumps(counters, default=str)
