"""Every row of the decision table, each with its name there, and what it writes."""

from dataclasses import replace
from typing import Any

import pytest

from keyferry_protocol.request import Request
from keyferry_protocol.response import BoundTo
from keyferry_service.domain.allocate import Grant, GrantRule
from keyferry_service.domain.decide import decide
from keyferry_service.domain.ledger import response_to
from keyferry_service.domain.license import (
    DeviceKey,
    DongleSeat,
    LedgerEntry,
    LicenseRecord,
    RegisteredDongle,
    Seat,
    Status,
)
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.request_context import Snapshot, anchor_keys
from keyferry_service.domain.signing_keys import KeyStatus
from tests.support.builders import (
    LAB_07,
    LAB_08,
    SERVICE_KEY,
    Computer,
    a_key,
    a_license,
    a_request,
    a_seat,
)
from tests.support.samples import DAY, NOW

TODAY = "2026-11-24"
DONGLE = a_key("dongle")
OTHER = a_key("another load key").public
AT_A_DONGLE = Computer("LAB-07", dongle=DONGLE)


def a_registered_dongle(**changes: Any) -> RegisteredDongle:
    row = RegisteredDongle(DONGLE.keyid, DONGLE.alg, DONGLE.public, "Token", "1")
    return replace(row, **changes)


def a_snapshot(
    license: LicenseRecord | None,
    *seats: Seat,
    request: Request,
    key: int | None = None,
    load_key: bytes | None = None,
    ended_at: int | None = None,
    dongle: RegisteredDongle | None = None,
    anchors: tuple[int, ...] = (),
    entry: LedgerEntry | None = None,
) -> Snapshot:
    """The rows of a license; `key` is the seat that the request's device key row leads to."""
    load_key = load_key or request.load_key
    row = None if key is None else DeviceKey(request.device_keyid, key, load_key, ended_at)
    taken = {seat.number: seat for seat in seats}
    return Snapshot(license, row, dongle, entry, frozenset(anchors), taken)


def a_key_row(request: Request, seat: int, ended_at: int | None = None) -> DeviceKey:
    """The row of the device key that an answer to this request leaves."""
    return DeviceKey(request.device_keyid, seat, request.load_key, ended_at)


def granted(request: Request, rows: Snapshot) -> Grant:
    decision = decide(request, rows, [SERVICE_KEY], NOW)
    assert isinstance(decision, Grant), decision
    return decision


def a_used_license(**changes: Any) -> LicenseRecord:
    """Two seats, one in use."""
    used = {"seats": 2, "seats_used": 1, "seats_ever_used": 1, "next_seat": 2, "revision": 7}
    return a_license(**{**used, **changes})


def test_an_answered_request_gets_the_same_answer_and_changes_nothing() -> None:
    request = a_request()
    entry = LedgerEntry(request.sha256, b"the bytes", 1, NOW - DAY)
    rows = a_snapshot(a_used_license(status=Status.SUSPENDED), request=request, entry=entry)
    assert decide(request, rows, [SERVICE_KEY], NOW) is entry


@pytest.mark.parametrize("kind", ["activate", "update"])
def test_an_answered_request_whose_application_knows_no_key_of_today_is_refused(kind: str) -> None:
    request = a_request(kind=kind)
    entry = LedgerEntry(request.sha256, b"the bytes", 1, NOW - DAY)
    for status in Status:  # whatever else speaks against it comes later
        rows = a_snapshot(a_used_license(status=status), request=request, entry=entry)
        refusal = decide(request, rows, [replace(SERVICE_KEY, status=KeyStatus.RETIRED)], NOW)
        assert isinstance(refusal, Refusal)
        assert refusal.code is RefusalCode.KEYS_TOO_OLD


def test_a_new_seat_is_no_move_if_none_was_freed() -> None:
    request = a_request(LAB_08)
    grant = granted(request, a_snapshot(a_used_license(), request=request))
    license = grant.license
    assert (license.seats_used, license.seats_ever_used, license.next_seat, license.moves) == (
        2,
        2,
        3,
        {},
    )
    assert (grant.is_new, grant.seat.number, grant.serial, grant.read_revision) == (True, 2, 8, 7)
    assert grant.device_key == a_key_row(request, 2)
    assert (grant.anchor_keys, grant.dongle_seats) == (anchor_keys(request), ())
    assert grant.seat == Seat(
        number=2,
        taken=True,
        protection="machine",
        device_key=LAB_08.device.public,
        load_key=LAB_08.load_key.public,
        components=LAB_08.components("machine"),
        machine_name="LAB-08",
        since=NOW,
        serial=8,
        last_request_serial=0,
        last_response_at=NOW,
        request_sha256=request.sha256,
        issued=(8,),
        valid_until=license.valid_until,
    )


def test_a_new_seat_is_a_move_if_one_was_freed() -> None:
    request = a_request(LAB_08)
    license = a_used_license(seats_ever_used=2, moves={TODAY: 1})
    grant = granted(request, a_snapshot(license, request=request))
    assert grant.is_new
    assert (grant.license.seats_used, grant.license.seats_ever_used) == (2, 2)
    assert grant.license.moves == {TODAY: 2}


