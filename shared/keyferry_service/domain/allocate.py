"""Which seat a request gets, and what is written then (docs/format.md, "The service's rules")."""

from dataclasses import dataclass, replace
from enum import StrEnum

from keyferry_protocol.matching import is_same_machine, matching_weight
from keyferry_service.domain.license import DeviceKey, DongleSeat, LicenseRecord, Seat
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.request_context import RequestContext, anchor_keys


class GrantRule(StrEnum):
    """Why a request gets the seat that it gets."""

    OWN_KEY = "own-key"  # the seat of its key, on the computer that is recorded
    BOUND_AGAIN = "bound-again"  # the seat of its key, on a computer that changed too much
    LOAD_KEY = "load-key"  # today's terms, for whoever cannot read the device key
    SAME_MACHINE = "same-machine"  # the seat that this computer had under another key
    REPLACED_SEAT = "replaced-seat"  # the seat that it names
    NEW_SEAT = "new-seat"  # the next free one
    FREED_SEAT = "freed-seat"  # none: it gives its seat back


@dataclass(frozen=True, slots=True)
class Grant:
    """The rows to write, all or nothing, each as it is afterwards."""

    license: LicenseRecord
    seat: Seat
    rule: GrantRule
    read_revision: int = 0  # of the license, on which all of this rests
    is_new: bool = False  # the seat's number was never used
    device_key: DeviceKey | None = None
    dongle_seats: tuple[DongleSeat, ...] = ()
    anchor_keys: tuple[str, ...] = ()  # lead to the seat from now on
    previous_valid_until: int | None = None
    replaced: Seat | None = None  # the seat as the machine had it from which it is taken

    @property
    def serial(self) -> int:
        return self.license.revision


def grant(context: RequestContext) -> Grant | Refusal:
    """Find the seat: the key's own, the machine's own, the one to be replaced, a new one."""
    request, license = context.request, context.license
    current = context.current_seat
    if current is not None and current.protection == request.protection:
        return _renew(context, current) if request.is_by_load_key else _update(context, current)
    own = _machines_own(context)
    if own is not None:
        after = own.updated(request, context.serial, context.now, context.ends_at)
        until = own.valid_until
        return _move_in(context, own, after, GrantRule.SAME_MACHINE, previous_valid_until=until)
    if context.replaces_seat is not None:
        other = context.snapshot.seats.get(context.replaces_seat)
        if other is None or not other.taken:
            facts = {"n": context.replaces_seat, **_moves_left(license, context.now)}
            return Refusal(RefusalCode.NO_SUCH_SEAT, facts=facts)
        after = other.given_to(request, context.serial, context.now, context.ends_at)
        return _move_in(context, other, after, GrantRule.REPLACED_SEAT, replaced=other)
    return refuse_new_seat(license, context.now) or _take_next(context)


def refuse_new_seat(license: LicenseRecord, now: int) -> Refusal | None:
    """The refusal of a computer that has no seat and replaces none; None if one is free for it."""
    if license.seats_used >= license.seats:
        facts = {"n": license.seats, **_moves_left(license, now)}
        return Refusal(RefusalCode.NO_SEATS_LEFT, facts=facts)
    if _new_seat_is_move(license) and license.with_move(now) is None:
        return _move_limit(license, now)
    return None


def release(context: RequestContext, seat: Seat) -> Grant:
    """Free the seat. The response is a receipt, which ends as it is issued."""
    ended_at = context.request.created_at  # by the clock that also dates this machine's activations
    key = _key_row(context, seat.number)
    return Grant(
        context.issued_license.with_seat_freed(),
        seat.freed(context.now),
        GrantRule.FREED_SEAT,
        context.license.revision,
        device_key=replace(key, deactivated_at=ended_at) if key else None,
        dongle_seats=(DongleSeat(seat.dongle_keyid),) if seat.dongle_keyid else (),
        previous_valid_until=seat.valid_until,
    )


def _renew(context: RequestContext, seat: Seat) -> Grant:
    """Give the seat today's terms. Whoever has the load key alone changes nothing else."""
    return Grant(
        context.issued_license,
        seat.renewed(context.serial, context.now, context.ends_at),
        GrantRule.LOAD_KEY,
        context.license.revision,
        previous_valid_until=seat.valid_until,
    )


