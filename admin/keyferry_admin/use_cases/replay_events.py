"""Puts the events of a time on the bus again, from the rows that the tables still have."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keyferry_admin.errors.stack import EventsNotTaken
from keyferry_service.adapters.bus_eventbridge import Bus
from keyferry_service.adapters.events_dynamodb import StoredEvents
from keyferry_service.domain.event import Event

WAITS_S = (0.2, 1, 5, 20)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay is: what it read and put, and the license to go on with."""

    rows: int = 0
    events: int = 0
    next_number: str | None = None  # None: from the beginning


def replay(
    stored: StoredEvents, bus: Bus, first: int, end: int, from_number: str | None = None
) -> Iterator[Progress]:
    """Put the events from `first` until before `end`, page by page.

    Each has the id that it had before, so this may be interrupted and repeated. `from_number` is
    the `next_number` of an earlier run. Raises EventsNotTaken.
    """
    rows = events = 0
    next_number = from_number
    for page in stored.pages(first, end, from_number):
        _put(bus, page.events)
        rows += page.rows
        events += len(page.events)
        next_number = page.last_number or next_number
        yield Progress(rows, events, next_number)


def _put(bus: Bus, events: Sequence[Event]) -> None:
    """Put events, again those that the bus did not take."""
    rest = bus.put(events)
    for wait_s in WAITS_S:
        if not rest:
            return
        time.sleep(wait_s)
        rest = bus.put(rest)
    if rest:
        raise EventsNotTaken(f"The event bus did not take {len(rest)} events")
