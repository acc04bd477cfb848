"""`keyferry-admin request`: the ledger and the dead letters."""

import json
from collections import Counter
from typing import Any

import boto3
import pytest

from keyferry_admin.connection import find_connection
from keyferry_admin.stack import Stack
from keyferry_service.adapters.items_dynamodb import members, to_item
from keyferry_service.domain.allocate import Grant, GrantRule
from keyferry_service.domain.ledger import entry_for, response_to
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from keyferry_service.domain.ticket import Ticket, TicketState
from tests.service.admin.screens import GOLDEN, Pipe, take_seat
from tests.service.admin.template import TEMPLATE
from tests.support.builders import (
    LAB_07,
    LAB_08,
    SERVICE_KEY,
    Computer,
    a_license,
    a_request,
    a_request_file,
    a_seat,
)
from tests.support.samples import DAY, NOW, NUMBER

QUEUES = [
    f"{of}{kind}"
    for of in ("Requests", "Responses", "Feedback", "Webhook")
    for kind in ("Queue", "DeadQueue")
]
LOGS = {"ProcessRequestLog": "/aws/lambda/keyferry-process-request"}
LOGS["SendResponseLog"] = "/aws/lambda/keyferry-send-response"
LOGS["MailFeedbackLog"] = "/aws/lambda/keyferry-mail-feedback"
LOGS["SendWebhookLog"] = "/aws/lambda/keyferry-send-webhook"
BUCKETS = ("keyferry-in", "keyferry-out")
PAGE = "https://activate.example.com"
TICKET = "a" * 43


@pytest.fixture
def whole(stack: Stack) -> Stack:
    """The stack with its queues and buckets."""
    resources = {name: {"Type": "AWS::SQS::Queue"} for name in QUEUES}
    outputs = {name: {"Value": {"Ref": name}} for name in resources}
    literals = {name: {"Value": value} for name, value in LOGS.items()}
    basic: Any = TEMPLATE
    template = {
        "Resources": basic["Resources"] | resources,
        "Outputs": basic["Outputs"] | outputs | literals,
    }
    boto3.client("cloudformation").update_stack(
        StackName="keyferry", TemplateBody=json.dumps(template)
    )
    for bucket in BUCKETS:
        boto3.client("s3").create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        boto3.client("s3").put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration={"Status": "Enabled"}
        )
    return find_connection("keyferry").open()


def answered(
    stack: Stack, serial: int, computer: Computer = LAB_07, kind: str = "activate", **terms: Any
) -> str:
    """Write a ledger entry as the service does; return the request's SHA-256."""
    request = a_request(computer, kind, last_serial=serial - 1)
    license = a_license(revision=serial, **terms)
    ends = NOW + serial if kind == "deactivate" else license.valid_until
    seat = a_seat(computer, number=2, serial=serial, valid_until=ends)
    grant = Grant(license, seat, GrantRule.NEW_SEAT)
    answer = entry_for(response_to(request, grant, NOW + serial), grant)
    row = {"pk": NUMBER, "sk": f"answer#{request.sha256}", **members(answer)}
    table = stack.output("LicensesTable")
    boto3.client("dynamodb").put_item(TableName=table, Item=to_item(row))
    return request.sha256


@pytest.fixture
def sold(run: Any) -> None:
    run(f"license create --number {NUMBER} --seats 2")


@pytest.mark.usefixtures("sold")
class TestLedger:
    def test_responses_are_listed_newest_first(self, run: Any, stack: Stack) -> None:
        first, second = answered(stack, 1), answered(stack, 2, LAB_08)
        last = answered(stack, 60, kind="deactivate")
        assert run(f"request list {NUMBER}").out == (GOLDEN / "request-list.txt").read_text()
        rows = [line.split("\t") for line in run(f"request list {NUMBER}", Pipe).out.splitlines()]
        assert [row[-1] for row in rows] == [last, second, first]
        assert rows[0][:4] == ["2026-11-24T09:48:00Z", "deactivate", "2", "60"]
        document = run(f"request list {NUMBER} --json").json
        assert (document["license_number"], document["total"]) == (NUMBER, 3)
        assert [each["serial"] for each in document["answers"]] == [60, 2, 1]
        assert document["answers"][2]["file"] == f"{a_request(LAB_07).file_stem}-1.response"

    def test_one_page_without_all(self, run: Any, stack: Stack) -> None:
        for serial in range(1, 23):
            answered(stack, serial)
        listed = run(f"request list {NUMBER}").out
        assert len(listed.splitlines()) == 22
        assert "20 of 22 answers. All of them: --all." in listed
        assert len(run(f"request list {NUMBER} --all --json").json["answers"]) == 22

    def test_no_request_was_answered_yet(self, run: Any) -> None:
        assert "No request was answered yet." in run(f"request list {NUMBER}").out
        assert run(f"request list {NUMBER} --json").json["answers"] == []

    def test_one_response_is_shown_as_text(self, run: Any, stack: Stack) -> None:
        sha256 = answered(stack, 7, lease_days=90, maintenance_until=NOW + DAY)
        shown = run(f"request show {NUMBER} {sha256[:6].upper()}").out
        assert shown == (GOLDEN / "request-show.txt").read_text()
        document = run(f"request show {NUMBER} {sha256} --json").json
        assert document["answer"]["serial"] == 7
        assert document["answer"]["license"]["features"] == {"solver": True, "threads": 16}

    def test_the_first_digits_name_one_response_or_none(self, run: Any, stack: Stack) -> None:
        beginnings = [answered(stack, serial)[0] for serial in range(1, 18)]  # 16 hex digits
        (often, _), *_ = Counter(beginnings).most_common(1)
        for beginning, code in [(often, "ambiguous-answer"), ("x", "no-such-answer")]:
            ran = run(f"request show {NUMBER} {beginning} --json")
            assert (ran.exit, ran.json["error"]["code"]) == (1, code)


