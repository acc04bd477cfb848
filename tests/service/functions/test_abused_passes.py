"""A stranger who uploads again and again on one pass, in the name of somebody else's license.

How long that delays others on a whole stack is measured by tests/stack/test_abused_passes.py.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest

from keyferry_service.use_cases.outcome import Answered, Refused
from tests.service.functions.test_calls_counted import counting
from tests.support.builders import LAB_07, LAB_08, a_key, a_request_file
from tests.support.world import World

pytestmark = pytest.mark.attack

GUESS = a_key("a guess")
FURTHER = 50  # in the attack that was seen: 1,500 in 27 seconds


def further_messages(world: World, ticket: str) -> list[dict[str, Any]]:
    """The messages of as many more files on a ticket, each for a license that is not theirs."""
    return [
        world.upload(ticket, a_request_file(LAB_08, activation=GUESS, id=f"{number:032x}"))
        for number in range(FURTHER)
    ]


@pytest.fixture
def abused(world: World) -> str:
    """A ticket whose first file was refused."""
    world.sell()
    return world.activate(a_request_file(LAB_07, activation=GUESS))


def test_a_further_file_makes_no_call_that_an_honest_one_does_not_make(
    world: World, abused: str
) -> None:
    first, *others = further_messages(world, abused)
    with counting(*world.service.values()) as calls:
        assert world.process(first) == []
        assert calls == ["GetItem", "GetObject"]
        calls.clear()
        assert world.process(*others) == []
    assert calls == []


def test_a_further_file_is_logged_under_its_ticket(world: World, abused: str) -> None:
    before = len(world.log.getvalue())
    assert world.process(*further_messages(world, abused)) == []
    lines = [json.loads(line) for line in world.log.getvalue()[before:].splitlines()]
    assert {(line["message"], line["ticket"]) for line in lines} == {("dropped", abused[:8])}
    assert len(lines) == FURTHER


def test_a_file_without_a_proof_waits_for_nobody_and_holds_nobody_up(world: World) -> None:
    """The locks of all licenses are held here, as if each had a request under way."""
    world.sell()
    answering = world.answer_request()
    forged = world.put(world.open_ticket(), a_request_file(LAB_07, activation=GUESS))
    honest = world.put(world.open_ticket(), a_request_file(LAB_07))
    with ThreadPoolExecutor(2) as together:
        with ExitStack() as locked:
            for lock in answering.locks:
                locked.enter_context(lock)
            refused = together.submit(answering.answer, forged, world.context)
            assert refused.result(timeout=10) == Refused("not-authentic")
            answered = together.submit(answering.answer, honest, world.context)
            with pytest.raises(TimeoutError):
                answered.result(timeout=0.2)
        assert isinstance(answered.result(timeout=10), Answered)
