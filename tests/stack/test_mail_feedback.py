"""A mail comes back: what SES tells reaches the page, the desk, and every later mail."""

import json
from pathlib import Path
from typing import Any

import pytest

from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.browser.journeys.test_journey import mails
from tests.stack.test_dead_letters import alarms_for, eventually, redrive, waiting_in
from tests.stack.test_resending import desk
from tests.support.customer import Customer
from tests.support.journeys import carry, client, wait_for_ticket
from tests.support.running_stack import ROOT, RunningStack


def a_notice(stack: RunningStack, ticket_id: str, **mail: Any) -> str:
    """SES's notice that the ticket's latest mail came back; the embedded SES delivers none."""
    row = client(stack, "dynamodb").get_item(
        TableName=stack.outputs["TicketsTable"], Key={"pk": {"S": f"ticket#{ticket_id}"}}
    )["Item"]
    recorded = json.loads((ROOT / "functions" / "mail_feedback" / "event.json").read_bytes())
    notice: dict[str, Any] = json.loads(recorded["Records"][0]["body"])
    notice["mail"]["sendingAccountId"] = "000000000000"
    notice["mail"]["tags"]["mail"] = [row["mail_id"]["S"]]
    notice["mail"] |= mail
    return json.dumps(notice)


def publish(stack: RunningStack, notice: str) -> None:
    client(stack, "sns").publish(TopicArn=stack.outputs["FeedbackTopic"], Message=notice)


@pytest.fixture
def customer(stack: RunningStack, tmp_path: Path) -> Customer:
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    return Customer(stack, table, tmp_path, seats=5)


def test_a_mail_comes_back_its_address_gets_no_more_until_the_vendor_allows_it(
    stack: RunningStack, customer: Customer
) -> None:
    address = f"gone-{customer.number}@example.com"

    def answered(computer: int) -> dict[str, Any]:
        (ticket,) = carry(stack, [customer.file(computer)], [address])
        return ticket

    first = answered(1)
    assert first["email"] == "sent"
    publish(stack, "Successfully validated SNS topic for Amazon SES event publishing.")
    publish(stack, a_notice(stack, first["id"], sendingAccountId="210987654321"))
    notice = a_notice(stack, first["id"])
    publish(stack, notice)
    publish(stack, notice)
    eventually(lambda: wait_for_ticket(stack, first)["email"] == "bounced")

    eventually(lambda: bool(held_back(stack, customer)))
    assert answered(2)["email"] == "withheld"
    assert len(mails(stack, address)) == 1
    (row,) = held_back(stack, customer)
    assert (row["reason"], row["detail"], row["ticket"]) == ("bounce", "General", first["id"][:8])

    assert desk(stack, "mail", "allow", address)["lifted"] == row
    assert held_back(stack, customer) == []
    assert answered(3)["email"] == "sent"
    assert len(mails(stack, address)) == 2


def held_back(stack: RunningStack, customer: Customer) -> list[dict[str, Any]]:
    """What the vendor's list says of this customer."""
    rows = desk(stack, "mail", "list")["addresses"]
    return [row for row in rows if row["license_number"] == customer.number]


def test_a_notice_that_was_given_up_is_taken_in_after_one_command(
    stack: RunningStack, customer: Customer
) -> None:
    (ticket,) = carry(stack, [customer.file()], [f"late-{customer.number}@example.com"])
    dead = stack.outputs["FeedbackDeadQueue"]
    client(stack, "sqs").send_message(QueueUrl=dead, MessageBody=a_notice(stack, ticket["id"]))
    (alarm,) = alarms_for(stack, "FeedbackDeadQueue", waiting_in(stack, "FeedbackDeadQueue"))
    assert alarm["AlarmDescription"].startswith("A notice of a bounced mail was given up")
    report = redrive(stack)
    assert [letter["queue"] for letter in report["redriven"]] == ["feedback"]
    assert report["logs"] == ["/aws/lambda/keyferry-mail-feedback"]
    eventually(lambda: wait_for_ticket(stack, ticket)["email"] == "bounced")


def test_only_ses_speaks_to_the_topic_and_only_the_topic_to_the_queue(stack: RunningStack) -> None:
    topic = client(stack, "sns").get_topic_attributes(TopicArn=stack.outputs["FeedbackTopic"])
    (statement,) = json.loads(topic["Attributes"]["Policy"])["Statement"]
    assert (statement["Principal"], statement["Action"]) == (
        {"Service": "ses.amazonaws.com"},
        "sns:Publish",
    )
    assert statement["Condition"] == {
        "StringEquals": {
            "aws:SourceAccount": "000000000000",
            "aws:SourceArn": "arn:aws:ses:us-east-1:000000000000:configuration-set/keyferry",
        }
    }
    queue = client(stack, "sqs").get_queue_attributes(
        QueueUrl=stack.outputs["FeedbackQueue"], AttributeNames=["Policy"]
    )
    (sent,) = json.loads(queue["Attributes"]["Policy"])["Statement"]
    assert (sent["Principal"], sent["Action"]) == (
        {"Service": "sns.amazonaws.com"},
        "sqs:SendMessage",
    )
    assert sent["Condition"] == {"ArnEquals": {"aws:SourceArn": stack.outputs["FeedbackTopic"]}}


def test_ses_is_asked_for_bounces_and_complaints_alone(stack: RunningStack) -> None:
    reply = client(stack, "sesv2").get_configuration_set_event_destinations(
        ConfigurationSetName="keyferry"
    )
    (destination,) = reply["EventDestinations"]
    assert destination["Enabled"]
    assert destination["MatchingEventTypes"] == ["BOUNCE", "COMPLAINT"]
    assert destination["SnsDestination"] == {"TopicArn": stack.outputs["FeedbackTopic"]}
