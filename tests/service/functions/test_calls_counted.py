"""How many calls of AWS each step makes, one after the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import pytest

from keyferry_service.adapters.files_s3 import Files
from keyferry_service.adapters.tickets_dynamodb import Tickets
from keyferry_service.use_cases.outcome import Answered
from tests.support.builders import LAB_07, a_request_file
from tests.support.world import World, link_in


@contextmanager
def counting(*clients: Any) -> Iterator[list[str]]:
    """The names of the calls that these clients make meanwhile."""
    calls: list[str] = []

    def note(model: Any, **_: Any) -> None:
        calls.append(model.name)

    for client in clients:
        client.meta.events.register("before-call", note)
    yield calls
    for client in clients:
        client.meta.events.unregister("before-call", note)


@pytest.fixture
def calls(world: World) -> Iterator[list[str]]:
    world.sell(seats=2)
    with counting(*world.service.values()) as counted:
        yield counted


def test_each_step_makes_as_few_calls_as_promised(world: World, calls: list[str]) -> None:
    ticket = world.open_ticket("anna@example.org")
    assert calls == ["UpdateItem", "PutItem"]
    message = world.upload(ticket, a_request_file(LAB_07))
    calls.clear()
    assert world.process(message) == []
    # GetItem is made beside GetObject. The queries read our own keys, once a minute; signing is no
    # call here, a key being in a file.
    assert calls == [
        "GetItem",
        "GetObject",
        "TransactGetItems",
        *("Query", "Query"),
        "TransactWriteItems",
        "PutObject",
    ]
    calls.clear()
    world.ticket(ticket)
    assert calls == ["GetItem", "GetObject"]
    calls.clear()
    world.send(ticket)
    assert calls == ["GetItem", "TransactWriteItems", "SendEmail", "UpdateItem"]
    calls.clear()
    world.call("GET", link_in(world.mails()[0].replace(b"=\r\n", b"")))
    assert calls == ["GetItem", "HeadObject"]


def test_the_pages_own_host_carries_files_by_two_calls_each_way(
    world: World, calls: list[str]
) -> None:
    ticket = world.open_ticket()
    calls.clear()
    world.call("PUT", f"/api/requests/{ticket}/file", a_request_file(LAB_07))
    assert calls == ["GetItem", "PutObject"]
    world.process(world.uploaded(ticket))
    calls.clear()
    world.call("GET", f"/api/requests/{ticket}/file")
    assert calls == ["GetItem", "GetObject"]
    calls.clear()
    world.call("PUT", f"/api/requests/{ticket}/file", b"another")
    assert calls == ["GetItem"]


def test_a_ticket_is_read_beside_its_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it costs an honest request no time; each read here waits until the other has begun."""
    both = Barrier(2, timeout=10)
    for kind, name in ((Files, "read"), (Tickets, "get")):
        read = getattr(kind, name)
        monkeypatch.setattr(kind, name, lambda *call, read=read: (both.wait(), read(*call))[1])
    world.sell()
    upload = world.put(world.open_ticket(), a_request_file(LAB_07))
    assert isinstance(world.answer_request().answer(upload, world.context), Answered)


def test_seat_rows_are_read_only_where_a_row_names_them(world: World, calls: list[str]) -> None:
    world.activate(a_request_file(LAB_07))
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file(LAB_07.reinstalled()))
    calls.clear()
    world.process(message)
    assert calls == [
        "GetItem",
        "GetObject",
        "TransactGetItems",
        "BatchGetItem",
        "TransactWriteItems",
        "PutObject",
    ]