@pytest.mark.usefixtures("sold")
class TestResend:
    def test_a_response_is_sent_again_and_mailed(self, run: Any, whole: Stack) -> None:
        sha256 = answered(whole, 7)
        take_seat(whole, 2, machine_name="LAB-07")
        line = f"request resend {NUMBER} {sha256[:8]}"
        before = run(f"license show {NUMBER} --json").json
        document = run(f"{line} --to anna@example.com --json").json
        assert run(f"license show {NUMBER} --json").json == before
        page, _, id = document["page"].partition("/#t=")
        file = f"{a_request(LAB_07).file_stem}-7.response"
        assert (page, document["email"], document["file"]) == (
            PAGE,
            "anna@example.com",
            file,
        )
        assert document["expires_at"] == "2026-12-01T09:47:00Z"
        ticket = whole.tickets.get(id, NOW)
        assert ticket is not None
        assert (ticket.state, ticket.email_status, ticket.email) == (
            "processing",
            "pending",
            document["email"],
        )
        assert (ticket.request_sha256, ticket.license_number) == (sha256, NUMBER)
        assert (ticket.file_name, ticket.machine_name, ticket.seat) == (file, "LAB-07", 2)
        (message,) = lying_in(whole, "RequestsQueue")
        assert json.loads(message["Body"]) == {"sign": {"ticket": id}}

    def test_without_an_address_the_vendor_gets_the_link(self, run: Any, whole: Stack) -> None:
        sha256 = answered(whole, 7)
        first, second = run(f"request resend {NUMBER} {sha256}").out.splitlines()
        assert (
            first
            == f"✓ {a_request(LAB_07).file_stem}-7.response of 24 November 2026 is signed again"
        )
        sentence, _, id = second.partition("/#t=")
        assert sentence == "  For the customer, until 1 December 2026: https://activate.example.com"
        ticket = whole.tickets.get(id, NOW)
        assert ticket is not None
        assert (ticket.email, ticket.email_status, ticket.machine_name) == (None, "none", "")

    def test_where_a_key_has_ended_an_older_application_may_reject_the_response(
        self, run: Any, whole: Stack
    ) -> None:
        sha256 = answered(whole, 7)
        new = SigningKey("0123456789abcdef", SERVICE_KEY.alg, b"new", KeyStatus.ACTIVE)
        whole.signing_keys.add(SERVICE_KEY)
        assert run(f"request resend {NUMBER} {sha256} --json").json["warnings"] == []
        whole.signing_keys.add(new)
        whole.signing_keys.end(SERVICE_KEY, KeyStatus.RETIRED, new)
        assert (
            f"! It is signed with today's keys: an application that trusts only {SERVICE_KEY.keyid}"
            " rejects it as not genuine until it is updated."
        ) in run(f"request resend {NUMBER} {sha256}").out

    def test_nothing_is_sent_again_for_a_revoked_license(self, run: Any, whole: Stack) -> None:
        sha256 = answered(whole, 7)
        run(f"license revoke {NUMBER} --yes")
        ran = run(f"request resend {NUMBER} {sha256} --json")
        assert (ran.exit, ran.json["error"]["code"]) == (1, "license-revoked")
        assert lying_in(whole, "RequestsQueue") == []

    def test_what_is_no_address_is_said(self, run: Any, whole: Stack) -> None:
        ran = run(f"request resend {NUMBER} 7f3a --to anna --json")
        assert (ran.exit, ran.json["error"]["code"]) == (2, "usage")
        assert lying_in(whole, "RequestsQueue") == []


def notice(bucket: str, key: str, version: str = "1") -> str:
    """S3's notice of an object."""
    entry = {"bucket": {"name": bucket}, "object": {"key": key, "versionId": version}}
    return json.dumps({"Records": [{"eventTime": "2026-11-24T09:47:00.000Z", "s3": entry}]})


def a_ticket(stack: Stack, id: str = TICKET, **facts: Any) -> None:
    ticket = Ticket(id, **({"expires_at": NOW + DAY} | facts))
    row = {"pk": f"ticket#{id}", **members(ticket)}
    item = to_item({name: value for name, value in row.items() if value is not None})
    boto3.client("dynamodb").put_item(TableName=stack.output("TicketsTable"), Item=item)


