"""AWS hangs, fails or crawls: no function is killed by it, and no message but its own comes again.

Time is counted and not waited for. Each message has its own, since messages of a batch are handled
side by side. The same with ten messages, real time and sockets: tests/soak/brown_out.py.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from keyferry_service.adapters.call_deadline import (
    CLIENT_CONFIG,
    CONNECT_S,
    FINISH_MS,
    LAST_TRY_MS,
    READ_S,
    TRIES,
)
from keyferry_service.adapters.emails_dynamodb import hash_address
from keyferry_service.adapters.retries import LAST_START_MS, MAX_WAIT_S
from keyferry_service.worker import BATCH_SIZE
from tests.service.functions.test_mail_feedback import a_notice
from tests.stack.test_template import RESOURCES
from tests.support.builders import Computer, a_request_file
from tests.support.world import Context, World

WAIT_S = 1  # the longest that botocore waits before a second try
FUNCTIONS = {
    "public_api": "PublicApiFunction",
    "process_request": "ProcessRequestFunction",
    "send_response": "SendResponseFunction",
    "mail_feedback": "MailFeedbackFunction",
}
TIMEOUTS_S = {n: RESOURCES[f]["Properties"]["Timeout"] for n, f in FUNCTIONS.items()}


@dataclass
class Time(Context):
    """Lambda's context. Calls take the time that a test says, for each message by itself.

    A thread is no measure: one that is done with a message takes the next. What runs beside the
    function has no time of it.
    """

    spent_s: ContextVar[float] = field(default_factory=lambda: ContextVar("spent_s"))
    is_over: bool = False

    def get_remaining_time_in_millis(self) -> int:
        return int(self.left_ms - 1000 * self.spent_s.get(0.0))

    def begin(self) -> None:
        self.spent_s.set(0.0)

    def runs_here(self) -> bool:
        return self.spent_s.get(None) is not None

    def go_by(self, seconds: float) -> None:
        self.spent_s.set(self.spent_s.get(0.0) + seconds)
        self.is_over |= self.get_remaining_time_in_millis() < FINISH_MS


Fault = Callable[[Time, bool], AWSResponse | None]  # of a try, and whether it is the first


def hangs(clock: Time, _: bool) -> None:
    clock.go_by(CONNECT_S + READ_S)
    raise ReadTimeoutError(endpoint_url="https://aws.test")


def cannot_be_reached(clock: Time, _: bool) -> None:
    clock.go_by(CONNECT_S)
    raise ConnectTimeoutError(endpoint_url="https://aws.test")


def fails(clock: Time, _: bool) -> AWSResponse:
    clock.go_by(CONNECT_S + READ_S)  # as late as can be

    class Raw:
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield b""

    return AWSResponse("https://aws.test", 500, {}, Raw())


def crawls(clock: Time, is_first: bool) -> None:
    """The slowest call that is none too slow: the second try ends well, and only just."""
    if is_first:
        hangs(clock, is_first)
    clock.go_by(CONNECT_S + READ_S)


@contextmanager
def brown_out(
    world: World, function: str, fault: Fault, operation: str = "", of: tuple[str, ...] = ("",)
) -> Iterator[Time]:
    """One operation, or each, goes wrong where a call names one of these; no names are all."""
    clock = Time(left_ms=1000 * TIMEOUTS_S[function])
    handlers = dict(world.handlers)

    def play(request: Any, **_: Any) -> AWSResponse | None:
        text = f"{request.url} {request.headers} {request.body!r}"
        is_first = b"attempt=2" not in request.headers.get("amz-sdk-request", b"")
        return fault(clock, is_first) if any(name in text for name in of) else None

    def handle(event: Any, _: Any) -> Any:
        clock.begin()
        return handlers[function](event, clock)

    really_sleep = time.sleep

    def sleep(seconds: float) -> None:
        if clock.runs_here():
            clock.go_by(WAIT_S)
        else:  # another test's server, which would count this function's time down
            really_sleep(seconds)

    events = {client.meta.events for client in world.service.values()}
    event = f"before-send.*.{operation}" if operation else "before-send"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(time, "sleep", sleep)
        patched.setitem(world.handlers, function, handle)
        for each in events:
            each.register_first(event, play)
        try:
            yield clock
        finally:
            for each in events:
                each.unregister(event, play)
    assert not clock.is_over, "Lambda would have killed the function, and its batch with it."


@dataclass
class Batch:
    """Some messages of one function, and what their calls name."""

    messages: list[dict[str, Any]]
    names: list[tuple[str, ...]]

    def ids(self, *places: int) -> list[str]:
        return sorted(self.messages[place]["messageId"] for place in places)


MESSAGES, VICTIMS = 4, (0, 2)


def a_batch(world: World, function: str) -> Batch:
    """Messages that were not handled yet, for a license with seats enough."""
    world.sell(seats=MESSAGES)
    batch = Batch([], [])
    for place in range(MESSAGES):
        address = f"user{place}@example.org"
        ticket = world.open_ticket(address)
        message = world.upload(ticket, a_request_file(Computer(f"LAB-{place:02}")))
        names: tuple[str, ...] = (ticket,)
        if function != "process_request":
            assert world.process(message) == []
            (name,) = world.answers(ticket)
            message = world.notice("send_response", f"responses/{ticket}/{name}", "1")
            names = (ticket, address)
        if function == "mail_feedback":
            assert world.handle("send_response", message) == []
            (mail_id,) = (
                row["pk"]["S"].removeprefix("sent#")
                for row in world.rows("Tickets")
                if row["pk"]["S"].startswith("sent#") and row["ticket_id"]["S"] == ticket
            )
            message = a_notice(mail_id) | {"messageId": mail_id}
            names = (ticket, mail_id, hash_address(address))
        batch.messages.append(message)
        batch.names.append(names)
    return batch


def assert_all_is_done(world: World, batch: Batch, function: str) -> None:
    tickets = [world.ticket(ticket) for ticket, *_ in batch.names]
    assert {ticket["state"] for ticket in tickets} == {"ready"}
    assert world.license().seats_used == MESSAGES
    email = {"process_request": "pending", "send_response": "sent", "mail_feedback": "bounced"}
    assert {ticket["email"] for ticket in tickets} == {email[function]}


@pytest.mark.parametrize(
    ("function", "operation", "fault"),
    [
        ("process_request", "GetItem", hangs),
        ("process_request", "GetObject", hangs),
        ("process_request", "TransactGetItems", cannot_be_reached),
        ("process_request", "TransactWriteItems", hangs),
        ("process_request", "PutObject", fails),
        ("send_response", "GetItem", fails),
        ("send_response", "TransactWriteItems", hangs),
        ("send_response", "SendEmail", hangs),
        ("send_response", "UpdateItem", cannot_be_reached),
        ("mail_feedback", "GetItem", cannot_be_reached),
        ("mail_feedback", "UpdateItem", hangs),
        ("mail_feedback", "TransactWriteItems", fails),
    ],
)
def test_only_the_messages_whose_calls_go_wrong_come_again(
    world: World, function: str, operation: str, fault: Fault
) -> None:
    batch = a_batch(world, function)
    names = tuple(name for place in VICTIMS for name in batch.names[place])
    with brown_out(world, function, fault, operation, names):
        failed = world.handle(function, *batch.messages)
    assert sorted(failed) == batch.ids(*VICTIMS)
    assert world.handle(function, *(batch.messages[place] for place in VICTIMS)) == []
    assert_all_is_done(world, batch, function)


@pytest.mark.parametrize("function", ["process_request", "send_response", "mail_feedback"])
@pytest.mark.parametrize("fault", [hangs, crawls])
def test_where_all_of_aws_goes_wrong_a_batch_ends_in_time_and_nothing_is_lost(
    world: World, function: str, fault: Fault
) -> None:
    batch = a_batch(world, function)
    with brown_out(world, function, fault):
        failed = world.handle(function, *batch.messages)
    assert sorted(failed) == batch.ids(*range(MESSAGES))
    assert world.handle(function, *batch.messages) == []
    assert_all_is_done(world, batch, function)


@pytest.mark.parametrize("fault", [hangs, crawls])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "", {"email": None, "language": "en"}),
        ("GET", "/{ticket}", None),
        ("PUT", "/{waiting}/file", b"file"),
        ("GET", "/{ticket}/file", None),
        ("POST", "/{ticket}/mail", {"email": "anna@example.org"}),
    ],
)
def test_the_api_answers_in_time_too(
    world: World, method: str, path: str, body: Any, fault: Fault
) -> None:
    world.sell()
    waiting, ticket = world.open_ticket(), world.activate(a_request_file())
    path = f"/api/requests{path.format(ticket=ticket, waiting=waiting)}"
    with brown_out(world, "public_api", fault):
        status = world.call(method, path, body)["statusCode"]
    assert status in ((200, 201, 202, 503) if fault is crawls else (500, 503))
    assert world.call(method, path, body)["statusCode"] in (200, 201, 202, 409)


def test_a_slow_call_may_use_both_its_tries_in_each_functions_time(world: World) -> None:
    assert 1000 * (CONNECT_S + READ_S) + FINISH_MS == LAST_TRY_MS
    for timeout_s in TIMEOUTS_S.values():
        assert 1000 * (timeout_s - CONNECT_S - READ_S - WAIT_S) > LAST_TRY_MS
        assert 1000 * timeout_s > LAST_START_MS
    # After the last conflict a function still tells the queue that the message comes again soon.
    assert LAST_START_MS - 1000 * MAX_WAIT_S > LAST_TRY_MS
    for client in world.service.values():
        config = client.meta.config
        assert (config.connect_timeout, config.read_timeout) == (CONNECT_S, READ_S)
        assert config.retries["mode"] == "standard"
        assert config.retries["total_max_attempts"] == TRIES


@pytest.mark.parametrize("function", ["ProcessRequest", "SendResponse", "MailFeedback"])
def test_each_message_of_a_batch_has_a_thread_of_its_own(function: str) -> None:
    (event,) = RESOURCES[f"{function}Function"]["Properties"]["Events"].values()
    assert event["Properties"]["BatchSize"] == BATCH_SIZE


def test_botocore_gives_a_hanging_service_two_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    quick = CLIENT_CONFIG.merge(Config(read_timeout=0.1))
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        client = boto3.client(
            "dynamodb",
            "us-east-1",
            aws_access_key_id="a",
            aws_secret_access_key="b",
            endpoint_url=f"http://127.0.0.1:{hanging.getsockname()[1]}",
            config=quick,
        )
        began = time.monotonic()
        with pytest.raises(ReadTimeoutError):
            client.get_item(TableName="x", Key={"pk": {"S": "x"}})
        assert time.monotonic() - began < TRIES * 0.1 + 0.5
        for _ in range(TRIES):
            hanging.settimeout(0.5)
            hanging.accept()[0].close()
        hanging.settimeout(0)
        with pytest.raises(BlockingIOError):
            hanging.accept()