def test_a_new_seat_after_allow_move_is_no_move_even_below_zero() -> None:
    request = a_request(LAB_08)
    license = a_license(seats_ever_used=-1, next_seat=4, moves_per_year=0)
    grant = granted(request, a_snapshot(license, request=request))
    assert (grant.license.seats_ever_used, grant.license.seats_used, grant.seat.number) == (0, 1, 4)


def test_a_new_key_for_the_machines_own_seat_is_a_move_and_the_old_key_row_stays() -> None:
    again = LAB_07.reinstalled()
    request = a_request(again, last_serial=3)
    grant = granted(request, a_snapshot(a_used_license(), a_seat(), request=request, anchors=(1,)))
    before = a_seat()
    assert grant.seat == replace(
        before,
        device_key=again.device.public,
        load_key=again.load_key.public,
        components=again.components("machine"),
        serial=8,
        last_request_serial=3,
        last_response_at=NOW,
        request_sha256=request.sha256,
        issued=(8,),
        valid_until=grant.license.valid_until,
    )
    assert grant.license.moves == {TODAY: 1}
    assert (grant.license.seats_used, grant.license.seats_ever_used) == (1, 1)
    assert grant.device_key == a_key_row(request, 1)
    assert grant.anchor_keys == anchor_keys(request)
    assert not grant.is_new
    assert grant.previous_valid_until == before.valid_until


def test_replaces_seat_gives_the_seat_to_the_new_machine_and_is_a_move() -> None:
    request = a_request(LAB_08, protection="personal", replaces_seat=1)
    grant = granted(request, a_snapshot(a_used_license(), a_seat(copies=2), request=request))
    seat = grant.seat
    assert (seat.number, seat.machine_name, seat.since) == (1, "LAB-08", NOW)
    assert (seat.protection, seat.device_key) == ("personal", LAB_08.device.public)
    assert seat.copies == 2  # counted for the seat, not for its machine
    assert grant.license.moves == {TODAY: 1}
    assert (grant.license.seats_used, grant.read_revision) == (1, 7)
    assert grant.device_key == a_key_row(request, 1)
    assert grant.previous_valid_until is None


@pytest.mark.parametrize("kind", ["update", "activate"])
def test_an_update_by_the_seats_own_key_changes_the_revision_only(kind: str) -> None:
    drifted = replace(LAB_07, changed=("mac",))
    request = a_request(drifted, kind, last_serial=1)
    grant = granted(request, a_snapshot(a_used_license(), a_seat(), request=request, key=1))
    assert grant.license == replace(a_used_license(), revision=8, first_issued_at=NOW)
    assert grant.seat.components == LAB_07.components("machine")  # never a union, never newer
    assert (grant.seat.serial, grant.seat.last_request_serial, grant.seat.copies) == (8, 1, 0)
    assert (grant.device_key, grant.anchor_keys, grant.dongle_seats) == (None, (), ())
    assert (grant.read_revision, grant.previous_valid_until) == (7, a_seat().valid_until)


@pytest.mark.parametrize("kind", ["update", "activate"])
def test_an_update_that_binds_to_new_parts_is_a_move(kind: str) -> None:
    changed = replace(LAB_07, changed=("tpm_key", "smbios_uuid", "board_serial"))
    request = a_request(changed, kind, last_serial=1)
    grant = granted(request, a_snapshot(a_used_license(), a_seat(), request=request, key=1))
    assert grant.license.moves == {TODAY: 1}
    assert grant.seat.components == changed.components("machine")
    assert grant.anchor_keys == anchor_keys(request)
    assert grant.device_key is None


# ---- Updates by the load key


def by_load_key(computer: Computer = LAB_07, **changes: Any) -> Request:
    """An update of whoever runs the application, who cannot read the device key."""
    return a_request(computer, "update", signers=(computer.load_key,), **changes)


@pytest.mark.parametrize("last_serial", [0, 1, 5, 99])
def test_an_update_by_the_load_key_gives_todays_terms_and_changes_nothing_else(
    last_serial: int,
) -> None:
    request = by_load_key(replace(LAB_07, changed=("mac",)), last_serial=last_serial)
    seat = a_seat(serial=6, last_request_serial=2, issued=(4, 5))
    license = a_used_license(moves_per_year=0, revision=99)
    grant = granted(request, a_snapshot(license, seat, request=request, key=1))
    assert grant.license == replace(license, revision=100, first_issued_at=NOW)
    assert grant.seat == replace(
        seat, serial=100, last_response_at=NOW, valid_until=license.valid_until
    )
    assert (grant.device_key, grant.anchor_keys, grant.dongle_seats) == (None, (), ())
    assert (grant.read_revision, grant.previous_valid_until) == (99, a_seat().valid_until)
    response = response_to(request, grant, NOW)
    assert response.bound_to == BoundTo(
        "machine", seat.device_key, seat.load_key, seat.components, None
    )


def test_the_load_key_that_an_update_by_the_device_key_brought_counts() -> None:
    request = a_request(LAB_07, "update", load_key=OTHER, last_serial=1)
    seat = granted(request, a_snapshot(a_used_license(), a_seat(), request=request, key=1)).seat
    assert seat.load_key == OTHER
    by_new = a_request(LAB_07, "update", load_key=OTHER, signers=(a_key("another load key"),))
    old = LAB_07.load_key.public
    rows = a_snapshot(a_used_license(), seat, request=by_new, key=1, load_key=old)
    assert granted(by_new, rows).seat.load_key == OTHER


