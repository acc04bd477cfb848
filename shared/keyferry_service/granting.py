"""Which seat a request gets, and what is written then (docs/format.md, "The service's rules")."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from keyferry_protocol.machine import is_same_machine, matching_weight
from keyferry_service.case import Case, body_rows
from keyferry_service.license import DeviceKey, License, Seat, Token, day_of
from keyferry_service.refusals import Refusal, RefusalCode


@dataclass(frozen=True, slots=True)
class Grant:
    """What is to be written, all of it or nothing: each row as it is to stand afterwards."""

    license: License
    seat: Seat
    read_revision: int = 0  # of the license, on which all of this rests
    is_new: bool = False  # the seat's number was never used
    key: DeviceKey | None = None
    tokens: tuple[Token, ...] = ()
    body_rows: tuple[str, ...] = ()  # lead to the seat from now on
    previous_valid_until: int | None = None

    @property
    def serial(self) -> int:
        return self.license.revision


def grant(case: Case) -> Grant | Refusal:
    """Find the seat: the key's own, the machine's own, the one to be replaced, a new one."""
    request, license = case.request, case.license
    if case.held is not None and case.held.protection == request.protection:
        return _renew(case, case.held)
    seat = _machines_own(case)
    if seat is not None:
        after = replace(seat, **_answered(case))
        return _move_in(case, seat, after, previous_valid_until=seat.valid_until)
    if request.replaces_seat is not None:
        seat = case.found.seats.get(request.replaces_seat)
        if seat is None or not seat.taken:
            facts = {"n": request.replaces_seat, **_moves_left(case)}
            return Refusal(RefusalCode.NO_SUCH_SEAT, facts=facts)
        return _move_in(case, seat, replace(seat, **_answered(case), **_owner(case)))
    if license.seats_used >= license.seats:
        facts = {"n": license.seats, **_moves_left(case)}
        return Refusal(RefusalCode.NO_SEATS_LEFT, facts=facts)
    return _open(case)


def give_back(case: Case, seat: Seat) -> Grant:
    """Free the seat. What is answered is a receipt, which ends as it is issued."""
    ended_at = case.request.created_at  # by the clock that also dates this machine's activations
    key = _key_row(case, seat.number)
    return Grant(
        case.license_after({"seats_used": case.license.seats_used - 1}),
        replace(seat, taken=False, valid_until=case.now),
        case.license.revision,
        key=replace(key, deactivated_at=ended_at) if key else None,
        tokens=(Token(seat.token, None, ended_at),) if seat.token else (),
        previous_valid_until=seat.valid_until,
    )


def _renew(case: Case, seat: Seat) -> Grant | Refusal:
    """Answer again for the seat that asks; a machine that changed too much is bound anew."""
    request = case.request
    after = _answered(case)
    if request.last_serial not in (seat.serial, seat.answered_last):
        after["copies"] = seat.copies + 1
    changes: Mapping[str, Any] | None = {}
    rows: tuple[str, ...] = ()
    if is_same_machine(seat.components, request.machine.components):
        after["components"] = seat.components
    else:
        changes, rows = _move(case), body_rows(request)
    if changes is None:
        return _move_limit(case)
    # A dongle comes with the device key of any machine.
    is_other_key = request.device_key != seat.device_key
    return Grant(
        case.license_after(changes),
        replace(seat, **after),
        case.license.revision,
        key=_key_row(case, seat.number) if is_other_key else None,
        body_rows=rows,
        previous_valid_until=seat.valid_until,
    )


def _move_in(
    case: Case, before: Seat, after: Seat, previous_valid_until: int | None = None
) -> Grant | Refusal:
    """Give a taken seat to another device key."""
    changes = _move(case)
    if changes is None:
        return _move_limit(case)
    tokens = {token: Token(token) for token in [before.token] if token is not None}
    if after.token is not None:
        tokens[after.token] = Token(after.token, after.number)
    return Grant(
        case.license_after(changes),
        after,
        case.license.revision,
        key=_key_row(case, after.number),
        tokens=tuple(tokens.values()),
        body_rows=body_rows(case.request),
        previous_valid_until=previous_valid_until,
    )


def _open(case: Case) -> Grant | Refusal:
    """Take a seat with a number of its own; a move if one was given back before."""
    license, number = case.license, case.license.next_seat
    is_move = license.opened > license.seats_used
    changes = _move(case) if is_move else {"opened": license.opened + 1}
    if changes is None:
        return _move_limit(case)
    seat = Seat(number=number, taken=True, **_answered(case), **_owner(case))
    used = {"seats_used": license.seats_used + 1, "next_seat": number + 1}
    return Grant(
        case.license_after(changes | used),
        seat,
        license.revision,
        is_new=True,
        key=_key_row(case, number),
        tokens=(Token(seat.token, number),) if seat.token else (),
        body_rows=body_rows(case.request),
    )


def _machines_own(case: Case) -> Seat | None:
    """The seat that this machine had under another device key; the best of several matches."""
    components = case.request.machine.components
    candidates = [
        seat
        for number in case.found.body_seats
        if (seat := case.found.seats.get(number)) is not None
        and seat.taken
        and seat.protection == case.request.protection
        and is_same_machine(components, seat.components)
    ]
    return max(
        candidates,
        key=lambda seat: (matching_weight(components, seat.components), seat.serial),
        default=None,
    )


def _answered(case: Case) -> dict[str, Any]:
    """What every answer to a machine writes into its seat."""
    return {
        "device_key": case.request.device_key,
        "components": case.request.machine.components,
        "serial": case.serial,
        "answered_last": case.request.last_serial,
        "last_answered": case.now,
        "valid_until": case.ends_at,
    }


def _owner(case: Case) -> dict[str, Any]:
    """What a seat that goes to another machine says of that in addition."""
    request = case.request
    return {
        "protection": request.protection,
        "machine_name": request.machine.name,
        "since": case.now,
        "token": request.dongle.keyid if request.dongle else None,
    }


def _key_row(case: Case, seat: int) -> DeviceKey | None:
    """The device key's row; a dongle's never takes the key from a seat which that key holds."""
    holds = case.key_seat
    if case.request.dongle is not None and holds is not None and holds.number != seat:
        return None
    return DeviceKey(case.request.device_keyid, seat)


def _move(case: Case) -> dict[str, Any] | None:
    """Count one move, or else use up a seat never taken; None where neither is left."""
    license, moves = case.license, case.license.recent_moves(case.now)
    if sum(moves.values()) < license.moves_per_year:
        today = day_of(case.now)
        return {"moves": {**moves, today: moves.get(today, 0) + 1}}
    if license.opened < license.seats:
        return {"moves": moves, "opened": license.opened + 1}
    return None


def _move_limit(case: Case) -> Refusal:
    facts = {"next_move_at": case.license.next_move_at(case.now)}
    return Refusal(RefusalCode.MOVE_LIMIT, facts=facts)


def _moves_left(case: Case) -> dict[str, int | None]:
    left = case.license.moves_left(case.now)
    if left:
        return {"moves_left": left}
    return {"moves_left": 0, "next_move_at": case.license.next_move_at(case.now)}
