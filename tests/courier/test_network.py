"""The service is out of reach, busy, slow, or another than it should be."""

import json
import re
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from keyferry_courier.carry import carry
from keyferry_courier.exchange import Answer, NoAnswer, exchange, is_safe
from keyferry_courier.folder import Folder
from keyferry_courier.service import Service
from keyferry_protocol.request import parse_request
from tests.courier.fake_service import EXPIRED, FakeService, as_json, problem
from tests.courier.stick import Time, put, send, states


def test_where_the_storage_is_out_of_reach_the_page_carries_both_files(
    service: FakeService, stick: Path
) -> None:
    put(stick, 1)
    service.faults = [*[("POST", "/storage", None)] * 3, ("GET", "/storage", None)]
    assert send(service, stick)[0].state == "ready"
    assert f"PUT /api/requests/{0:043}/file" in service.calls
    assert f"GET /api/requests/{0:043}/file" in service.calls


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param((200, {}, b"<html>Sign in</html>"), id="a sign-in page"),
        pytest.param((302, {"Location": "https://evil.example/"}, b""), id="a redirect"),
        pytest.param((403, {}, b"<Error><Code>InvalidRequest</Code></Error>"), id="a refusal"),
    ],
)
def test_what_answers_for_the_storage_is_not_believed(
    service: FakeService, stick: Path, reply: Any
) -> None:
    put(stick, 1)
    service.faults = [("POST", "/storage", reply), ("GET", "/storage", reply)]
    assert send(service, stick)[0].state == "ready"
    assert f"PUT /api/requests/{0:043}/file" in service.calls


def test_a_pass_that_expired_is_renewed(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    service.faults = [("POST", "/storage", (403, {}, EXPIRED))]
    assert send(service, stick)[0].state == "ready"
    assert service.calls.count("POST /api/requests") == 2


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(None, id="a broken connection"),
        pytest.param(problem(503, "busy", **{"Retry-After": "5"}), id="busy"),
        pytest.param((429, {}, b""), id="the throttle of the whole API"),
        pytest.param(problem(429, "too-many-requests", **{"Retry-After": "60"}), id="too many"),
        pytest.param(problem(500, "failed"), id="failed once"),
    ],
)
@pytest.mark.parametrize("call", ["POST /api/requests", "GET /api/requests/"])
def test_it_tries_again(service: FakeService, stick: Path, fault: Any, call: str) -> None:
    put(stick, 1)
    method, path = call.split()
    service.faults = [(method, path, fault)]
    assert send(service, stick)[0].state == "ready"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param([None] * 3, "unreachable", id="nothing answers"),
        pytest.param([(200, {}, b"<html>Sign in</html>")], "not-ours", id="a sign-in page"),
        pytest.param([(302, {"Location": "http://x/"}, b"")], "not-ours", id="a redirect"),
        pytest.param([as_json(201, {"id": "../x"})], "not-ours", id="a ticket that is none"),
        pytest.param([problem(500, "failed")] * 3, "failed", id="it fails"),
        pytest.param(
            [problem(429, "too-many-requests", **{"Retry-After": "86400"})],
            "too-many-requests",
            id="too many for today, which the service never says",
        ),
        pytest.param([problem(400, "bad-email")], "bad-email", id="it will not have the address"),
    ],
)
def test_without_the_service_no_file_is_lost_and_nothing_is_tried_for_each(
    service: FakeService, stick: Path, fault: list[Any], code: str
) -> None:
    put(stick, 1), put(stick, 2)
    service.faults = [("POST", "/api/requests", one) for one in fault]
    outcomes = send(service, stick)
    assert [outcome.error and outcome.error.code for outcome in outcomes] == [code, code]
    assert len(service.calls) == len(fault)
    service.faults.clear()
    assert set(states(send(service, stick)).values()) == {"ready"}