def give_up(stack: Stack, queue: str, message: str, **attributes: Any) -> None:
    stack.sqs.send_message(
        QueueUrl=stack.output(queue), MessageBody=message, MessageAttributes=attributes
    )


def lying_in(stack: Stack, queue: str) -> list[Any]:
    reply = stack.sqs.receive_message(
        QueueUrl=stack.output(queue),
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        VisibilityTimeout=0,
    )
    return reply.get("Messages", [])


def redriven(run: Any) -> list[Any]:
    letters: list[Any] = run("request redrive --json").json["redriven"]
    return letters


REQUEST = notice("keyferry-in", f"requests/{TICKET}")
RESPONSE = notice("keyferry-out", f"responses/{TICKET}/x.response")


def test_there_are_no_dead_letters(run: Any, whole: Stack) -> None:
    assert run("request redrive").out == "✓ Nothing was given up\n"


def test_requests_and_mails_go_back_to_their_queues_as_they_were(run: Any, whole: Stack) -> None:
    a_ticket(whole, state=TicketState.PROCESSING, license_number=NUMBER)
    trace = {"DataType": "String", "StringValue": "1"}
    give_up(whole, "RequestsDeadQueue", REQUEST, trace=trace)
    give_up(whole, "ResponsesDeadQueue", RESPONSE)
    output = run("request redrive").out
    assert output == (GOLDEN / "request-redrive.txt").read_text()
    (back,) = lying_in(whole, "RequestsQueue")
    assert (back["Body"], back["MessageAttributes"]) == (REQUEST, {"trace": trace})
    assert [each["Body"] for each in lying_in(whole, "ResponsesQueue")] == [RESPONSE]
    for queue in ("RequestsDeadQueue", "ResponsesDeadQueue"):
        assert lying_in(whole, queue) == []


def test_more_dead_letters_than_one_receive_call_returns(run: Any, whole: Stack) -> None:
    for _ in range(23):
        give_up(whole, "RequestsDeadQueue", REQUEST)
    assert len(redriven(run)) == 23


def test_a_message_that_cannot_be_sent_stays_in_the_dead_letter_queue(
    run: Any, whole: Stack
) -> None:
    give_up(whole, "RequestsDeadQueue", REQUEST)
    dead = whole.output("RequestsDeadQueue")
    whole.sqs.set_queue_attributes(QueueUrl=dead, Attributes={"VisibilityTimeout": "0"})
    whole.sqs.delete_queue(QueueUrl=whole.output("RequestsQueue"))
    assert run("request redrive --json").json["error"]["code"] == "aws"
    assert len(lying_in(whole, "RequestsDeadQueue")) == 1


def test_each_message_is_listed_with_what_is_known_about_it(run: Any, whole: Stack) -> None:
    def put(ticket: str, content: bytes) -> str:
        bucket, key = "keyferry-in", f"requests/{ticket}"
        put_object = boto3.client("s3").put_object
        return notice(bucket, key, put_object(Bucket=bucket, Key=key, Body=content)["VersionId"])

    a_ticket(whole, "a" * 43, state=TicketState.PROCESSING, license_number=NUMBER)
    for letter in "bcd":
        a_ticket(whole, letter * 43)
    a_ticket(whole, "e" * 43, expires_at=NOW - 1)
    to_kim = {"mail": {"ticket": "a" * 43, "to": "kim@example.com"}}
    cases = [  # queue, message, beginning of the ticket's id, license number, whether it has ended
        ("requests", put("a" * 43, b"its proof was seen"), "aaaaaaaa", NUMBER, False),
        ("requests", put("b" * 43, a_request_file()), "bbbbbbbb", NUMBER, False),
        ("requests", put("c" * 43, b"something else"), "cccccccc", None, False),
        ("requests", notice("keyferry-in", f"requests/{'d' * 43}"), "dddddddd", None, False),
        ("requests", notice("keyferry-in", f"requests/{'e' * 43}"), "eeeeeeee", None, True),
        ("requests", json.dumps({"sign": {"ticket": "a" * 43}}), "aaaaaaaa", NUMBER, False),
        ("requests", "not ours", None, None, False),
        ("responses", json.dumps(to_kim), "aaaaaaaa", NUMBER, False),
        ("responses", '{"Event": "s3:TestEvent"}', None, None, False),
        ("feedback", '{"eventType": "Bounce"}', None, None, False),
        ("webhook", json.dumps({"id": "1", "subject": NUMBER}), None, NUMBER, False),
        ("webhook", json.dumps({"id": "2"}), None, None, False),
        ("webhook", "not ours", None, None, False),
    ]
    for queue, message, *_ in cases:
        give_up(whole, f"{queue.title()}DeadQueue", message)
    letters = [tuple(letter.values()) for letter in redriven(run)]
    assert sorted(map(str, letters)) == sorted(str((queue, *known)) for queue, _, *known in cases)


def test_redrive_says_which_customers_have_to_choose_the_file_again(run: Any, whole: Stack) -> None:
    give_up(whole, "RequestsDeadQueue", REQUEST)
    output = run("request redrive").out
    assert "! Too late for 1 customer: the same file has to be chosen again." in output
