"""Mails that came back, and mails that were complained of."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from keyferry_service.adapters.emails_dynamodb import SENT_KEPT_S, hash_address
from keyferry_service.adapters.suppressions_dynamodb import SUPPRESSED_S, Suppression, Suppressions
from tests.service.functions.test_answering import conflict
from tests.support.builders import LAB_07, LAB_08, a_request_file
from tests.support.samples import DAY, NOW, NUMBER
from tests.support.world import World, an_event

ANNA, BEN = "anna@example.org", "ben@example.org"
NO_USER = {"bounceType": "Permanent", "bounceSubType": "General"}


@pytest.fixture
def tags(world: World) -> Iterator[list[str]]:
    """The tags of all mail, as SES gets them."""
    values: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        (tag,) = params["EmailTags"]
        assert tag["Name"] == "mail"
        values.append(tag["Value"])

    events = world.service["sesv2"].meta.events
    events.register("provide-client-params.sesv2.SendEmail", note)
    yield values
    events.unregister("provide-client-params.sesv2.SendEmail", note)


def a_notice(mail_id: str, kind: str = "Bounce", **details: Any) -> dict[str, Any]:
    """The message that SES's notice of a mail is."""
    record: dict[str, Any] = deepcopy(an_event("mail_feedback")["Records"][0])
    notice = json.loads(record["body"])
    if kind == "Complaint":
        del notice["bounce"]
        notice["complaint"] = {"feedbackId": "01", "timestamp": "2026-11-24T09:48:15.669Z"}
    notice["eventType"] = kind
    notice[kind.lower()] |= details
    notice["mail"]["tags"]["mail"] = [mail_id]
    record["body"] = json.dumps(notice)
    return record


def changed(record: dict[str, Any], *path: str, to: Any) -> dict[str, Any]:
    """The same message with another value in its notice."""
    record = deepcopy(record)
    notice = json.loads(record["body"])
    place = notice
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = to
    record["body"] = json.dumps(notice)
    return record


def record_feedback(world: World, *messages: dict[str, Any]) -> list[str]:
    return world.handle("mail_feedback", *messages)


def mailed(world: World, to: str = ANNA) -> str:
    """A ticket whose mail was sent."""
    ticket = world.activate(a_request_file(LAB_07), to)
    assert world.send(ticket) == []
    assert world.ticket(ticket)["email"] == "sent"
    return ticket


def mail_again(world: World, ticket: str, to: str) -> str:
    """Have the link sent to another address from the page; what becomes of that mail."""
    answer = world.call("POST", f"/api/requests/{ticket}/mail", {"email": to})
    assert answer["statusCode"] == 202
    (mail_request,) = world.sqs.receive_message(
        QueueUrl=world.sqs.get_queue_url(QueueName="keyferry-responses")["QueueUrl"],
        MaxNumberOfMessages=1,
    )["Messages"]
    message = an_event("send_response")["Records"][0] | {
        "body": mail_request["Body"],
        "messageId": mail_request["MessageId"],
    }
    assert world.handle("send_response", message) == []
    return str(world.ticket(ticket)["email"])


def suppressed(world: World) -> list[Suppression]:
    return list(Suppressions(world.dynamodb, "Tickets").all(world.now))


@pytest.mark.parametrize(
    ("kind", "details", "is_final"),
    [
        pytest.param("Bounce", NO_USER, True, id="there is no such mailbox"),
        pytest.param(
            "Bounce",
            {"bounceType": "Permanent", "bounceSubType": "OnAccountSuppressionList"},
            True,
            id="SES itself does not send there any more",
        ),
        pytest.param(
            "Bounce",
            {"bounceType": "Transient", "bounceSubType": "MailboxFull"},
            False,
            id="the mailbox is full",
        ),
        pytest.param(
            "Bounce",
            {"bounceType": "Transient", "bounceSubType": "General"},
            False,
            id="it is out of office and says so",
        ),
        pytest.param(
            "Bounce",
            {"bounceType": "Undetermined", "bounceSubType": "Undetermined"},
            False,
            id="nobody knows why it came back",
        ),
        pytest.param(
            "Complaint",
            {
                "complaintFeedbackType": "abuse",
                "complainedRecipients": [{"emailAddress": ANNA}],
            },
            True,
            id="the reader says it is spam",
        ),
        pytest.param(
            "Complaint", {"complainedRecipients": []}, True, id="a complaint that names nobody"
        ),
        pytest.param("Complaint", {}, True, id="a complaint that says nothing at all"),
        pytest.param(
            "Complaint", {"complaintFeedbackType": "not-spam"}, False, id="it is no spam after all"
        ),
    ],
)
def test_a_final_notice_is_shown_and_the_address_gets_no_more_email(
    world: World, tags: list[str], kind: str, details: dict[str, Any], is_final: bool
) -> None:
    world.sell(seats=2)
    ticket = mailed(world)
    assert record_feedback(world, a_notice(tags[0], kind, **details)) == []
    assert world.ticket(ticket)["email"] == ("bounced" if is_final else "sent")
    assert len(suppressed(world)) == is_final
    next_ticket = world.activate(a_request_file(LAB_08), "Anna@Example.org")
    world.send(next_ticket)
    assert world.ticket(next_ticket)["email"] == ("withheld" if is_final else "sent")
    assert len(world.mails()) == (1 if is_final else 2)


