"""Tickets and links are bearer secrets: what guessing costs, and what a wrong guess tells."""

import base64
import json
import re
from hashlib import sha256
from typing import Any

import pytest

from tests.service.functions.test_calls_counted import counting
from tests.support.builders import LAB_07, a_request_file
from tests.support.samples import DAY
from tests.support.world import World, link_in

pytestmark = pytest.mark.attack

UNKNOWN = "Qm9zZS1MaW5kZW5zdHJhc3NlLTE3LUxlaXB6aWctMDQ"
MALFORMED = ["short", UNKNOWN + "A", UNKNOWN[:-1], UNKNOWN[:-1] + "=", UNKNOWN[:-1] + "é", "null"]
MALFORMED += ["..%2f..", UNKNOWN[:40] + "%00", "*", "{}", "1' OR '1'='1"]


def answered(world: World) -> str:
    world.sell()
    ticket = world.activate(a_request_file(LAB_07), "anna@example.org")
    world.send(ticket)
    return ticket


def mailed_link(world: World) -> str:
    return link_in(world.mails()[-1].replace(b"=\r\n", b""))


def test_each_ticket_and_each_link_holds_256_random_bits(world: World) -> None:
    ticket = answered(world)
    tickets = [world.open_ticket() for _ in range(50)]
    tokens = [mailed_link(world).rpartition("/")[2]]
    for number in range(3):
        file = a_request_file(LAB_07, id=f"{number:032x}")
        again = world.activate(file, "anna@example.org")
        world.send(again)
        tokens.append(mailed_link(world).rpartition("/")[2])
    every = [ticket, *tickets, *tokens]
    assert {len(base64.urlsafe_b64decode(one + "=")) for one in every} == {32}
    assert len({one[:8] for one in every}) == len(every)  # not even their beginnings repeat
    bits = [
        byte >> n & 1
        for one in every
        for byte in base64.urlsafe_b64decode(one + "=")
        for n in range(8)
    ]
    assert 0.47 < sum(bits) / len(bits) < 0.53


def test_a_link_is_not_derived_from_its_ticket_or_request(world: World) -> None:
    ticket = answered(world)
    token = mailed_link(world).rpartition("/")[2]
    known = [ticket.encode(), a_request_file(LAB_07), *world.answers(ticket).values()]
    derived = {base64.urlsafe_b64encode(sha256(one).digest()).decode()[:43] for one in known}
    assert token not in derived | {ticket}


def fetch(world: World, path: str, method: str = "GET", **headers: str) -> Any:
    body = {"POST": {"email": "eve@example.org"}, "PUT": b"a file"}.get(method)
    return world.call(method, path, body, headers)


def test_an_unknown_an_ended_and_a_malformed_ticket_are_told_by_the_very_same_bytes(
    world: World,
) -> None:
    ended = answered(world)
    world.now += 7 * DAY
    for path, method in (("", "GET"), ("/mail", "POST"), ("/file", "GET"), ("/file", "PUT")):
        answers = [
            fetch(world, f"/api/requests/{name}{path}", method)
            for name in (UNKNOWN, ended, *MALFORMED)
        ]
        assert answers[0]["statusCode"] == 404
        assert answers[1:] == answers[:1] * (1 + len(MALFORMED))


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_an_unknown_and_an_ended_link_are_told_by_the_very_same_bytes_and_so_is_every_malformed(
    world: World, accept: str
) -> None:
    answered(world)
    ended = mailed_link(world).rpartition("/")[2]
    world.now += 7 * DAY
    for method in ("GET", "HEAD"):
        unknown, of_ended, *malformed = [
            fetch(world, f"/api/responses/{name}", method, accept=accept)
            for name in (UNKNOWN, ended, *MALFORMED)
        ]
        assert (unknown["statusCode"], malformed[0]["statusCode"]) == (404, 404)
        assert of_ended == unknown
        assert malformed == malformed[:1] * len(MALFORMED)


def test_an_unknown_and_an_ended_name_cost_the_same_calls(world: World) -> None:
    ended, link = answered(world), mailed_link(world)
    world.now += 7 * DAY
    pairs = [
        (f"/api/requests/{ended}", f"/api/requests/{UNKNOWN}"),
        (link, f"/api/responses/{UNKNOWN}"),
    ]
    for paths in pairs:
        calls_made = []
        for path in paths:
            with counting(*world.service.values()) as calls:
                fetch(world, path)
            calls_made.append(calls)
        assert calls_made == [["GetItem"], ["GetItem"]]


@pytest.mark.parametrize("change", [str.lower, str.upper, str.swapcase, lambda t: t[1:] + t[0]])
def test_a_token_counts_to_the_letter(world: World, change: Any) -> None:
    answered(world)
    path, _, token = mailed_link(world).rpartition("/")
    assert change(token) != token
    assert fetch(world, f"{path}/{change(token)}")["statusCode"] == 404
    assert fetch(world, f"{path}/{token}")["statusCode"] == 303


def test_a_link_stands_in_the_table_as_its_hash_alone(world: World) -> None:
    answered(world)
    token = mailed_link(world).rpartition("/")[2]
    rows = json.dumps(world.rows("Tickets"), default=str)
    assert token not in rows
    assert f"link#{sha256(token.encode()).hexdigest()}" in rows
    hashed = sha256(token.encode()).hexdigest()  # whoever reads the table cannot follow it
    for guess in (hashed, hashed[:43], f"link#{hashed}"):
        assert fetch(world, f"/api/responses/{guess}")["statusCode"] == 404


def test_no_log_holds_more_of_a_name_than_48_of_its_bits(world: World) -> None:
    ticket = answered(world)
    path = mailed_link(world)
    fetch(world, path)
    fetch(world, f"/api/requests/{ticket}")
    log = world.log.getvalue()
    assert ticket[:8] in log
    assert ticket[:9] not in log
    assert not re.search(path.rpartition("/")[2][:9], log)


@pytest.mark.parametrize("path", ["/api/requests", "/api/requests/", "/api/responses", "/api/"])
def test_no_route_lists_tickets_or_links(world: World, path: str) -> None:
    answered(world)
    assert fetch(world, path)["statusCode"] == 404
