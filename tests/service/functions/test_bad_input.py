"""Messages that no request of ours caused: told once, never brought again, nothing changed."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.builders import LAB_07, LAB_08, a_request_file
from tests.support.samples import DAY
from tests.support.world import IN, OUT, World

TICKET = "A" * 43


def a_notice(world: World, key: str = f"requests/{TICKET}", **changes: Any) -> dict[str, Any]:
    return world.notice("process_request", key, "version", **changes)


def a_message(world: World, body: str) -> dict[str, Any]:
    return a_notice(world) | {"body": body}


def altered(world: World, alter: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """S3's notice with something of its record changed."""
    message = a_notice(world)
    body = json.loads(message["body"])
    alter(body["Records"][0])
    return message | {"body": json.dumps(body)}


STRAY: list[Any] = [
    pytest.param(lambda w: a_message(w, "no JSON"), id="no JSON"),
    pytest.param(lambda w: a_message(w, "[" * 100_000), id="nested without end"),
    pytest.param(lambda w: a_message(w, "[]"), id="an array"),
    pytest.param(lambda w: a_message(w, "{}"), id="no records"),
    pytest.param(lambda w: a_message(w, '{"Records": []}'), id="empty records"),
    pytest.param(lambda w: a_message(w, '{"Records": [1]}'), id="a number for a record"),
    pytest.param(lambda w: a_message(w, '{"Records": [{}]}'), id="an empty record"),
    pytest.param(
        lambda w: altered(w, lambda r: r["s3"]["object"].pop("versionId")), id="unversioned"
    ),
    pytest.param(lambda w: altered(w, lambda r: r.update(eventTime="now")), id="a wrong time"),
    pytest.param(lambda w: a_notice(w, bucket="someone-elses"), id="another bucket"),
    pytest.param(lambda w: a_notice(w, bucket=OUT), id="our other bucket"),
    pytest.param(lambda w: a_notice(w, f"other/{TICKET}"), id="another prefix"),
    pytest.param(lambda w: a_notice(w, f"requests/{TICKET}/deeper"), id="a folder below"),
    pytest.param(lambda w: a_notice(w, "requests/short"), id="no ticket's id"),
    pytest.param(lambda w: a_notice(w), id="an object that is gone"),
]


@pytest.mark.parametrize("make", STRAY)
def test_a_stray_message_is_logged_once_and_dropped(
    world: World, make: Callable[[World], dict[str, Any]]
) -> None:
    world.sell()
    rows = world.rows("Licenses"), world.rows("Tickets")
    assert world.process(make(world)) == []
    dropped = [line for line in world.log.getvalue().splitlines() if '"dropped"' in line]
    assert len(dropped) == 1
    assert (world.rows("Licenses"), world.rows("Tickets")) == rows


def test_a_stray_message_does_not_hold_up_the_others_of_its_batch(world: World) -> None:
    world.sell()
    ticket = world.open_ticket()
    good = world.upload(ticket, a_request_file(LAB_07))
    assert world.process(a_message(world, "?"), good, a_notice(world)) == []
    assert world.ticket(ticket)["state"] == "ready"


def test_s3s_test_event_is_acknowledged(world: World) -> None:
    test = '{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"keyferry-in"}'
    assert world.process(a_message(world, test)) == []
    assert world.handle("send_response", a_message(world, test)) == []


def test_a_ticket_that_has_ended_gets_no_answer(world: World) -> None:
    world.sell()
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file(LAB_07))
    world.now += 7 * DAY
    assert world.process(message) == []
    assert world.answers(ticket) == {}
    assert world.license().seats_used == 0
    assert world.call("GET", f"/api/requests/{ticket}")["statusCode"] == 404


def test_a_file_on_an_unknown_ticket_gets_no_answer(world: World) -> None:
    world.sell()
    for file in (a_request_file(LAB_07), b"no request"):
        assert world.process(world.upload(TICKET, file)) == []
    assert world.license().seats_used == 0
    assert world.answers(TICKET) == {}


