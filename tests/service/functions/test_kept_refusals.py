"""Refusals are kept for the vendor for 90 days: which of them, and what of each."""

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyferry_protocol.encoding import MAX_TEXT, parse_time
from keyferry_protocol.request import Product
from keyferry_service.adapters.refusals_dynamodb import REFUSALS_PER_LICENSE, Refusals
from keyferry_service.domain.refusals import BEFORE_PROOF, Refusal, RefusalCode, RefusalRecord
from tests.support.builders import LAB_07, LAB_08, Computer, a_key, a_request_file
from tests.support.samples import DAY, NOW, NUMBER
from tests.support.world import World
from tests.support.write_units import counting_units, item_bytes

UPLOADED = parse_time("2026-11-24T09:48:12Z")  # as functions/process_request/event.json has it
REFUSAL = Refusal(RefusalCode.MOVE_LIMIT)


def kept(world: World, number: str = NUMBER) -> list[RefusalRecord]:
    return Refusals(world.dynamodb, "Tickets").of_license(number, world.now)


def a_record(**facts: Any) -> RefusalRecord:
    record = RefusalRecord(NUMBER, NOW, "activate", "LAB-08", "a" * 8, REFUSAL)
    return replace(record, **facts)


def rows(world: World) -> list[dict[str, Any]]:
    return [row for row in world.rows("Tickets") if row["pk"]["S"].startswith("refusals#")]


def test_a_refusal_says_when_which_computer_and_why(world: World) -> None:
    world.sell()
    world.activate(a_request_file(LAB_07))
    assert rows(world) == []
    ticket = world.activate(a_request_file(LAB_08), "anna@example.org")
    (record,) = kept(world)
    assert (record.license_number, record.machine_name) == (NUMBER, "LAB-08")
    assert record.at == UPLOADED
    assert (record.kind, record.ticket) == ("activate", ticket[:8])
    assert record.refusal.code == "no-seats-left"
    assert record.refusal.facts == {"n": 1, "moves_left": 4}
    assert Refusals(world.dynamodb, "Tickets").all(world.now) == [record]


def test_neither_an_address_nor_the_seats_of_others_are_kept(world: World) -> None:
    world.sell()
    world.activate(a_request_file(LAB_07))
    ticket = world.activate(a_request_file(LAB_08), "anna@example.org")
    text = json.dumps(rows(world))
    assert "LAB-08" in text
    for secret in ("anna", "LAB-07", ticket, LAB_08.device.keyid):
        assert secret not in text


def test_the_newest_come_first_and_end_after_ninety_days(world: World) -> None:
    refusals, days = Refusals(world.dynamodb, "Tickets"), (0, 1, 89, 90, 91)
    for day in days:
        refusals.keep(a_record(at=NOW + day * DAY, machine_name=f"LAB-{day}"))
    refusals.keep(a_record(license_number="999999999999", at=NOW + 90 * DAY + 1))
    now = NOW + 91 * DAY
    ours = refusals.of_license(NUMBER, now)
    assert [record.machine_name for record in ours] == ["LAB-91", "LAB-90", "LAB-89"]
    assert [record.at - NOW - 89 * DAY for record in refusals.all(now)] == [
        *(2 * DAY, DAY + 1, DAY, 0)
    ]
    ends = sorted(int(row["expires_at"]["N"]) for row in rows(world))
    assert NOW + 90 * DAY < ends[0] <= NOW + 91 * DAY


def test_a_message_that_comes_again_keeps_one_refusal(world: World) -> None:
    world.sell()
    world.activate(a_request_file(LAB_07))
    ticket = world.open_ticket()
    message = world.upload(ticket, a_request_file(LAB_08))
    for later in (0, 60, 2 * DAY):
        world.now = NOW + later
        assert world.process(message) == []
    assert len(kept(world)) == 1


def test_a_refusal_is_kept_when_the_function_was_ended_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sell()
    world.activate(a_request_file(LAB_07))
    message = world.upload(world.open_ticket(), a_request_file(LAB_08))

    def fail(*_: object) -> None:
        raise ClientError({"Error": {"Code": "InternalServerError"}}, "UpdateItem")

    with monkeypatch.context() as broken:
        broken.setattr(Refusals, "keep", fail)
        assert world.process(message) == [message["messageId"]]
    assert world.process(message) == []
    assert len(kept(world)) == 1


def test_keeping_a_refusal_is_one_write_and_an_answer_makes_none(world: World) -> None:
    world.sell()
    with counting_units(world.service["dynamodb"], world.dynamodb) as units:
        world.activate(a_request_file(LAB_07))
        assert not [w for w in units.take().writes if w.key["pk"]["S"].startswith("refusals#")]
        world.activate(a_request_file(LAB_08))
        writes = [w for w in units.take().writes if w.key["pk"]["S"].startswith("refusals#")]
    assert [write.units for write in writes] == [1]


@pytest.mark.attack
def test_who_has_not_proved_to_know_the_license_writes_nothing_under_it(world: World) -> None:
    world.sell()
    world.activate(a_request_file(LAB_07))
    strangers = {
        "unreadable-request": b"nothing",
        "unsupported-version": a_request_file(LAB_08).replace(b"request.v1+", b"request.v2+"),
        "an unknown number": a_request_file(LAB_08, license_number="999999999999"),
        "a wrong code": a_request_file(LAB_08, activation=a_key("a guess")),
        "an unknown key": a_request_file(LAB_08, "update"),
        "an unknown key that gives back": a_request_file(LAB_08, "deactivate"),
    }
    for file in strangers.values():
        ticket = world.ticket(world.activate(file))
        assert ticket["refusal"]["code"] in BEFORE_PROOF
    assert rows(world) == []


@pytest.mark.attack
def test_who_has_the_code_fills_one_small_row_a_day(world: World) -> None:
    world.sell()
    world.activate(a_request_file(LAB_07))
    longest = "\N{SNAKE}" * MAX_TEXT  # four bytes each
    world.activate(a_request_file(Computer(longest), product=Product(longest, "")))
    refusals, (first,) = Refusals(world.dynamodb, "Tickets"), kept(world)
    for n in range(REFUSALS_PER_LICENSE + 3):
        refusals.keep(replace(first, ticket=f"ticket{n:02}"))
    (row,) = rows(world)
    assert len(kept(world)) == REFUSALS_PER_LICENSE
    assert item_bytes(row) < 24 * 1024
    refusals.keep(replace(first, at=first.at + DAY))
    assert len(rows(world)) == 2
