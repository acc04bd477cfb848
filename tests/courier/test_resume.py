"""Interrupted anywhere and run again: the same tickets, and nothing twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from keyferry_courier.carry import carry
from keyferry_courier.exchange import exchange
from keyferry_courier.folder import NOTES, Folder
from keyferry_courier.service import Service
from tests.courier.fake_service import FakeService
from tests.courier.stick import assert_answered, put, send, states


def test_a_second_run_calls_nobody(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    send(service, stick)
    service.calls.clear()
    (outcome,) = send(service, stick)
    assert outcome.state == "ready"
    assert service.calls == []


def test_a_run_without_notes_sends_no_answered_file(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    send(service, stick)
    (stick / NOTES).unlink()
    service.calls.clear()
    assert send(service, stick)[0].state == "ready"
    assert service.calls == []


class Killed(BaseException):
    """The courier is cut off here."""


@pytest.mark.crash
def test_cut_off_at_any_call_it_goes_on_with_the_same_tickets(
    service: FakeService, stick: Path
) -> None:
    files = [put(stick, computer) for computer in (1, 2)]
    send(service, stick)
    calls = len(service.calls)
    for last in range(calls):
        for leftover in (*stick.glob("*.response"), stick / NOTES):
            leftover.unlink()
        service.files.clear()
        cut_off(service, stick, last)
        assert states(send(service, stick)) == {file.name: "ready" for file in files}
        lost = sum(file is None for file in service.files.values())
        assert len(service.files) - lost == 2, f"after call {last}"
        assert lost <= 1, "a ticket whose opening nobody heard of"
        assert_answered(stick, *files)


def cut_off(service: FakeService, stick: Path, last: int) -> None:
    """Kill a run after this many calls: the service has the call, the courier not its answer."""
    count = 0

    def killing(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        answer = exchange(*arguments)
        if count > last:
            raise Killed
        return answer

    calls = Service(service.page, "en", None, exchange=killing, sleep=lambda _: None)
    with pytest.raises(Killed):
        carry(Folder(str(stick), service.page), calls, lambda _: None, sleep=lambda _: None)


def test_a_ticket_that_has_ended_is_opened_again(service: FakeService, stick: Path) -> None:
    file = put(stick, 1)
    send(service, stick)
    (response,) = stick.glob("*.response")
    response.unlink()
    service.files.clear()  # a week later
    assert states(send(service, stick)) == {file.name: "ready"}


def test_a_response_that_was_moved_is_fetched_on_its_ticket(
    service: FakeService, stick: Path
) -> None:
    put(stick, 1)
    send(service, stick)
    (response,) = stick.glob("*.response")
    response.unlink()
    send(service, stick)
    assert response.exists()
    assert len(service.files) == 1


def test_notes_of_another_page_are_not_used(service: FakeService, stick: Path) -> None:
    put(stick, 1)
    notes = {"courier": 1, "page": "https://other.example/", "tickets": {"a" * 64: "t" * 43}}
    (stick / NOTES).write_text(json.dumps(notes))
    assert Folder(str(stick), service.page).ticket("a" * 64) is None


@pytest.mark.parametrize(
    "notes",
    [b"", b"{", b"[]", b'{"courier": 2}', b"\xff", b'{"courier": 1, "page": 1, "tickets": []}'],
)
def test_damaged_notes_are_written_anew(service: FakeService, stick: Path, notes: bytes) -> None:
    put(stick, 1)
    (stick / NOTES).write_bytes(notes)
    assert send(service, stick)[0].state == "ready"


@pytest.mark.parametrize(
    "notes", ['{"../../../etc": "t"}', '{"' + "a" * 64 + '": "../../admin"}', '{"x": 1}']
)
def test_notes_hold_only_tickets(stick: Path, notes: str) -> None:
    page = "https://activate.example.com/"
    (stick / NOTES).write_text(f'{{"courier": 1, "page": "{page}", "tickets": {notes}}}')
    assert Folder(str(stick), page).ticket("a" * 64) is None