def _update(context: RequestContext, seat: Seat) -> Grant | Refusal:
    """Answer again for the seat that asks; a machine that changed too much is bound again."""
    request = context.request
    after = seat.updated(request, context.serial, context.now, context.ends_at)
    if _may_be_copy(context, seat):
        after = replace(after, copies=seat.copies + 1)
    license: LicenseRecord | None = context.issued_license
    new_anchors: tuple[str, ...] = ()
    if context.is_as_recorded:
        after = replace(after, components=seat.components)
    else:
        license = context.issued_license.with_move(context.now)
        new_anchors = anchor_keys(request)
    if license is None:
        return _move_limit(context.license, context.now)
    # A dongle comes with the device key of any machine.
    is_other_key = request.device_key != seat.device_key
    return Grant(
        license,
        after,
        GrantRule.OWN_KEY if context.is_as_recorded else GrantRule.BOUND_AGAIN,
        context.license.revision,
        device_key=_key_row(context, seat.number) if is_other_key else None,
        anchor_keys=new_anchors,
        previous_valid_until=seat.valid_until,
        replaced=None if context.is_as_recorded else seat,
    )


def _may_be_copy(context: RequestContext, seat: Seat) -> bool:
    """Whether the request comes from another state than the last that was answered.

    A serial above the seat's is one that a restored table has lost, and a dongle is carried from
    one computer's state to the next.
    """
    if context.request.dongle is not None:
        return False
    serial = context.request.last_serial
    known = (seat.last_request_serial, *seat.issued)
    return serial <= seat.serial and serial not in known


def _move_in(
    context: RequestContext,
    before: Seat,
    after: Seat,
    rule: GrantRule,
    *,
    previous_valid_until: int | None = None,
    replaced: Seat | None = None,
) -> Grant | Refusal:
    """Give a taken seat to another device key."""
    license = context.issued_license.with_move(context.now)
    if license is None:
        return _move_limit(context.license, context.now)
    dongles: dict[str, DongleSeat] = {}
    if before.dongle_keyid is not None:
        dongles[before.dongle_keyid] = DongleSeat(before.dongle_keyid)
    if after.dongle_keyid is not None:
        dongles[after.dongle_keyid] = DongleSeat(after.dongle_keyid, after.number)
    return Grant(
        license,
        after,
        rule,
        context.license.revision,
        device_key=_key_row(context, after.number),
        dongle_seats=tuple(dongles.values()),
        anchor_keys=anchor_keys(context.request),
        previous_valid_until=previous_valid_until,
        replaced=replaced,
    )


def _take_next(context: RequestContext) -> Grant:
    """Take the seat with the next number, once `refuse_new_seat` allows it."""
    request, before = context.request, context.license
    is_move = _new_seat_is_move(before)
    issued = context.issued_license
    license = issued.with_move(context.now) if is_move else issued
    assert license is not None, "refuse_new_seat let a move through that the license does not have"
    number = before.next_seat
    seat = Seat.first_taken(number, request, context.serial, context.now, context.ends_at)
    return Grant(
        license.with_seat_taken(is_move=is_move),
        seat,
        GrantRule.NEW_SEAT,
        before.revision,
        is_new=True,
        device_key=_key_row(context, number),
        dongle_seats=(DongleSeat(seat.dongle_keyid, number),) if seat.dongle_keyid else (),
        anchor_keys=anchor_keys(request),
    )


def _machines_own(context: RequestContext) -> Seat | None:
    """The seat that this machine had under another device key; the best of several matches."""
    components = context.request.machine.components
    candidates = [
        seat
        for number in context.snapshot.anchor_seats
        if (seat := context.snapshot.seats.get(number)) is not None
        and seat.taken
        and seat.protection == context.request.protection
        and is_same_machine(components, seat.components)
    ]
    return max(
        candidates,
        key=lambda seat: (matching_weight(components, seat.components), seat.serial),
        default=None,
    )


def _key_row(context: RequestContext, seat: int) -> DeviceKey | None:
    """The device key's row; a dongle's never takes the key from a seat which that key holds."""
    holds = context.key_seat
    if context.request.dongle is not None and holds is not None and holds.number != seat:
        return None
    return DeviceKey(context.request.device_keyid, seat, context.request.load_key)


def _new_seat_is_move(license: LicenseRecord) -> bool:
    """Whether a seat was freed before, so that the next one counts as a move."""
    return license.seats_ever_used > license.seats_used


def _move_limit(license: LicenseRecord, now: int) -> Refusal:
    facts = {"next_move_at": license.next_move_at(now)}
    return Refusal(RefusalCode.MOVE_LIMIT, facts=facts)


def _moves_left(license: LicenseRecord, now: int) -> dict[str, int | None]:
    left = license.moves_left(now)
    if left:
        return {"moves_left": left}
    return {"moves_left": 0, "next_move_at": license.next_move_at(now)}