def test_an_answered_update_by_the_load_key_gets_the_same_answer_after_its_seat_is_gone() -> None:
    request = by_load_key()
    entry = LedgerEntry(request.sha256, b"the bytes", 1, NOW - DAY)
    rows = a_snapshot(a_used_license(), request=request, entry=entry)
    assert decide(request, rows, [SERVICE_KEY], NOW) is entry


def test_deactivate_frees_the_seat_and_ends_the_key() -> None:
    request = a_request(LAB_07, "deactivate", last_serial=1)
    rows = a_snapshot(a_used_license(), a_seat(), request=request, key=1)
    grant = granted(request, rows)
    assert grant.license.seats_used == 0
    assert (grant.license.seats_ever_used, grant.license.next_seat, grant.license.moves) == (
        1,
        2,
        {},
    )
    assert grant.seat == replace(a_seat(), taken=False, valid_until=NOW)
    assert grant.device_key == a_key_row(request, 1, ended_at=request.created_at)
    assert (grant.read_revision, grant.anchor_keys, grant.dongle_seats) == (7, (), ())
    assert grant.previous_valid_until == a_seat().valid_until


def test_a_dongle_takes_a_seat_without_anchor_rows_and_its_row_names_the_seat() -> None:
    request = a_request(AT_A_DONGLE)
    grant = granted(
        request, a_snapshot(a_used_license(), request=request, dongle=a_registered_dongle())
    )
    assert grant.dongle_seats == (DongleSeat(DONGLE.keyid, 2),)
    assert grant.anchor_keys == ()
    assert (grant.seat.dongle_keyid, grant.seat.components) == (DONGLE.keyid, {})
    assert grant.device_key == DeviceKey(request.device_keyid, 2)


@pytest.mark.parametrize("kind", ["activate", "update"])
def test_a_dongle_at_another_machine_is_no_move(kind: str) -> None:
    elsewhere = replace(LAB_08, dongle=DONGLE)
    request = a_request(elsewhere, kind, last_serial=1)
    seat = a_seat(AT_A_DONGLE, protection="dongle")
    rows = a_snapshot(
        a_used_license(moves_per_year=0), seat, request=request, dongle=a_registered_dongle(seat=1)
    )
    grant = granted(request, rows)
    assert grant.license.moves == {}
    assert grant.seat.device_key == LAB_08.device.public
    assert grant.device_key == a_key_row(request, 1)


def test_a_dongle_never_takes_a_machines_key_from_that_machines_own_seat() -> None:
    request = a_request(AT_A_DONGLE, "update", last_serial=2)
    seats = (a_seat(LAB_07), a_seat(replace(LAB_08, dongle=DONGLE), 2, protection="dongle"))
    rows = a_snapshot(
        a_used_license(), *seats, request=request, key=1, dongle=a_registered_dongle(seat=2)
    )
    grant = granted(request, rows)
    assert (grant.seat.number, grant.device_key) == (2, None)


def test_a_deactivated_dongle_has_no_seat() -> None:
    request = a_request(AT_A_DONGLE, "deactivate")
    seat = a_seat(AT_A_DONGLE, protection="dongle")
    rows = a_snapshot(
        a_used_license(), seat, request=request, key=1, dongle=a_registered_dongle(seat=1)
    )
    grant = granted(request, rows)
    assert grant.dongle_seats == (DongleSeat(DONGLE.keyid, None),)
    assert not grant.seat.taken


def test_deactivating_a_dongle_leaves_the_key_of_a_machine_with_a_seat_alone() -> None:
    request = a_request(AT_A_DONGLE, "deactivate")
    seats = (a_seat(LAB_07), a_seat(replace(LAB_08, dongle=DONGLE), 2, protection="dongle"))
    rows = a_snapshot(
        a_used_license(), *seats, request=request, key=1, dongle=a_registered_dongle(seat=2)
    )
    grant = granted(request, rows)
    assert (grant.seat.number, grant.device_key) == (2, None)


def test_a_dongle_activates_again_however_late_the_clock_was_that_dated_its_deactivation() -> None:
    deactivation = a_request(AT_A_DONGLE, "deactivate", created_at=NOW + 999 * DAY)
    seat = a_seat(AT_A_DONGLE, protection="dongle")
    rows = a_snapshot(
        a_used_license(), seat, request=deactivation, key=1, dongle=a_registered_dongle(seat=1)
    )
    freed = granted(deactivation, rows)
    request = a_request(AT_A_DONGLE)
    after = Snapshot(freed.license, freed.device_key, a_registered_dongle(), seats={1: freed.seat})
    assert granted(request, after).is_new


def test_a_dongle_that_replaces_a_machine_takes_its_seat() -> None:
    request = a_request(AT_A_DONGLE, replaces_seat=1)
    rows = a_snapshot(
        a_used_license(), a_seat(LAB_08), request=request, dongle=a_registered_dongle()
    )
    grant = granted(request, rows)
    assert grant.dongle_seats == (DongleSeat(DONGLE.keyid, 1),)
    assert (grant.seat.dongle_keyid, grant.seat.protection) == (DONGLE.keyid, "dongle")


