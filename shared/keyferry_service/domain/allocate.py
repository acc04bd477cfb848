"""Which seat a request gets, and what is written then (docs/format.md, "The service's rules")."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from keyferry_protocol.matching import is_same_machine, matching_weight
from keyferry_service.domain.license import DeviceKey, LicenseRecord, Seat, Token, day_of
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.request_context import RequestContext, anchor_keys


@dataclass(frozen=True, slots=True)
class Grant:
    """What is to be written, all of it or nothing: each row as it is to stand afterwards."""

    license: LicenseRecord
    seat: Seat
    read_revision: int = 0  # of the license, on which all of this rests
    is_new: bool = False  # the seat's number was never used
    key: DeviceKey | None = None
    tokens: tuple[Token, ...] = ()
    anchor_keys: tuple[str, ...] = ()  # lead to the seat from now on
    previous_valid_until: int | None = None

    @property
    def serial(self) -> int:
        return self.license.revision


def grant(case: RequestContext) -> Grant | Refusal:
    """Find the seat: the key's own, the machine's own, the one to be replaced, a new one."""
    request, license = case.request, case.license
    if case.current_seat is not None and case.current_seat.protection == request.protection:
        return _renew(case, case.current_seat)
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


def release(case: RequestContext, seat: Seat) -> Grant:
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


def _renew(case: RequestContext, seat: Seat) -> Grant | Refusal:
    """Answer again for the seat that asks; a machine that changed too much is bound anew."""
    request = case.request
    after = _answered(case)
    if request.last_serial not in (seat.serial, seat.last_request_serial):
        after["copies"] = seat.copies + 1
    changes: Mapping[str, Any] | None = {}
    rows: tuple[str, ...] = ()
    if is_same_machine(seat.components, request.machine.components):
        after["components"] = seat.components
    else:
        changes, rows = _move(case), anchor_keys(request)
    if changes is None:
        return _move_limit(case)
    # A dongle comes with the device key of any machine.
    is_other_key = request.device_key != seat.device_key
    return Grant(
        case.license_after(changes),
        replace(seat, **after),
        case.license.revision,
        key=_key_row(case, seat.number) if is_other_key else None,
        anchor_keys=rows,
        previous_valid_until=seat.valid_until,
    )


def _move_in(
    case: RequestContext, before: Seat, after: Seat, previous_valid_until: int | None = None
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
        anchor_keys=anchor_keys(case.request),
        previous_valid_until=previous_valid_until,
    )


def _open(case: RequestContext) -> Grant | Refusal:
    """Take a seat with a number of its own; a move if one was given back before."""
    license, number = case.license, case.license.next_seat
    is_move = license.seats_ever_used > license.seats_used
    changes = _move(case) if is_move else {"seats_ever_used": license.seats_ever_used + 1}
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
        anchor_keys=anchor_keys(case.request),
    )


def _machines_own(case: RequestContext) -> Seat | None:
    """The seat that this machine had under another device key; the best of several matches."""
    components = case.request.machine.components
    candidates = [
        seat
        for number in case.found.anchor_seats
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


def _answered(case: RequestContext) -> dict[str, Any]:
    """What every answer to a machine writes into its seat."""
    return {
        "device_key": case.request.device_key,
        "components": case.request.machine.components,
        "serial": case.serial,
        "last_request_serial": case.request.last_serial,
        "last_response_at": case.now,
        "valid_until": case.ends_at,
    }


def _owner(case: RequestContext) -> dict[str, Any]:
    """What a seat that goes to another machine says of that in addition."""
    request = case.request
    return {
        "protection": request.protection,
        "machine_name": request.machine.name,
        "since": case.now,
        "token": request.dongle.keyid if request.dongle else None,
    }


def _key_row(case: RequestContext, seat: int) -> DeviceKey | None:
    """The device key's row; a dongle's never takes the key from a seat which that key holds."""
    holds = case.key_seat
    if case.request.dongle is not None and holds is not None and holds.number != seat:
        return None
    return DeviceKey(case.request.device_keyid, seat)


def _move(case: RequestContext) -> dict[str, Any] | None:
    """Count one move, or else use up a seat never taken; None where neither is left."""
    license, moves = case.license, case.license.recent_moves(case.now)
    if sum(moves.values()) < license.moves_per_year:
        today = day_of(case.now)
        return {"moves": {**moves, today: moves.get(today, 0) + 1}}
    if license.seats_ever_used < license.seats:
        return {"moves": moves, "seats_ever_used": license.seats_ever_used + 1}
    return None


def _move_limit(case: RequestContext) -> Refusal:
    facts = {"next_move_at": case.license.next_move_at(case.now)}
    return Refusal(RefusalCode.MOVE_LIMIT, facts=facts)


def _moves_left(case: RequestContext) -> dict[str, int | None]:
    left = case.license.moves_left(case.now)
    if left:
        return {"moves_left": left}
    return {"moves_left": 0, "next_move_at": case.license.next_move_at(case.now)}