def test_a_second_file_on_an_answered_ticket_changes_nothing(world: World) -> None:
    world.sell(seats=2)
    ticket = world.activate(a_request_file(LAB_07))
    response = world.response(ticket)
    for file in (a_request_file(LAB_08), b"no request"):
        assert world.process(world.upload(ticket, file)) == []
    assert world.response(ticket) == response
    assert world.license().seats_used == 1
    assert world.ticket(ticket)["state"] == "ready"


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(b"\xef\xbb\xbf" + a_request_file(), id="a byte-order mark"),
        pytest.param(a_request_file()[:-20], id="cut short"),
        pytest.param(a_request_file() + b" " * 8192, id="too big"),
        pytest.param(b"{}", id="another JSON"),
        pytest.param(b"\x89PNG\r\n\x1a\n", id="a picture"),
        pytest.param(b'{"payloadType": 1}', id="a wrong type of type"),
    ],
)
def test_any_other_file_is_refused_as_unreadable(world: World, file: bytes) -> None:
    world.sell()
    ticket = world.activate(file, "anna@example.org")
    document = world.ticket(ticket)
    assert (document["state"], document["refusal"]["code"]) == ("refused", "unreadable-request")
    assert world.send(ticket) == []
    assert world.mails() == []


def test_no_log_line_holds_a_code_a_key_an_address_or_a_link(
    world: World,
) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07), "anna@example.org")
    world.send(ticket)
    url = world.ticket(ticket)["response"]["download_url"]
    out = world.log.getvalue()
    assert '"answered"' in out
    assert ticket[:8] in out
    for secret in (ticket, "anna", "api/responses/", url[:60], "BEGIN PRIVATE"):
        assert secret not in out


FORGED_LINE = '{"level":"INFO","message":"answered","ticket":"forged"}'


def test_nothing_that_is_sent_forges_a_line_of_the_log(world: World) -> None:
    world.sell()
    evil = f"x\n{FORGED_LINE}\r\n{FORGED_LINE}\u2028"
    for path in (f"/api/requests/{evil}", f"/api/responses/{evil}", f"/{evil}", f"/api/{evil}"):
        world.call("GET", path, headers={"accept": evil, "user-agent": evil})
    world.call("POST", "/api/requests", {"email": evil, "language": evil})
    world.call("POST", "/api/requests", evil, {"content-type": evil})
    world.activate(evil.encode())
    message = world.notice("process_request", f"requests/{evil}", evil)
    assert world.process(message | {"messageId": evil}, {**message, "body": evil}) == []
    lines = world.log.getvalue().splitlines()
    assert lines
    for line in lines:
        assert json.loads(line).get("ticket") != "forged"
        assert FORGED_LINE not in line


@pytest.mark.parametrize("bucket", [IN, "someone-elses"])
def test_mail_is_sent_for_objects_of_the_out_bucket_alone(world: World, bucket: str) -> None:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07), "anna@example.org")
    (name,) = world.answers(ticket)
    notice = world.notice("send_response", f"responses/{ticket}/{name}", "1", bucket=bucket)
    assert world.handle("send_response", notice) == []
    assert world.mails() == []


def test_an_answer_missing_from_the_ledger_ends_in_an_alarm(
    world: World,
) -> None:
    world.sell()
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file(LAB_07))
    assert world.process(message) == []
    (line,) = [row for row in world.rows("Licenses") if row["sk"]["S"].startswith("answer#")]
    key = {name: line[name] for name in ("pk", "sk")}
    world.dynamodb.delete_item(TableName="Licenses", Key=key)
    assert world.process(message) == [message["messageId"]]  # and after ten times a dead letter
    assert "AnswerLost" in world.log.getvalue()
    again = world.activate(a_request_file(LAB_07))  # what the customer is told to do
    assert world.ticket(again)["state"] == "ready"
    assert world.license().seats_used == 1