def test_replacing_a_dongles_seat_frees_the_dongle() -> None:
    request = a_request(LAB_08, replaces_seat=1)
    seat = a_seat(AT_A_DONGLE, protection="dongle")
    grant = granted(request, a_snapshot(a_used_license(), seat, request=request))
    assert grant.dongle_seats == (DongleSeat(DONGLE.keyid, None),)
    assert grant.seat.dongle_keyid is None


# ---- Moves


def test_a_move_beyond_the_years_number_uses_up_a_seat_never_taken() -> None:
    request = a_request(LAB_08, replaces_seat=1)
    license = a_used_license(moves={"2025-11-23": 1, TODAY: 4})
    grant = granted(request, a_snapshot(license, a_seat(), request=request))
    assert (grant.license.seats_ever_used, grant.license.moves) == (2, {TODAY: 4})


def test_moves_count_for_365_days_and_are_then_forgotten() -> None:
    request = a_request(LAB_08, replaces_seat=1)
    license = a_used_license(moves={"2025-11-23": 4, "2025-11-24": 3})
    grant = granted(request, a_snapshot(license, a_seat(), request=request))
    assert grant.license.moves == {"2025-11-24": 3, TODAY: 1}


# ---- The machine's own seat


@pytest.mark.parametrize(
    ("seat", "anchors"),
    [
        pytest.param(a_seat(), (), id="no anchor row leads to it"),
        pytest.param(a_seat(taken=False), (1,), id="not taken"),
        pytest.param(a_seat(protection="personal"), (1,), id="another protection"),
        pytest.param(a_seat(LAB_08), (1,), id="another machine by the rule"),
    ],
)
def test_a_seat_is_not_the_machines_own(seat: Seat, anchors: tuple[int, ...]) -> None:
    request = a_request(LAB_07.reinstalled())
    grant = granted(request, a_snapshot(a_used_license(), seat, request=request, anchors=anchors))
    assert grant.is_new


def test_seats_that_were_read_later_join_the_others() -> None:
    first, second = a_seat(), a_seat(LAB_08, 2)
    rows = a_snapshot(a_license(), first, request=a_request(), anchors=(1, 2))
    assert rows.unread_seats == {2}
    assert rows.with_seats({2: second}) == replace(rows, seats={1: first, 2: second})


def test_a_machine_is_found_by_each_anchor_and_for_personal_by_its_user_too() -> None:
    hashes = LAB_07.components("personal")
    (user,) = hashes["user"]
    body = [hashes[part][0] for part in ("tpm_key", "smbios_uuid", "board_serial", "mac")]
    assert anchor_keys(a_request()) == tuple(f"anchor#{item}" for item in body)
    personal = anchor_keys(a_request(protection="personal"))
    assert personal == tuple(f"anchor#{item}#{user}" for item in body)


def test_a_personal_seat_is_the_machines_own_for_its_user_alone() -> None:
    other_user = replace(LAB_07.reinstalled(), user="bert")
    request = a_request(other_user, protection="personal")
    seat = a_seat(protection="personal")
    assert granted(
        request, a_snapshot(a_used_license(), seat, request=request, anchors=(1,))
    ).is_new


def test_of_several_own_seats_the_best_match_is_taken_then_the_latest() -> None:
    again = LAB_07.reinstalled()
    request = a_request(again)
    seats = (
        a_seat(LAB_07, 1, serial=9),
        a_seat(LAB_07, 2, serial=3, components=again.components("machine")),
        a_seat(LAB_07, 3, serial=5, components=again.components("machine")),
    )
    license = a_license(seats=9, seats_used=3, seats_ever_used=3, next_seat=4)
    grant = granted(request, a_snapshot(license, *seats, request=request, anchors=(1, 2, 3)))
    assert grant.seat.number == 3


def test_the_machines_own_seat_comes_before_replaces_seat() -> None:
    request = a_request(LAB_07.reinstalled(), replaces_seat=2)
    license = a_used_license(seats_used=2, seats_ever_used=2)
    seats = (a_seat(LAB_07), a_seat(LAB_08, 2))
    grant = granted(request, a_snapshot(license, *seats, request=request, anchors=(1,)))
    assert grant.seat.number == 1


def test_its_own_key_comes_before_replaces_seat() -> None:
    request = a_request(LAB_07, replaces_seat=2, last_serial=1)
    license = a_used_license(seats_used=2, seats_ever_used=2)
    seats = (a_seat(LAB_07), a_seat(LAB_08, 2))
    grant = granted(request, a_snapshot(license, *seats, request=request, key=1))
    assert (grant.seat.number, grant.license.moves) == (1, {})


def test_replaces_seat_alone_changes_the_protection_of_ones_own_seat() -> None:
    request = a_request(LAB_07, protection="personal", replaces_seat=1)
    grant = granted(request, a_snapshot(a_used_license(), a_seat(), request=request, key=1))
    assert (grant.seat.number, grant.seat.protection) == (1, "personal")
    assert grant.license.moves == {TODAY: 1}