def test_the_record_of_a_bounce_names_no_address_and_ends_after_a_year(
    world: World, tags: list[str]
) -> None:
    world.sell(seats=2)
    ticket = mailed(world)
    world.now += 5
    record_feedback(world, a_notice(tags[0], **NO_USER))
    assert suppressed(world) == [
        Suppression(
            reason="bounce",
            detail="General",
            since=NOW + 5,
            expires_at=NOW + 5 + SUPPRESSED_S,
            license_number=NUMBER,
            ticket=ticket[:8],
            address_sha256=hash_address(ANNA),
        )
    ]
    rows = [r for r in world.rows("Tickets") if not r["pk"]["S"].startswith("ticket#")]
    assert "anna" not in json.dumps(rows)
    world.now += SUPPRESSED_S + DAY  # and the table forgets late
    assert suppressed(world) == []
    world.sell(number="015120020101")
    later = world.activate(a_request_file(LAB_08), ANNA)
    world.send(later)
    assert world.ticket(later)["email"] == "sent"


def test_a_bounce_that_arrives_before_its_email_is_marked_as_sent_wins(
    world: World, tags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07), ANNA)
    ses = world.service["sesv2"]
    send = ses.send_email

    def send_and_bounce(**call: Any) -> None:
        send(**call)
        assert record_feedback(world, a_notice(tags[0], **NO_USER)) == []

    monkeypatch.setattr(ses, "send_email", send_and_bounce)
    assert world.send(ticket) == []
    assert world.ticket(ticket)["email"] == "bounced"
    assert world.send(ticket) == []  # S3 tells twice
    assert len(world.mails()) == 1


def test_a_notice_counts_once_however_often_and_late_it_comes(
    world: World, tags: list[str]
) -> None:
    world.sell()
    mailed(world)
    notice = a_notice(tags[0], **NO_USER)
    for _ in range(2):  # one after the other: moto's transactions are not atomic side by side
        assert record_feedback(world, notice) == []
    assert len(suppressed(world)) == 1
    Suppressions(world.dynamodb, "Tickets").lift(ANNA, world.now)
    world.now += 3 * DAY
    assert record_feedback(world, notice) == []
    assert suppressed(world) == []


def test_a_bounce_of_an_earlier_email_does_not_affect_a_later_one(
    world: World, tags: list[str]
) -> None:
    world.sell()
    ticket = mailed(world)
    assert mail_again(world, ticket, BEN) == "sent"
    assert record_feedback(world, a_notice(tags[0], **NO_USER)) == []
    assert world.ticket(ticket)["email"] == "sent"
    assert [row.address_sha256 for row in suppressed(world)] == [hash_address(ANNA)]
    assert record_feedback(world, a_notice(tags[1], **NO_USER)) == []
    assert world.ticket(ticket)["email"] == "bounced"


def test_after_a_bounce_another_address_gets_the_link_and_the_same_one_does_not(
    world: World, tags: list[str]
) -> None:
    world.sell()
    ticket = mailed(world)
    record_feedback(world, a_notice(tags[0], **NO_USER))
    assert mail_again(world, ticket, ANNA) == "withheld"
    assert mail_again(world, ticket, BEN) == "sent"


def test_a_complaint_that_comes_after_the_ticket_has_ended_still_counts(
    world: World, tags: list[str]
) -> None:
    world.sell()
    mailed(world)
    world.now += SENT_KEPT_S - 1
    assert record_feedback(world, a_notice(tags[0], "Complaint")) == []
    assert [row.reason for row in suppressed(world)] == ["complaint"]


