"""JSON that is deep, long or ambiguous, sent to the service.

Tested elsewhere: what every reader of a file does with it (tests/client/test_bombs.py).
"""

import json
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from keyferry_protocol.envelope import REQUEST
from tests.support.world import World

pytestmark = pytest.mark.attack


MEGABYTE = 1_000_000
DEEP = b"[" * MEGABYTE


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Ends within so much of the processor's time: a bomb would take minutes."""
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds


def signed_text(body: bytes) -> bytes:
    members = {"payloadType": REQUEST, "payload": b64encode(body).decode(), "signatures": []}
    return json.dumps(members).encode()


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(DEEP[:8192], id="8,192 arrays in each other"),
        pytest.param(b"[" * 500_000, id="more than a request may have"),
        pytest.param(signed_text(DEEP[:3000]), id="in what is signed"),
        pytest.param(signed_text(b'{"id":' + b"1" * 3000 + b"}"), id="a long number"),
        pytest.param(signed_text(b'{"kind":"a","kind":"b"}'), id="a name twice"),
    ],
)
def test_the_service_refuses_hostile_json_as_unreadable_and_reads_on(
    world: World, data: bytes
) -> None:
    ticket = world.activate(data)
    assert world.ticket(ticket)["refusal"]["code"] == "unreadable-request"


@pytest.mark.parametrize("body", ["[" * 4000, "9" * 4000, "{" * 200_000, '{"email":' * 700])
def test_the_api_refuses_hostile_json_as_a_bad_request(world: World, body: str) -> None:
    with within(2):
        answer = world.call("POST", "/api/requests", body)
    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["code"] == "bad-request"
    assert world.rows("Tickets") == []