# ---- Serials, copies, trials


@pytest.mark.parametrize(
    ("last_serial", "copies"),
    [
        pytest.param(4, 0, id="that of the last request's answer"),
        pytest.param(5, 0, id="that of a renewal since"),
        pytest.param(2, 0, id="the one that was answered by it: its response never came back"),
        pytest.param(3, 1, id="one from before"),
        pytest.param(6, 1, id="that of an update by the load key, which went elsewhere"),
        pytest.param(7, 0, id="above the seat's: a restored table has lost it"),
    ],
)
def test_an_unexpected_last_serial_counts_as_a_copy(last_serial: int, copies: int) -> None:
    request = a_request(LAB_07, "update", last_serial=last_serial)
    seat = a_seat(serial=6, last_request_serial=2, issued=(4, 5))
    grant = granted(request, a_snapshot(a_used_license(), seat, request=request, key=1))
    assert grant.seat.copies == copies


def test_a_dongle_is_carried_and_no_copy_of_it_is_counted() -> None:
    request = a_request(AT_A_DONGLE, "update", last_serial=3)
    seat = a_seat(AT_A_DONGLE, protection="dongle", serial=6, issued=(6,))
    rows = a_snapshot(a_used_license(), seat, request=request, dongle=a_registered_dongle(seat=1))
    assert granted(request, rows).seat.copies == 0


@pytest.mark.parametrize(
    ("last_serial", "serial"),
    [
        pytest.param(7, 8, id="the revision itself"),
        pytest.param(100, 101, id="above it: the table was restored"),
        pytest.param(2_000_000, 1_000_008, id="far above it: a million at a time"),
    ],
)
def test_a_last_serial_above_the_revision_lifts_it(last_serial: int, serial: int) -> None:
    request = a_request(LAB_08, last_serial=last_serial)
    assert granted(request, a_snapshot(a_used_license(), request=request)).serial == serial


def test_a_trials_term_runs_from_the_first_issue_for_all_its_seats() -> None:
    request = a_request(LAB_08)
    fresh = a_license(trial_days=30, valid_until=None)
    assert granted(request, a_snapshot(fresh, request=request)).seat.valid_until == NOW + 30 * DAY
    begun = a_used_license(trial_days=30, valid_until=None, first_issued_at=NOW - 10 * DAY)
    assert granted(request, a_snapshot(begun, request=request)).seat.valid_until == NOW + 20 * DAY


# ---- Refusals, in their order


