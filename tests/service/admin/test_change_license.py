"""Changes to a license: each is conditional on the revision that was read."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from keyferry_admin.errors.licenses import (
    AlreadyRevoked,
    BadTerms,
    LicenseChanged,
    NoSuchLicense,
    NoSuchSeat,
)
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import change_license, dongles, licenses
from keyferry_protocol.activation import activation_key
from keyferry_protocol.algorithms import ED25519
from keyferry_protocol.request import Dongle
from keyferry_service.adapters.items_dynamodb import members, to_item
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.adapters.retries import ConditionFailed
from keyferry_service.domain.license import LicenseRecord, Seat, Status
from tests.support.samples import DAY, NOW, NUMBER


@pytest.fixture
def table(stack: Stack) -> Licenses:
    licenses.create(
        stack.licenses,
        "Example",
        NOW,
        NUMBER,
        seats=2,
        valid_until=NOW + DAY,
        features={"solver": True, "threads": 16},
    )
    return stack.licenses


def take_seat(stack: Stack, number: int, **facts: Any) -> None:
    """Write a seat as the service does, with the counts of its license."""
    known: dict[str, Any] = {
        "protection": "machine",
        "device_key": bytes(32),
        "load_key": bytes(32),
        "components": {},
        "machine_name": "LAB-07",
        "since": NOW,
        "serial": 1,
        "last_request_serial": 0,
        "last_response_at": NOW,
    }
    seat = Seat(number, **({"taken": True} | known | facts))
    stack._dynamodb.put_item(
        TableName=stack.output("LicensesTable"),
        Item=to_item({"pk": NUMBER, "sk": f"seat#{number}", **members(seat)}),
    )
    before = licenses.find(stack.licenses, NUMBER)
    after = replace(
        before, seats_used=before.seats_used + 1, seats_ever_used=before.seats_ever_used + 1
    )
    stack.licenses.change(before, replace(after, revision=before.revision + 1))


def test_a_change_writes_its_fields_and_the_next_revision(table: Licenses) -> None:
    before = licenses.find(table, NUMBER)
    after = change_license.change(
        table, NUMBER, lambda license: replace(license, seats=5, edition="Pro")
    )
    assert after == replace(before, seats=5, edition="Pro", revision=1)
    assert licenses.find(table, NUMBER) == after


def test_a_change_that_conflicts_with_another_is_repeated_on_its_result(table: Licenses) -> None:
    met = iter([True])

    def to(license: LicenseRecord) -> LicenseRecord:
        if next(met, False):
            change_license.change(table, NUMBER, lambda other: replace(other, moves_per_year=9))
        return replace(license, seats=5)

    after = change_license.change(table, NUMBER, to)
    assert (after.seats, after.moves_per_year, after.revision) == (5, 9, 2)
    assert licenses.find(table, NUMBER) == after


def test_a_stale_write_is_refused_by_the_table_itself(table: Licenses) -> None:
    stale = licenses.find(table, NUMBER)
    change_license.change(table, NUMBER, lambda license: replace(license, seats=5))
    with pytest.raises(ConditionFailed):
        table.change(stale, replace(stale, seats=9, revision=1))
    assert licenses.find(table, NUMBER).seats == 5


def test_a_change_that_always_conflicts_is_an_error(
    table: Licenses, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)

    def to(license: LicenseRecord) -> LicenseRecord:
        table.change(license, replace(license, revision=license.revision + 1))
        return replace(license, seats=5)

    with pytest.raises(LicenseChanged):
        change_license.change(table, NUMBER, to)
    assert len(waits) == 12
    assert licenses.find(table, NUMBER).seats == 2


def test_terms_are_checked_before_they_are_written(table: Licenses) -> None:
    with pytest.raises(BadTerms):
        change_license.change(table, NUMBER, lambda license: replace(license, seats=0))
    assert licenses.find(table, NUMBER).revision == 0


def test_an_unknown_license_cannot_be_changed(stack: Stack) -> None:
    with pytest.raises(NoSuchLicense):
        change_license.allow_move(stack.licenses, NUMBER)


def test_a_suspended_license_can_be_resumed_and_a_revoked_one_cannot(table: Licenses) -> None:
    for status in (Status.SUSPENDED, Status.ACTIVE, Status.REVOKED):
        assert change_license.set_status(table, NUMBER, status).status is status
    with pytest.raises(AlreadyRevoked):
        change_license.set_status(table, NUMBER, Status.ACTIVE)
    assert licenses.find(table, NUMBER).status is Status.REVOKED


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(change_license.allow_move, id="allow-move"),
        pytest.param(change_license.replace_code, id="new-code"),
        pytest.param(
            lambda rows, number: change_license.release_seat(rows, number, 1), id="release"
        ),
        pytest.param(
            lambda rows, number: change_license.change(
                rows, number, lambda old: replace(old, seats=5)
            ),
            id="change",
        ),
        pytest.param(
            lambda rows, number: dongles.add(rows, number, Dongle(ED25519, bytes(32), "", "")),
            id="dongle add",
        ),
        pytest.param(
            lambda rows, number: dongles.remove(rows, number, "0" * 16), id="dongle remove"
        ),
    ],
)
def test_a_revoked_license_takes_no_change(
    stack: Stack, table: Licenses, change: Callable[[Licenses, str], Any]
) -> None:
    take_seat(stack, 1)
    revoked = change_license.set_status(table, NUMBER, Status.REVOKED)
    with pytest.raises(AlreadyRevoked):
        change(table, NUMBER)
    assert licenses.find(table, NUMBER) == revoked


def test_moves_can_be_allowed_before_any_seat_is_used(table: Licenses) -> None:
    change_license.allow_move(table, NUMBER)
    assert change_license.allow_move(table, NUMBER).seats_ever_used == -2


def test_a_new_code_replaces_the_old_one(table: Licenses) -> None:
    created = change_license.replace_code(table, NUMBER)
    public = activation_key(created.activation_code, NUMBER).public
    assert licenses.find(table, NUMBER).activation_public == public


def test_a_released_seat_is_free_once_and_allows_one_move(stack: Stack, table: Licenses) -> None:
    take_seat(stack, 1)
    take_seat(stack, 2)
    after, seat = change_license.release_seat(table, NUMBER, 1)
    assert (seat.number, after.seats_used, after.seats_ever_used) == (1, 1, 1)
    assert licenses.find(table, NUMBER) == after
    assert {each.number: each.taken for each in table.seats(NUMBER)} == {1: False, 2: True}
    for number in (1, 3):
        with pytest.raises(NoSuchSeat):
            change_license.release_seat(table, NUMBER, number)
    assert licenses.find(table, NUMBER) == after


def test_a_seat_that_was_released_meanwhile_is_not_released_twice(
    stack: Stack, table: Licenses
) -> None:
    take_seat(stack, 1)
    before = licenses.find(table, NUMBER)
    seat = change_license.find_taken_seat(table, NUMBER, 1)
    change_license.release_seat(table, NUMBER, 1)
    current = licenses.find(table, NUMBER)
    with pytest.raises(ConditionFailed):  # even if the revision alone were right
        table.release(current, replace(before, revision=current.revision + 1), seat)
    assert licenses.find(table, NUMBER) == current
