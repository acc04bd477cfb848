"""Messages that pretend to be S3's, and what comes of one that arrives.

Tested elsewhere: who may send them at all (tests/stack/test_queue_access.py); the plain forms of a
stray message (tests/service/functions/test_bad_input.py); that only what the ledger has is signed
anew (tests/service/functions/test_resending.py).
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest

from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.domain.ticket import Ticket
from tests.service.functions.test_calls_counted import counting
from tests.support.builders import LAB_07, LAB_08, a_request_file
from tests.support.samples import DAY, NOW
from tests.support.world import IN, OUT, World

pytestmark = pytest.mark.attack

TICKET = "A" * 43


def a_notice(world: World, change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """S3's notice of a file that would be answered, with something of its record changed."""
    world.sell()
    Tickets(world.dynamodb, "Tickets").add(Ticket(TICKET, NOW + DAY))
    version = world.s3.put_object(Bucket=IN, Key=f"requests/{TICKET}", Body=a_request_file(LAB_08))[
        "VersionId"
    ]
    message = world.notice("process_request", f"requests/{TICKET}", version)
    body = json.loads(message["body"])
    change(body["Records"][0])
    return message | {"body": json.dumps(body)}


def an_object(**changes: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda record: record["s3"]["object"].update(changes)


def a_bucket(name: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda record: record["s3"]["bucket"].update(name=name)


ODD = {
    "another bucket": a_bucket("eves-bucket"),
    "the bucket of the answers": a_bucket(OUT),
    "our bucket's name and more": a_bucket(f"{IN}-2"),
    "our bucket's name in capitals": a_bucket(IN.upper()),
    "an object for a bucket's name": a_bucket({"name": IN}),
    "a key of the answers": an_object(key=f"responses/{TICKET}/x.response"),
    "a key that climbs": an_object(key=f"requests/..%2F{TICKET}"),
    "a key that climbs within its length": an_object(key="requests/" + "../" * 14 + "x"),
    "a key with a NUL": an_object(key=f"requests/{TICKET[:42]}%00"),
    "a key with a line feed": an_object(key=f"requests/{TICKET}%0A"),
    "a key with digits of another script": an_object(key="requests/" + "٣" * 43),
    "a key that is decoded twice": an_object(key=f"requests%252F{TICKET}"),
    "a list for a key": an_object(key=["requests", TICKET]),
    "a version that is not there": an_object(versionId="not-there"),
    "an object for a version": an_object(versionId={"a": 1}),
    "no version": lambda record: record["s3"]["object"].pop("versionId"),
    "a time that is a number": lambda record: record.update(eventTime=1),
    "a time of the year 0": lambda record: record.update(eventTime="0000-01-01T00:00:00.000Z"),
    "no object": lambda record: record.update(s3={"bucket": {"name": IN}}),
    "nothing for s3": lambda record: record.update(s3=None),
}


# Only S3 can tell that there is no such version. For the others nothing is read at all.
ASK_S3 = ("a version that is not there", "an object for a version")


@pytest.mark.parametrize("odd", ODD)
def test_a_notice_that_names_anything_else_is_dropped(world: World, odd: str) -> None:
    notice = a_notice(world, ODD[odd])
    with counting(*world.service.values()) as calls:
        assert is_dropped(world, "process_request", notice)
    assert calls == [] or odd in ASK_S3


def test_the_notice_that_is_changed_here_would_be_answered(world: World) -> None:
    assert world.process(a_notice(world, lambda record: None)) == []
    assert len(world.answers(TICKET)) == 1
    assert world.license().seats_used == 1


@pytest.mark.parametrize("rest", ["x", "/x", ".json", "%0A"])
def test_a_file_whose_name_begins_like_a_tickets_is_not_the_tickets(
    world: World, rest: str
) -> None:
    world.sell()
    key = f"requests/{world.open_ticket()}{rest}"
    put = world.s3.put_object(Bucket=IN, Key=unquote_plus(key), Body=a_request_file(LAB_08))
    assert is_dropped(
        world, "process_request", world.notice("process_request", key, put["VersionId"])
    )


def is_dropped(world: World, function: str, message: dict[str, Any]) -> bool:
    """Whether it is told once, not brought again, and changes nothing."""
    before = world.rows("Licenses"), world.rows("Tickets")
    again = world.handle(function, message)
    lines = [line for line in world.log.getvalue().splitlines() if '"dropped"' in line]
    written = world.s3.list_objects_v2(Bucket=OUT).get("Contents", [])
    after = world.rows("Licenses"), world.rows("Tickets")
    return (again, len(lines), written, after) == ([], 1, [], before)


BODIES = {
    "262,144 bytes of arrays": "[" * 262_144,
    "262,144 bytes of text": json.dumps("x" * 262_142),
    "a number of 200,000 digits": "9" * 200_000,
    "records without end": '{"Records":' * 10_000,
    "a record that holds itself": '{"Records":[' * 9 + "]}" * 9,
    "records that are an object": '{"Records": {"0": {}}}',
    "no JSON at all": "\x00\x1b[2J",
    "an empty text": "",
    "half a character": '"\\ud800"',
    "to sign for no ticket": '{"sign": {"ticket": "../../x"}}',
    "to sign for a list": '{"sign": {"ticket": ["A"]}}',
    "to mail to a list": json.dumps({"mail": {"ticket": TICKET, "to": ["a@b.example"]}}),
    "to mail for no ticket": '{"mail": {"ticket": "x", "to": "a@b.example"}}',
}


@pytest.mark.parametrize("function", ["process_request", "send_response"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_huge_or_odd_message_is_dropped_by_both_functions(
    world: World, function: str, body: str
) -> None:
    world.sell()
    message = world.notice(function, f"requests/{TICKET}", "1") | {"body": body}
    assert is_dropped(world, function, message)
    assert world.mails() == []


def test_a_notice_that_names_one_file_a_hundred_times_takes_one_seat(
    world: World,
) -> None:
    world.sell()
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file(LAB_07))
    world.left_ms = 100_000  # a look at it takes a tenth of a second here, and there are many
    body = json.loads(message["body"])
    body["Records"] *= 100
    assert world.process(message | {"body": json.dumps(body)}) == []
    assert world.license().seats_used == 1
    assert len(world.answers(ticket)) == 1


def test_a_notice_of_an_older_or_newer_version_gives_a_settled_ticket_nothing_more(
    world: World,
) -> None:
    world.sell(seats=3)
    ticket = world.open_ticket()
    older = world.upload(ticket, a_request_file(LAB_08))
    assert world.process(world.upload(ticket, a_request_file(LAB_07))) == []
    answered = world.response(ticket)
    newer = world.upload(ticket, a_request_file(LAB_08, id="0" * 32))
    assert world.process(older, newer) == []
    assert world.response(ticket) == answered
    assert world.license().seats_used == 1


def test_a_notice_cannot_give_one_tickets_file_to_another(world: World) -> None:
    world.sell(seats=2)
    mine, eves = world.open_ticket(), world.open_ticket()
    version = json.loads(world.upload(mine, a_request_file(LAB_07))["body"])
    version_id = version["Records"][0]["s3"]["object"]["versionId"]
    assert world.process(world.notice("process_request", f"requests/{eves}", version_id)) == []
    assert world.answers(eves) == {}
    assert world.ticket(eves)["state"] == "awaiting-upload"