REFUSED = [
    pytest.param(
        a_request(), {"license": None}, RefusalCode.NOT_AUTHENTIC, id="not-authentic: no license"
    ),
    pytest.param(
        a_request(kind="update"),
        {},
        RefusalCode.NOT_AUTHENTIC,
        id="not-authentic: update by a key that the license never had",
    ),
    pytest.param(
        a_request(kind="deactivate"),
        {},
        RefusalCode.NOT_AUTHENTIC,
        id="not-authentic: deactivate by a key that the license never had",
    ),
    pytest.param(
        a_request(AT_A_DONGLE, "update"),
        {"key": 1, "seats": [a_seat()]},
        RefusalCode.NOT_AUTHENTIC,
        id="not-authentic: update by a dongle that the license never had",
    ),
    pytest.param(
        a_request(AT_A_DONGLE, "update"),
        {
            "seats": [a_seat(AT_A_DONGLE, protection="dongle")],
            "dongle": a_registered_dongle(seat=1, public=a_key("of the same key id").public),
        },
        RefusalCode.NOT_AUTHENTIC,
        id="not-authentic: update by another key of a dongle's key id",
    ),
    pytest.param(
        by_load_key(trusts=()),
        {"key": 1, "seats": [a_seat(load_key=OTHER)], "load_key": OTHER},
        RefusalCode.NOT_AUTHENTIC,
        id="not-authentic: update by a load key that the license never had",
    ),
    pytest.param(
        by_load_key(trusts=()),
        {},
        RefusalCode.NOT_AUTHENTIC,
        id="not-authentic: update by a load key for a device key that the license never had",
    ),
    pytest.param(
        by_load_key(),
        {"key": 1, "seats": [a_seat(AT_A_DONGLE, protection="dongle")], "load_key": b"none"},
        RefusalCode.NOT_AUTHENTIC,
        id="not-authentic: update by a load key for a dongle's seat",
    ),
    pytest.param(
        a_request(trusts=("0123456789abcdef",)),
        {},
        RefusalCode.KEYS_TOO_OLD,
        id="keys-too-old: it trusts none of our keys",
    ),
    pytest.param(
        a_request(kind="update"),
        {"key": 1, "seats": [a_seat(taken=False)]},
        RefusalCode.NOT_ACTIVATED,
        id="not-activated: update after the seat was freed",
    ),
    pytest.param(
        a_request(kind="update"),
        {"key": 1, "seats": [a_seat(LAB_08)]},
        RefusalCode.NOT_ACTIVATED,
        id="not-activated: update after the seat went to another key",
    ),
    pytest.param(
        by_load_key(),
        {"key": 1, "seats": [a_seat(taken=False)]},
        RefusalCode.NOT_ACTIVATED,
        id="not-activated: update by the load key after the seat was freed",
    ),
    pytest.param(
        by_load_key(),
        {"key": 1, "seats": [a_seat(LAB_08)]},
        RefusalCode.NOT_ACTIVATED,
        id="not-activated: update by the load key after the seat went to another machine",
    ),
    pytest.param(
        by_load_key(),
        {"key": 1, "seats": [a_seat(load_key=a_key("a later one").public)]},
        RefusalCode.NOT_ACTIVATED,
        id="not-activated: update by a load key that an update replaced",
    ),
    pytest.param(
        a_request(kind="deactivate"),
        {"key": 1, "seats": [a_seat(LAB_08)]},
        RefusalCode.NOT_ACTIVATED,
        id="not-activated: deactivate after the seat went to another key",
    ),
    pytest.param(
        a_request(kind="deactivate"),
        {"key": 1, "seats": [a_seat(AT_A_DONGLE, protection="dongle")]},
        RefusalCode.NOT_ACTIVATED,
        id="not-activated: deactivate of a dongle's seat without the dongle",
    ),
    pytest.param(
        a_request(AT_A_DONGLE, "update"),
        {
            "seats": [a_seat(replace(LAB_08, dongle=a_key("another")), protection="dongle")],
            "dongle": a_registered_dongle(seat=1),
        },
        RefusalCode.NOT_ACTIVATED,
        id="not-activated: update after the dongle's seat went to another dongle",
    ),
    pytest.param(
        a_request(created_at=NOW - 100),
        {"key": 1, "ended_at": NOW - 99, "seats": [a_seat(taken=False)]},
        RefusalCode.NOT_ACTIVATED,
        id="not-activated: activate made before its key's deactivation",
    ),
    pytest.param(
        a_request(replace(LAB_07, parts=("os_id", "disk_serial"))),
        {},
        RefusalCode.MACHINE_NOT_IDENTIFIED,
        id="machine-not-identified: hardware weighs less than 3",
    ),
    pytest.param(
        a_request(replace(LAB_07, parts=("disk_serial",))),
        {"license": a_license(environments=("physical", "virtual"))},
        RefusalCode.MACHINE_NOT_IDENTIFIED,
        id="machine-not-identified: all of it weighs less than 3",
    ),
    pytest.param(
        by_load_key(replace(LAB_07, parts=("os_id", "disk_serial"))),
        {"key": 1, "seats": [a_seat()]},
        RefusalCode.MACHINE_NOT_IDENTIFIED,
        id="machine-not-identified: too little, by the load key too",
    ),
    pytest.param(
        by_load_key(replace(LAB_07, changed=("tpm_key", "smbios_uuid", "board_serial"))),
        {"key": 1, "seats": [a_seat()], "license": a_license(status=Status.SUSPENDED)},
        RefusalCode.NEEDS_ADMINISTRATOR,
        id="needs-administrator: an update by the load key would bind anew",
    ),
    pytest.param(
        by_load_key(protection="personal"),
        {"key": 1, "seats": [a_seat()]},
        RefusalCode.PROTECTION_NOT_ALLOWED,
        id="protection-not-allowed: an update by the load key never changes it either",
    ),
    pytest.param(
        a_request(),
        {"license": a_license(status=Status.SUSPENDED, valid_until=NOW)},
        RefusalCode.LICENSE_SUSPENDED,
        id="license-suspended",
    ),
    pytest.param(
        a_request(),
        {"license": a_license(status=Status.REVOKED, valid_until=NOW)},
        RefusalCode.LICENSE_REVOKED,
        id="license-revoked",
    ),
    pytest.param(
        a_request(product=replace(a_request().product, name="Another")),
        {"license": a_license(valid_until=NOW)},
        RefusalCode.LICENSE_EXPIRED,
        id="license-expired: its date",
    ),
    pytest.param(
        a_request(),
        {"license": a_license(trial_days=30, first_issued_at=NOW - 30 * DAY)},
        RefusalCode.LICENSE_EXPIRED,
        id="license-expired: a trial's term",
    ),
    pytest.param(
        a_request(product=replace(a_request().product, name="Another"), protection="personal"),
        {"license": a_license(protections=("machine",))},
        RefusalCode.PRODUCT_MISMATCH,
        id="product-mismatch",
    ),
    pytest.param(
        a_request(replace(LAB_07, environment="virtual"), protection="personal"),
        {"license": a_license(protections=("machine",))},
        RefusalCode.PROTECTION_NOT_ALLOWED,
        id="protection-not-allowed: the license's",
    ),
    pytest.param(
        a_request(protection="personal"),
        {"key": 1, "seats": [a_seat()]},
        RefusalCode.PROTECTION_NOT_ALLOWED,
        id="protection-not-allowed: this computer's seat has another",
    ),
    pytest.param(
        a_request(kind="update", protection="personal"),
        {"key": 1, "seats": [a_seat()]},
        RefusalCode.PROTECTION_NOT_ALLOWED,
        id="protection-not-allowed: an update never changes it",
    ),
    pytest.param(
        a_request(replace(AT_A_DONGLE, environment="virtual")),
        {},
        RefusalCode.ENVIRONMENT_NOT_ALLOWED,
        id="environment-not-allowed: virtual",
    ),
    pytest.param(
        a_request(replace(LAB_07, environment="container")),
        {"license": a_license(environments=("physical", "virtual"))},
        RefusalCode.ENVIRONMENT_NOT_ALLOWED,
        id="environment-not-allowed: container",
    ),
    pytest.param(
        a_request(AT_A_DONGLE),
        {"license": a_license(seats_used=1, seats_ever_used=1)},
        RefusalCode.DONGLE_NOT_REGISTERED,
        id="dongle-not-registered",
    ),
    pytest.param(
        a_request(AT_A_DONGLE),
        {"dongle": a_registered_dongle(public=a_key("of the same key id").public)},
        RefusalCode.DONGLE_NOT_REGISTERED,
        id="dongle-not-registered: another key of the same key id",
    ),
    pytest.param(
        a_request(AT_A_DONGLE),
        {"dongle": a_registered_dongle(alg="ECDSA-P256-SHA256")},
        RefusalCode.DONGLE_NOT_REGISTERED,
        id="dongle-not-registered: the same bytes as a key of another algorithm",
    ),
    pytest.param(
        a_request(LAB_08, replaces_seat=5),
        {"license": a_license(seats_used=1, seats_ever_used=1)},
        RefusalCode.NO_SUCH_SEAT,
        id="no-such-seat: never taken",
    ),
    pytest.param(
        a_request(LAB_08, replaces_seat=1),
        {"seats": [a_seat(taken=False)]},
        RefusalCode.NO_SUCH_SEAT,
        id="no-such-seat: given back, though seats are free",
    ),
    pytest.param(
        a_request(LAB_08),
        {"license": a_license(seats_used=1, seats_ever_used=1)},
        RefusalCode.NO_SEATS_LEFT,
        id="no-seats-left",
    ),
    pytest.param(
        a_request(LAB_08),
        {"license": a_license(seats_ever_used=1, moves={TODAY: 4})},
        RefusalCode.MOVE_LIMIT,
        id="move-limit: a seat that was given back",
    ),
    pytest.param(
        a_request(LAB_08, replaces_seat=1),
        {"license": a_license(seats_ever_used=1, moves={TODAY: 4}), "seats": [a_seat()]},
        RefusalCode.MOVE_LIMIT,
        id="move-limit: replaces_seat",
    ),
    pytest.param(
        a_request(LAB_07.reinstalled()),
        {
            "license": a_license(seats_ever_used=1, moves={TODAY: 4}),
            "seats": [a_seat()],
            "anchors": (1,),
        },
        RefusalCode.MOVE_LIMIT,
        id="move-limit: a reinstalled machine",
    ),
    pytest.param(
        a_request(replace(LAB_07, changed=("tpm_key", "smbios_uuid", "mac")), "update"),
        {"license": a_license(seats_ever_used=1, moves={TODAY: 4}), "seats": [a_seat()], "key": 1},
        RefusalCode.MOVE_LIMIT,
        id="move-limit: an update that binds anew",
    ),
    pytest.param(
        a_request(LAB_08, replaces_seat=1),
        {"license": a_license(seats_ever_used=3, moves_per_year=0), "seats": [a_seat()]},
        RefusalCode.MOVE_LIMIT,
        id="move-limit: seats were lowered below those once opened",
    ),
]


