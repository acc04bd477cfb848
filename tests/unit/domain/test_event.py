"""What an event says, what it never says, and that it has one id however often it is made."""

from dataclasses import replace
from typing import Any

import pytest

from keyferry_protocol.response import ResponseBody
from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.change import Author, Change
from keyferry_service.domain.decide import decide
from keyferry_service.domain.event import (
    ANSWERED,
    RENEWED,
    REPLACED,
    TYPES,
    Event,
    event_of_bounce,
    event_of_change,
    event_of_refusal,
    events_of_entry,
)
from keyferry_service.domain.ledger import entry_for, response_to
from keyferry_service.domain.license import LedgerEntry
from keyferry_service.domain.request_context import Snapshot
from tests.support.builders import LAB_07, SERVICE_KEY, a_license, a_request, a_seat
from tests.support.samples import NOW, NUMBER
from tests.unit.docs.test_schemas import SCHEMAS, conforms

AUTHOR = Author("arn:aws:sts::123456789012:assumed-role/Desk/anna@example.com", NOW)


def an_entry(snapshot: Snapshot, **changes: Any) -> LedgerEntry:
    request = a_request(LAB_07, **changes)
    grant = decide(request, snapshot, [SERVICE_KEY], NOW)
    assert isinstance(grant, Grant)
    return entry_for(response_to(request, grant, NOW), grant)


FIRST = an_entry(Snapshot(a_license()))


def a_renewal() -> LedgerEntry:
    """As a renewal is kept: the response that answers no request."""
    request = a_request(LAB_07)
    grant = decide(request, Snapshot(a_license()), [SERVICE_KEY], NOW)
    assert isinstance(grant, Grant)
    response: ResponseBody = replace(response_to(request, grant, NOW), kind="renewal", serial=9)
    return entry_for(response, grant)


def a_change(**terms: Any) -> Change:
    before = a_license(revision=4)
    return Change.between(before, replace(before, revision=5, **terms), AUTHOR, "change")


def document(event: Event) -> dict[str, Any]:
    return event.as_json("urn:keyferry:stack:keyferry")


def all_events() -> list[Event]:
    return [
        *events_of_entry(replace(FIRST, replaced=True)),
        *events_of_entry(a_renewal()),
        event_of_change(NUMBER, a_change(seats=2, valid_until=None)),
        event_of_refusal("not-authentic", NOW, "ticket-1"),
        event_of_refusal("move-limit", NOW, "ticket-2", NUMBER, "activate"),
        event_of_bounce(NUMBER, "bounce", "General", NOW, ("5" * 64, "tttttttt")),
    ]


def test_each_type_has_its_schema_and_keeps_to_it() -> None:
    events = all_events()
    assert {event.type for event in events} == set(TYPES)
    for event in events:
        assert conforms(document(event), "event.schema.json"), document(event)
        schema = SCHEMAS["event.schema.json"]["$defs"][event.type]
        assert event.data.keys() == schema["properties"].keys()  # nothing undocumented


def test_what_an_event_says_is_what_its_schema_wants() -> None:
    for event in all_events():
        for name in event.data:
            less = document(event)
            less["data"] = {n: value for n, value in event.data.items() if n != name}
            assert not conforms(less, "event.schema.json"), (event.type, name)


def test_an_event_has_one_id_however_often_it_is_made_and_shares_it_with_no_other() -> None:
    ids = [event.id for event in all_events()]
    assert ids == [event.id for event in all_events()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (event_of_change(NUMBER, a_change(seats=2)).id, event_of_change("1" * 12, a_change()).id),
        (
            event_of_bounce(NUMBER, "bounce", "", NOW, ("5" * 64, "t")).id,
            event_of_bounce(NUMBER, "bounce", "", NOW + 1, ("5" * 64, "t")).id,
        ),
    ],
    ids=["the same change of another license", "the same address came back again"],
)
def test_what_happened_twice_is_two_events(one: str, other: str) -> None:
    assert one != other


def test_an_answer_says_what_the_computer_was_granted() -> None:
    (event,) = events_of_entry(FIRST)
    assert document(event) == {
        "specversion": "1.0",
        "id": event.id,
        "source": "urn:keyferry:stack:keyferry",
        "type": ANSWERED,
        "subject": NUMBER,
        "time": "2026-11-24T09:47:00Z",
        "dataschema": "urn:keyferry:schema:keyferry.request.answered:1",
        "datacontenttype": "application/json",
        "data": {
            "license_number": NUMBER,
            "product": "Example Modeler",
            "edition": "Professional",
            "seat": 1,
            "serial": 1,
            "kind": "activate",
            "request_sha256": FIRST.request_sha256,
            "protection": "machine",
            "trial": False,
            "valid_until": "2027-11-24T09:47:00Z",
            "previous_valid_until": None,
        },
    }


def test_a_seat_that_was_another_computers_is_replaced_and_a_computers_own_is_not() -> None:
    license = a_license(seats_used=1, seats_ever_used=1, next_seat=2)
    taken = Snapshot(license, seats={1: a_seat(LAB_07, components={})})
    other = an_entry(taken, replaces_seat=1)
    assert [event.type for event in events_of_entry(other)] == [ANSWERED, REPLACED]
    assert [event.type for event in events_of_entry(FIRST)] == [ANSWERED]


def test_a_renewal_answers_no_request() -> None:
    (event,) = events_of_entry(a_renewal())
    assert event.type == RENEWED
    assert "request_sha256" not in event.data


def test_a_change_names_all_it_changed_and_says_what_names_nobody() -> None:
    change = a_change(
        licensee="Anna Weber",
        contact="anna@example.org",
        note="Anna called",
        activation_public=b"another key",
        valid_until=None,
        labels=("key-account",),
    )
    event = event_of_change(NUMBER, change)
    assert event.data["changed"] == [
        "activation_public",
        "contact",
        "labels",
        "licensee",
        "note",
        "valid_until",
    ]
    assert event.data["before"] == {"labels": (), "valid_until": "2027-11-24T09:47:00Z"}
    assert event.data["after"] == {"labels": ("key-account",), "valid_until": None}
    assert "anna" not in str(document(event)).lower()  # nor who changed it


def test_a_refusal_names_a_license_only_once_the_request_proved_to_know_it() -> None:
    proven = event_of_refusal("no-seats-left", NOW, "ticket-1", NUMBER, "activate")
    assert document(proven)["subject"] == NUMBER
    unproven = event_of_refusal("not-authentic", NOW, "ticket-2")
    assert "subject" not in document(unproven)
    assert unproven.data == {"code": "not-authentic", "license_number": None, "kind": None}