UNKNOWN = "f" * 32
GREETING = "Successfully validated SNS topic for Amazon SES event publishing."


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda n: {**n, "body": "?"}, id="no JSON"),
        pytest.param(lambda n: {**n, "body": "[]"}, id="no event"),
        pytest.param(lambda n: {**n, "body": "[" * 100_000}, id="a JSON bomb"),
        pytest.param(lambda n: {**n, "body": json.dumps({"Message": n["body"]})}, id="wrapped"),
        pytest.param(lambda n: changed(n, "eventType", to="Delivery"), id="a delivery"),
        pytest.param(lambda n: changed(n, "eventType", to=["Bounce"]), id="a list of types"),
        pytest.param(lambda n: changed(n, "bounce", to="Permanent"), id="a word for a bounce"),
        pytest.param(lambda n: changed(n, "mail", "tags", to={}), id="a mail without tags"),
        pytest.param(
            lambda n: changed(n, "mail", "sendingAccountId", to="210987654321"),
            id="another account's mail",
        ),
        pytest.param(
            lambda n: changed(n, "mail", "tags", "ses:configuration-set", to=["newsletter"]),
            id="another configuration set's mail",
        ),
        pytest.param(
            lambda n: changed(
                n, "mail", "tags", "ses:configuration-set", to=["keyferry", "newsletter"]
            ),
            id="a mail of two configuration sets",
        ),
        pytest.param(
            lambda n: changed(n, "mail", "tags", "mail", to=[UNKNOWN]), id="a mail never sent"
        ),
        pytest.param(
            lambda n: changed(n, "mail", "tags", "mail", to=["a", "b"]), id="a mail of two ids"
        ),
        pytest.param(lambda n: changed(n, "mail", "tags", "mail", to=[7]), id="a number for an id"),
        pytest.param(
            lambda n: changed(n, "mail", "tags", "mail", to=["../ticket#x"]), id="another row's key"
        ),
    ],
)
def test_a_forged_or_foreign_notice_changes_nothing_and_is_logged_once(
    world: World, tags: list[str], forge: Any
) -> None:
    world.sell()
    mailed(world)
    rows = world.rows("Tickets")
    assert record_feedback(world, forge(a_notice(tags[0], **NO_USER))) == []
    assert world.rows("Tickets") == rows
    assert world.log.getvalue().count('"dropped"') == 1


def test_the_greeting_of_ses_is_ignored(world: World) -> None:
    assert record_feedback(world, a_notice(UNKNOWN) | {"body": GREETING}) == []
    assert "dropped" not in world.log.getvalue()


def test_a_notice_suppresses_the_real_recipient_and_nobody_that_it_names(
    world: World, tags: list[str]
) -> None:
    world.sell()
    mailed(world)
    notice = a_notice(tags[0], **NO_USER, bouncedRecipients=[{"emailAddress": BEN}])
    record_feedback(world, changed(notice, "mail", "destination", to=[BEN]))
    assert [row.address_sha256 for row in suppressed(world)] == [hash_address(ANNA)]


def test_a_notice_that_comes_twice_at_the_same_moment_counts_once(
    world: World, tags: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sell()
    ticket = mailed(world)
    notice = a_notice(tags[0], **NO_USER)
    dynamodb = world.service["dynamodb"]
    mark = dynamodb.update_item

    def be_overtaken(**call: Any) -> None:
        monkeypatch.setattr(dynamodb, "update_item", mark)
        assert record_feedback(world, notice) == []
        Suppressions(world.dynamodb, "Tickets").lift(ANNA, world.now)
        mark(**call)

    monkeypatch.setattr(dynamodb, "update_item", be_overtaken)
    assert record_feedback(world, notice) == []
    assert suppressed(world) == []  # the second would have held it back again
    assert world.ticket(ticket)["email"] == "bounced"


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ConnectionError(), id="DynamoDB does not answer"),
        pytest.param(conflict("TransactWriteItems"), id="another transaction is writing"),
    ],
)
def test_a_failed_notice_comes_back_alone_and_then_has_the_same_effect(
    world: World, tags: list[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Killed between the mark on the ticket and the suppression."""
    world.sell(seats=2)
    first = mailed(world)
    second = world.activate(a_request_file(LAB_08), BEN)
    world.send(second)
    one, other = a_notice(tags[0], **NO_USER), a_notice(tags[1], **NO_USER) | {"messageId": "b"}
    dynamodb = world.service["dynamodb"]
    write = dynamodb.transact_write_items

    def fail_for_anna(**call: Any) -> None:
        if call["TransactItems"][0]["Put"]["Item"]["ticket"] == {"S": first[:8]}:
            raise error
        write(**call)

    monkeypatch.setattr(dynamodb, "transact_write_items", fail_for_anna)
    assert record_feedback(world, one, other) == [one["messageId"]]
    assert [row.address_sha256 for row in suppressed(world)] == [hash_address(BEN)]
    monkeypatch.undo()
    monkeypatch.setattr("time.time", lambda: world.now)
    assert record_feedback(world, one) == []
    assert {row.address_sha256 for row in suppressed(world)} == {
        hash_address(ANNA),
        hash_address(BEN),
    }
    assert world.ticket(first)["email"] == world.ticket(second)["email"] == "bounced"


def test_an_email_contains_neither_its_tag_nor_its_ticket(world: World, tags: list[str]) -> None:
    world.sell()
    ticket = mailed(world)
    (mail,) = world.mails()
    for secret in (ticket, tags[0], hash_address(ANNA)):
        assert secret.encode() not in mail.replace(b"=\r\n", b"")
