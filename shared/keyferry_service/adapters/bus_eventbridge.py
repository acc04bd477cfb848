"""The stack's event bus."""

import json
from collections.abc import Sequence
from typing import Any

from keyferry_service.domain.event import Event

SOURCE = "keyferry"  # by which rules find our events on a bus
MOST_AT_ONCE = 10  # entries of one PutEvents; the longest events are far from filling a call


class Bus:
    """Puts events onto one bus."""

    def __init__(self, events: Any, name: str, stack: str) -> None:
        """`stack` is whose events these are, by its name."""
        self._events = events
        self._name = name
        self._source = f"urn:keyferry:stack:{stack}"

    def put(self, events: Sequence[Event]) -> list[Event]:
        """Put these events. Returns those that the bus did not take and may take later."""
        failed: list[Event] = []
        for start in range(0, len(events), MOST_AT_ONCE):
            batch = events[start : start + MOST_AT_ONCE]
            reply = self._events.put_events(
                Entries=[
                    {
                        "EventBusName": self._name,
                        "Source": SOURCE,
                        "DetailType": event.type,
                        "Time": event.time,
                        "Detail": json.dumps(event.as_json(self._source), ensure_ascii=False),
                    }
                    for event in batch
                ]
            )
            results = zip(batch, reply["Entries"], strict=True)
            failed += [event for event, result in results if "ErrorCode" in result]
        return failed
