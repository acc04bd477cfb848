"""A trial's holder, or anybody with one license, who would have the vendor mail a victim.

Tested elsewhere: one network opens so many tickets an hour
(tests/service/functions/test_public_api.py, `test_a_network_opens_so_many_tickets_an_hour`); a
message that is brought again counts once (tests/service/functions/test_mailing.py).
"""

import email
import json
from collections import Counter
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from keyferry_service.adapters.emails_dynamodb import (
    ADDRESSES_PER_REQUEST,
    BOUNCES_PER_LICENSE,
    BOUNCES_S,
    MAILS_PER_LICENSE,
    bounces_key,
    hash_address,
)
from keyferry_service.adapters.suppressions_dynamodb import Suppressions
from tests.service.functions.test_mail_feedback import NO_USER, a_notice, record_feedback
from tests.support.builders import LAB_07, LAB_08, a_key, a_request_file
from tests.support.samples import DAY, NUMBER
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
    for address in ("victim@example.org", "VICTIM@example.org", "Victim@Example.org"):
        activated(trial, address)
    assert set(mailed(trial)) == {"victim@example.org", "VICTIM@example.org"}
    for address in ("2@b.example", "3@b.example", "4@b.example"):
        activated(trial, address)
    assert "4@b.example" not in mailed(trial)


def test_a_license_sends_twenty_mails_a_day_by_all_ways_together_also_to_one_victim(
    trial: World,
) -> None:
    for number in range(11):
        ticket = activated(trial, VICTIM, id=f"{number:032x}")
        request_mail(trial, ticket, VICTIM)
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
    assert mailed(trial) == {VICTIM: 2}
    assert trial.ticket(ticket)["email"] == "withheld"
    trial.now += DAY
    request_mail(trial, ticket, VICTIM)
    assert mailed(trial) == {VICTIM: 3}


def test_a_copied_request_file_mails_no_stranger_often_and_leaves_the_license_its_mails(
    trial: World,
) -> None:
    """The file is genuine, so whoever has a copy of it may have its answer mailed."""
    for _ in range(22):
        activated(trial, VICTIM)
    assert mailed(trial) == {VICTIM: 2}
    assert trial.ticket(activated(trial, "owner@example.org"))["email"] == "sent"


def test_a_mail_that_the_queue_brings_again_is_no_second_one(
    trial: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = trial.activate(a_request_file(LAB_07), VICTIM)
    with monkeypatch.context() as broken:
        error = ClientError({"Error": {"Code": "TooManyRequestsException"}}, "SendEmail")
        broken.setattr(trial.service["sesv2"], "send_email", Mock(side_effect=error))
        assert [len(trial.send(ticket)) for _ in range(3)] == [1, 1, 1]
    assert trial.send(ticket) == []
    activated(trial, VICTIM)
    assert mailed(trial) == {VICTIM: 2}


def bounced(world: World) -> None:
    """Have the mail that was sent last come back."""
    (row,) = [row for row in world.rows("Tickets") if row["pk"]["S"].startswith("sent#")]
    mail_id = row["pk"]["S"].removeprefix("sent#")
    assert record_feedback(world, a_notice(mail_id, **NO_USER)) == []


def test_after_five_bounces_a_license_sends_no_mail_until_the_vendor_allows_it(
    trial: World,
) -> None:
    for number in range(BOUNCES_PER_LICENSE):
        ticket = activated(trial, f"{number}@nowhere.example", id=f"{number:032x}")
        assert trial.ticket(ticket)["email"] == "sent"
        bounced(trial)
    ticket = activated(trial, "owner@example.org")
    assert trial.ticket(ticket)["email"] == "withheld"
    suppressions = Suppressions(trial.dynamodb, "Tickets")
    (stopped,) = suppressions.stopped_licenses(trial.now)
    assert (stopped.license_number, stopped.bounce_count) == (NUMBER, 5)
    suppressions.allow_license(NUMBER, trial.now)
    request_mail(trial, ticket, "owner@example.org")
    assert trial.ticket(ticket)["email"] == "sent"
    assert list(suppressions.stopped_licenses(trial.now)) == []


def test_bounces_are_forgotten_after_thirty_days(trial: World) -> None:
    row = {"bounce_count": {"N": "5"}, "expires_at": {"N": str(trial.now + DAY)}}
    key = {"pk": {"S": bounces_key(NUMBER, trial.now)}}
    trial.dynamodb.put_item(TableName="Tickets", Item=key | row)
    assert trial.ticket(activated(trial, VICTIM))["email"] == "withheld"
    trial.now += BOUNCES_S
    assert trial.ticket(activated(trial, VICTIM))["email"] == "sent"


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
    assert len(counters) == 4
    assert VICTIM not in json.dumps(counters, default=str)
    assert hash_address(VICTIM) in json.dumps(counters, default=str)