@pytest.mark.parametrize("local", ["http://127.0.0.1:1/", "http://localhost:631/jobs"])
def test_a_service_elsewhere_sends_the_courier_to_nothing_on_this_computer(
    stick: Path, local: str
) -> None:
    put(stick, 1)
    called: list[str] = []
    upload = {"url": local, "fields": {}}
    response = {"filename": "x", "bytes": 1, "sha256": "", "download_url": local}

    def lie(method: str, url: str, *_: object) -> Answer:
        called.append(url)
        if method == "POST":
            document: dict[str, Any] = {"id": "t" * 43, "upload": upload}
            return Answer(201, "application/json", 0, json.dumps(document).encode())
        document = {"state": "ready", "response": response}
        return Answer(200, "application/json", 0, json.dumps(document).encode())

    page, clock = "https://evil.example/", Time()
    calls = Service(page, "en", None, exchange=lie, sleep=clock.sleep, clock=clock)
    known = parse_request(next(stick.iterdir()).read_bytes()).sha256
    for ticket in (None, "t" * 43):
        folder = Folder(str(stick), page)
        folder.note(known, ticket)
        (outcome,) = carry(folder, calls, lambda _: None, sleep=clock.sleep, clock=clock)
        assert outcome.error is not None
        assert outcome.error.code == "not-ours"
    assert called
    assert not [url for url in called if not url.startswith(page)]


def test_a_storage_that_wants_a_day_is_not_waited_for(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    service.faults = [("POST", "/storage", (503, {"Retry-After": "86400"}, b""))]
    clock = Time()
    calls = Service(service.page, "en", None, exchange=exchange, sleep=clock.sleep, clock=clock)
    folder = Folder(str(stick), service.page)
    (outcome,) = carry(folder, calls, lambda _: None, sleep=clock.sleep, clock=clock)
    assert outcome.state == "ready"
    assert clock.now < 60


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://activate.example.com/", True),
        ("http://127.0.0.1:8787/", True),
        ("http://localhost:8787/", True),
        ("http://activate.example.com/", False),
        ("http://127.0.0.1.evil.example/", False),
        ("http://localhost@evil.example/", False),
        ("https://user:secret@example.com/", False),
        ("file:///etc/passwd", False),
        ("ftp://example.com/", False),
        ("https://", False),
        ("https://exa mple.com/", False),
        ("https://example.com/\r\nX: y", False),
        ("https://example.com:99999/", False),
        ("", False),
    ],
)
def test_only_addresses_with_tls_or_of_this_computer_are_called(url: str, safe: bool) -> None:
    assert is_safe(url) is safe
    if not safe:
        with pytest.raises(ValueError, match=f"^{re.escape(url)}$"):
            exchange("GET", url)


def test_an_answer_is_read_to_its_limit_and_no_further(service: FakeService, stick: Path) -> None:
    service.faults = [("GET", "/big", (200, {}, bytes(10**6)))]
    assert len(exchange("GET", f"{service.origin}/big").body) < 2**17


def test_an_answer_that_comes_in_drops_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyferry_courier.exchange.WHOLE_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        with pytest.raises(NoAnswer, match="too slow"):
            exchange("GET", f"http://127.0.0.1:{server.getsockname()[1]}/")
        server.close()
        thread.join()


def drip(server: socket.socket) -> None:
    """Send a header without an end, a letter at a time, for as long as anyone listens."""
    connection, _ = server.accept()
    with connection, suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        for _ in range(30):
            connection.sendall(b"x")
            time.sleep(0.05)


@pytest.mark.parametrize("call", ["POST /api/requests", "PUT /api/requests/", "GET /api/requests/"])
def test_too_many_calls_are_waited_for_as_long_as_the_service_says(
    service: FakeService, stick: Path, call: str
) -> None:
    put(stick, 1), put(stick, 2)
    method, path = call.split()
    busy = problem(429, "too-many-requests", **{"Retry-After": "3600"})
    service.faults = [("POST", "/storage", (403, {}, b""))] * 2 + [(method, path, busy)]
    service.slow = 3
    clock, pauses = Time(), list[float]()
    outcomes = send(service, stick, clock=clock, pausing=pauses.append)
    assert set(states(outcomes).values()) == {"ready"}
    assert pauses == [3600]
    assert 3600 <= clock.now < 3700


def test_a_service_that_says_the_same_for_ever_is_left(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    busy = problem(429, "too-many-requests", **{"Retry-After": "60"})
    service.faults = [("POST", "/api/requests", busy)] * 1000
    clock = Time()
    (outcome,) = send(service, stick, clock=clock)
    assert (outcome.state, outcome.error and outcome.error.code) == ("failed", "too-many-requests")
    assert clock.now < 2 * 3600