@pytest.mark.parametrize(("request_", "rows", "code"), REFUSED)
def test_a_request_is_refused(request_: Request, rows: dict[str, Any], code: RefusalCode) -> None:
    case = {"license": a_license(), **rows}
    seats = case.pop("seats", [])
    snapshot = a_snapshot(case.pop("license"), *seats, request=request_, **case)
    decision = decide(request_, snapshot, [SERVICE_KEY], NOW)
    assert isinstance(decision, Refusal)
    assert decision.code is code


def test_every_refusal_that_a_decision_can_give_has_a_case() -> None:
    cases = {case.values[2] for case in REFUSED}
    file_alone = {RefusalCode.UNREADABLE_REQUEST, RefusalCode.UNSUPPORTED_VERSION}
    assert cases | file_alone == set(RefusalCode)


def test_a_deactivation_is_refused_for_nothing_else() -> None:
    poor = replace(LAB_07, parts=(), environment="container")
    request = a_request(poor, "deactivate", trusts=(), protection="machine")
    license = a_used_license(
        status=Status.REVOKED, valid_until=NOW - DAY, protections=("dongle",), product="Another"
    )
    grant = granted(request, a_snapshot(license, a_seat(), request=request, key=1))
    assert grant.seat.components == a_seat().components  # its receipt repeats the recorded set


def test_a_revoked_license_repeats_no_answer_but_a_receipt() -> None:
    for kind, refused in (("activate", True), ("deactivate", False)):
        request = a_request(kind=kind)
        entry = LedgerEntry(request.sha256, b"", 1, NOW)
        license = a_used_license(status=Status.REVOKED)
        rows = a_snapshot(license, a_seat(), request=request, key=1, entry=entry)
        decision = decide(request, rows, [SERVICE_KEY], NOW)
        assert decision == (Refusal(RefusalCode.LICENSE_REVOKED) if refused else entry)


