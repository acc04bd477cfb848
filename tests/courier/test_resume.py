"""Interrupted anywhere and run again: the same tickets, and nothing twice."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keyferry_courier.exchange import exchange
from keyferry_courier.folder import NOTES, Folder
from tests.courier.fake_service import FakeService
from tests.courier.stick import assert_answered, put, put_deactivation, send, states


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
    """The courier is killed here."""


class Mortal:
    """The steps of one run, in order: its calls, and what it does to files on the drive.

    The process dies after as many of them as it may `live`, and does nothing more: what it would
    do in a `finally`, too. The service has the last call, the courier not its answer.
    """

    def __init__(self, live: float) -> None:
        self.live = live
        self.steps: list[str] = []

    def step(self, name: str, do: Callable[..., Any]) -> Callable[..., Any]:
        def done(*arguments: Any, **options: Any) -> Any:
            self._end_here()
            self.steps.append(name)
            try:
                return do(*arguments, **options)
            finally:
                self._end_here()

        return done

    def _end_here(self) -> None:
        if len(self.steps) > self.live:
            raise Killed

    def __getattr__(self, name: str) -> Any:
        """What the folder does with `os`."""
        value = getattr(os, name)
        return self.step(name, value) if name in ("open", "fsync", "replace", "unlink") else value

    def carry(self, service: FakeService, stick: Path, patch: pytest.MonkeyPatch) -> None:
        with patch.context() as patched:
            patched.setattr("keyferry_courier.folder.os", self)
            send(service, stick, exchange=self.step("call", exchange))


@pytest.mark.crash
def test_killed_at_any_step_it_goes_on_with_the_same_tickets(
    service: FakeService, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [put_deactivation(stick, 1), put(stick, 2)]
    whole = Mortal(live=float("inf"))
    whole.carry(service, stick, monkeypatch)
    assert {"call", "open", "fsync", "replace"} <= {*whole.steps}
    for live in range(len(whole.steps)):
        for file in {*stick.iterdir()} - {*files}:
            file.unlink()
        service.files.clear()
        with pytest.raises(Killed):
            Mortal(live).carry(service, stick, monkeypatch)
        where = f"after step {live}, {whole.steps[live]}"
        assert states(send(service, stick)) == {file.name: "ready" for file in files}, where
        lost = sum(file is None for file in service.files.values())
        assert len(service.files) - lost == 2, where
        assert lost <= 1, "a ticket whose opening nobody heard of"
        assert_answered(stick, *files)
        left = {*stick.iterdir()} - {*files, *stick.glob("*.response"), stick / NOTES}
        assert left == set(), where


def test_only_its_own_leftovers_are_deleted(stick: Path) -> None:
    others = [".keyferry-courier.json.new", ".letter.txt.0a1b2c3d.new", "a.0a1b2c3d.new"]
    for name in others:
        (stick / name).write_text("theirs")
    (stick / f".{NOTES}.0a1b2c3d.new").mkdir()
    (stick / f".{NOTES}.ffffffff.new").write_text("half of")
    Folder(str(stick), "https://activate.example.com/")
    assert {file.name for file in stick.iterdir()} == {*others, f".{NOTES}.0a1b2c3d.new"}


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
