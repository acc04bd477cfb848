"""Each step of the two functions, broken in each way: 1 seat, 1 BODY and a sent mail at last."""

from collections.abc import Iterator
from typing import Any

import pytest

from keyferry_service.domain.ticket import EmailStatus
from tests.service.simulation.cloud import REQUESTS, RESPONSES, Faults
from tests.service.simulation.invariants import ALWAYS, AT_LAST
from tests.service.simulation.world import Step, World, contact_of, one_seat
from tests.support.samples import NUMBER

pytestmark = pytest.mark.crash

WAYS = ("killed before", "killed after", "reply lost", "timed out")
FIRST, SECOND = 5, 7  # seeds of tickets with an address
ACTIVATED = [Step("activate", seed=FIRST), Step("serve"), Step("mail")]
QUEUES = {"process_request": REQUESTS, "send_response": RESPONSES}
# What each file asks for, by the steps that lead there: the last one sends the file.
STORIES = {
    "a first activation": ACTIVATED[:1],
    "a reinstalled computer": [*ACTIVATED, Step("reinstall", seed=SECOND)],
    "a deactivation": [*ACTIVATED, Step("deactivate", seed=SECOND)],
    "a refusal": [*ACTIVATED, Step("activate", 1, seed=SECOND)],
    "a choice": [
        *(*ACTIVATED, Step("activate", 1, 1, SECOND), Step("serve"), Step("mail")),
        Step("choose", 2),
    ],
}


def tell(world: World, story: str, function: str) -> None:
    """All of a story up to where the function is to take its turn."""
    for step in STORIES[story]:
        world.do(step)
    if function == "send_response":
        world.do(Step("serve"))


def steps_of(story: str, function: str) -> list[str]:
    """The calls that a function makes for the last file of a story, when nothing fails."""
    with one_seat() as world:
        tell(world, story, function)
        world.cloud.calls.clear()
        world.lambdas.bring(QUEUES[function], 1)
        return list(world.cloud.calls)


def cases() -> Iterator[Any]:
    for story in STORIES:
        for function in QUEUES:
            calls = steps_of(story, function)
            for index, call in enumerate(calls):
                name = f"{call} {calls[: index + 1].count(call)}" if calls.count(call) > 1 else call
                for way in WAYS:
                    yield pytest.param(
                        story, function, index, way, id=f"{story}: {function}: {name} {way}"
                    )


def broken(index: int, way: str) -> Faults:
    """This way with the call of this index, and never again."""
    indexes = iter(range(1_000_000))
    return lambda _: way if next(indexes) == index else None


@pytest.mark.parametrize(("story", "function", "index", "way"), list(cases()))
def test_a_broken_call_ends_well_wherever_it_is(
    story: str, function: str, index: int, way: str
) -> None:
    with one_seat() as world:
        cloud, lambdas = world.cloud, world.lambdas
        tell(world, story, function)
        cloud.mails.clear()
        before = len(cloud.calls)
        cloud.faults = broken(index, way)
        lambdas.bring(QUEUES[function], 1)
        assert len(cloud.calls) > before + index, "the step that was to break was not there"
        cloud.faults = lambda _: None
        world.drain()
        for invariant in (*ALWAYS, *AT_LAST):
            invariant(world)
        ticket_id, _ = world.uploads[-1]
        ticket = world.history.tickets[ticket_id]
        seats = {"a deactivation": 0}.get(story, 1)
        assert world.history.licenses[ticket.license_number or ""].seats_used == seats
        bodies = {"a first activation": 1, "a refusal": 1}.get(story, 2)
        assert len(world.history.answers) == bodies
        assert ticket.email_status is EmailStatus.SENT
        contact = {contact_of(NUMBER)} if ticket.replaced_machine else set()
        assert {mail.address for mail in cloud.mails} == {ticket.email, *contact}
        assert not cloud.queues[REQUESTS].dead_ever


def test_the_calls_are_those_that_are_promised() -> None:
    """Five in a row for a first activation beside the keys, and four for its mail."""
    assert steps_of("a first activation", "process_request") == [
        "get_item",  # the ticket, at the same time as the next call
        *("get_object", "transact_get_items", "query", "query"),
        *("transact_write_items", "sign"),
        "put_object",
    ]
    assert steps_of("a first activation", "send_response") == [
        *("get_item", "transact_write_items", "send_email", "update_item"),
    ]