@pytest.mark.parametrize("environment", ["virtual", "container"])
def test_guests_are_told_apart_by_soft_parts_where_they_are_allowed(environment: str) -> None:
    guest = replace(LAB_07, parts=("os_id",), environment=environment)
    request = a_request(guest)
    license = a_license(environments=("physical", environment))
    assert granted(request, a_snapshot(license, request=request)).is_new


def test_hardware_of_three_points_is_enough() -> None:
    request = a_request(replace(LAB_07, parts=("mac", "os_id")))
    assert granted(request, a_snapshot(a_license(), request=request)).is_new


def test_an_activation_made_in_the_second_of_its_keys_deactivation_is_not_older() -> None:
    request = a_request(created_at=NOW - 100)
    rows = a_snapshot(a_license(), request=request, key=1, ended_at=NOW - 100)
    assert granted(request, rows).is_new


def test_a_license_for_virtual_machines_runs_on_physical_ones_too() -> None:
    request = a_request()
    license = a_license(environments=("virtual",))
    assert granted(request, a_snapshot(license, request=request)).is_new


def test_an_unknown_environment_counts_as_physical() -> None:
    request = a_request(replace(LAB_07, environment="unknown"))
    assert granted(request, a_snapshot(a_license(), request=request)).is_new


def test_a_refusal_lists_the_seats_in_use_and_the_moves_left() -> None:
    request = a_request(LAB_08)
    license = a_license(seats_used=1, seats_ever_used=1, moves={TODAY: 3})
    decision = decide(request, a_snapshot(license, request=request), [SERVICE_KEY], NOW)
    assert isinstance(decision, Refusal)
    assert decision.lists_seats
    assert decision.facts == {"n": 1, "moves_left": 1}


def test_without_moves_left_a_refusal_has_the_day_of_the_next_one() -> None:
    request = a_request(LAB_08)
    moves = {"2026-03-01": 1, "2026-05-01": 3}
    license = a_license(seats_used=1, seats_ever_used=1, moves=moves)
    decision = decide(request, a_snapshot(license, request=request), [SERVICE_KEY], NOW)
    assert isinstance(decision, Refusal)
    march_2_2027 = 1_803_945_600
    assert decision.facts == {"n": 1, "moves_left": 0, "next_move_at": march_2_2027}


# ---- A seat that the person on the page chose


FULL = {"seats": 2, "seats_used": 2, "seats_ever_used": 2, "next_seat": 3, "revision": 7}
BOTH = (a_seat(), a_seat(LAB_08, 2))
LAB_09 = Computer("LAB-09")


def chosen(seat: int | None, license: dict[str, Any], **changes: Any) -> Any:
    """The decision on a computer without a seat, for which this one was chosen."""
    request = a_request(LAB_09, **{"choose_seat": True, **changes})
    rows = a_snapshot(a_license(**{**FULL, **license}), *BOTH, request=request)
    return decide(request, rows, [SERVICE_KEY], NOW, seat)


@pytest.mark.parametrize(
    ("license", "changes", "offers"),
    [
        pytest.param({}, {}, True, id="where none is left"),
        pytest.param({}, {"choose_seat": False}, False, id="unless the request does not allow it"),
        pytest.param({"moves_per_year": 0}, {}, False, id="unless no move is left"),
        pytest.param({"moves_per_year": 1}, {}, True, id="where one move is left"),
        pytest.param({"status": Status.SUSPENDED}, {}, False, id="unless it is refused for more"),
        pytest.param(
            {},
            {"replaces_seat": 9, "choose_seat": False},
            False,
            id="unless the request has named a seat",
        ),
    ],
)
def test_a_refusal_offers_the_seats_in_use(
    license: dict[str, Any], changes: dict[str, Any], offers: bool
) -> None:
    assert chosen(None, license, **changes).offers_seats is offers


def test_the_chosen_seat_goes_to_the_new_machine() -> None:
    grant = chosen(2, {})
    assert isinstance(grant, Grant)
    assert (grant.rule, grant.seat.number, grant.replaced) == (GrantRule.REPLACED_SEAT, 2, BOTH[1])
    assert grant.license.moves == {TODAY: 1}


def test_where_a_seat_is_free_the_choice_does_not_count() -> None:
    grant = chosen(2, {"seats": 3})
    assert (grant.rule, grant.seat.number) == (GrantRule.NEW_SEAT, 3)


def test_the_seat_that_the_request_names_comes_before_the_chosen_one() -> None:
    assert chosen(2, {}, replaces_seat=1, choose_seat=False).seat.number == 1


@pytest.mark.parametrize(
    ("seat", "license", "code"),
    [
        pytest.param(9, {}, RefusalCode.NO_SUCH_SEAT, id="a seat that is gone"),
        pytest.param(2, {"moves_per_year": 0}, RefusalCode.MOVE_LIMIT, id="a move too many"),
    ],
)
def test_a_choice_that_comes_to_nothing_may_be_made_again(
    seat: int, license: dict[str, Any], code: RefusalCode
) -> None:
    refusal = chosen(seat, license)
    assert (refusal.code, refusal.offers_seats) == (code, True)


def test_a_choice_is_not_made_again_where_no_seat_would_help() -> None:
    assert not chosen(2, {"status": Status.SUSPENDED}).offers_seats
