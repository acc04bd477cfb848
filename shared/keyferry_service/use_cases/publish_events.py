"""Publish what the rows of a stream say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from keyferry_service.adapters.bus_eventbridge import Bus
from keyferry_service.adapters.events_dynamodb import events_in_record
from keyferry_service.domain.event import Event


@dataclass(frozen=True)
class PublishEvents:
    """Puts the events of written rows onto the bus, at least once."""

    bus: Bus

    def publish(self, records: Iterable[Mapping[str, Any]]) -> list[str]:
        """Publish a batch of a stream. Returns the records to bring again, by sequence number."""
        events: list[Event] = []
        sequences: dict[str, str] = {}  # by the event's id: the first record that has it
        for record in records:
            for event in events_in_record(record):
                events.append(event)
                sequences.setdefault(event.id, record["dynamodb"]["SequenceNumber"])
        return [sequences[event.id] for event in self.bus.put(events)]
