"""The decision: one proven request and the rows it names in, a grant or a refusal out.

Pure. docs/format.md has the rules ("The service's rules"), and in the order of this file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from keyferry_protocol.machine import (
    MIN_WEIGHT,
    USER,
    body_hashes,
    hardware_weight,
    is_identifiable,
    is_same_machine,
    matching_weight,
)
from keyferry_protocol.request import Request
from keyferry_service.license import Answer, DeviceKey, License, Seat, Status, Token, day_of
from keyferry_service.refusals import Refusal, RefusalCode
from keyferry_service.signing_keys import SigningKey, are_too_old

MAX_LIFT = 1_000_000  # how far one request may lift the revision of a restored table


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that one request names, as they stood at one moment."""

    license: License | None = None
    key: DeviceKey | None = None  # of the request's device key
    token: Token | None = None  # of its dongle
    answer: Answer | None = None
    body_seats: frozenset[int] = frozenset()  # the seats that its body hashes lead to
    seats: Mapping[int, Seat] = field(default_factory=dict)


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


def decide(
    request: Request, found: Found, keys: Sequence[SigningKey], now: int
) -> Answer | Grant | Refusal:
    """Answer one request whose signatures hold; the first rule that applies wins."""
    license = found.license
    if license is None or not _is_known(request, found):
        return Refusal(RefusalCode.NOT_AUTHENTIC)
    if found.answer is not None:
        if license.status is Status.REVOKED and request.kind != "deactivate":
            return Refusal(RefusalCode.LICENSE_REVOKED)
        return found.answer
    held = _held_seat(request, found)
    issued = _issue(request, license, now)
    if request.kind == "deactivate":
        if held is None or (held.protection == "dongle") != (request.dongle is not None):
            return Refusal(RefusalCode.NOT_ACTIVATED)
        outcome: Grant | Refusal = _give_back(request, found, issued, held, now)
    else:
        refusal = _refuse(request, found, license, held, keys, now)
        outcome = refusal or _grant(request, found, issued, held, now)
    if isinstance(outcome, Refusal):
        return outcome
    return replace(outcome, read_revision=license.revision)


def _is_known(request: Request, found: Found) -> bool:
    """Whether the license ever had the key that an update or a deactivation proves itself by."""
    return request.kind == "activate" or _identity(request, found) is not None


def _identity(request: Request, found: Found) -> DeviceKey | Token | None:
    """What stands for the machine: its device key, or the dongle's key in place of that."""
    return found.key if request.dongle is None else found.token


def _held_seat(request: Request, found: Found) -> Seat | None:
    """The seat that the request's own key, or its dongle, has now."""
    if request.dongle is None:
        return _seat_of_key(request, found)
    if found.token is None or found.token.seat is None:
        return None
    seat = found.seats.get(found.token.seat)
    return seat if seat and seat.taken and seat.token == found.token.keyid else None


def _seat_of_key(request: Request, found: Found) -> Seat | None:
    seat = found.seats.get(found.key.seat) if found.key else None
    return seat if seat and seat.taken and seat.device_key == request.device_key else None


def _refuse(
    request: Request,
    found: Found,
    license: License,
    held: Seat | None,
    keys: Sequence[SigningKey],
    now: int,
) -> Refusal | None:
    """What speaks against an activation or update whatever seat it is for."""
    if are_too_old(request.trusts, keys):
        return Refusal(RefusalCode.KEYS_TOO_OLD, facts={"product": license.product})
    if _is_not_activated(request, found, held):
        return Refusal(RefusalCode.NOT_ACTIVATED)
    if not _is_identified(request, license):
        return Refusal(RefusalCode.MACHINE_NOT_IDENTIFIED)
    if license.status is Status.SUSPENDED:
        return Refusal(RefusalCode.LICENSE_SUSPENDED)
    if license.status is Status.REVOKED:
        return Refusal(RefusalCode.LICENSE_REVOKED)
    if license.ends_at is not None and license.ends_at <= now:
        return Refusal(RefusalCode.LICENSE_EXPIRED, facts={"ended_at": license.ends_at})
    if request.product.name != license.product:
        facts = {"licensed": license.product, "requested": request.product.name}
        return Refusal(RefusalCode.PRODUCT_MISMATCH, facts=facts)
    if request.protection not in license.protections:
        allowed = {"chosen": request.protection, "allowed": list(license.protections)}
        return Refusal(RefusalCode.PROTECTION_NOT_ALLOWED, facts=allowed)
    other = held or _seat_of_key(request, found)
    if other and request.protection != other.protection and request.replaces_seat != other.number:
        # Only `replaces_seat` changes a seat's protection.
        facts = {"protection": other.protection}
        return Refusal(RefusalCode.PROTECTION_NOT_ALLOWED, "other-seat", facts)
    environment = request.machine.environment
    if environment != "unknown" and environment not in (*license.environments, "physical"):
        return Refusal(RefusalCode.ENVIRONMENT_NOT_ALLOWED, environment)
    if request.dongle is not None and found.token is None:
        return Refusal(RefusalCode.DONGLE_NOT_REGISTERED)
    return None


def _is_not_activated(request: Request, found: Found, held: Seat | None) -> bool:
    if request.kind == "update":
        return held is None
    identity = _identity(request, found)
    ended_at = identity.deactivated_at if identity else None
    # An activation that was made before its own deactivation must not undo it.
    return ended_at is not None and request.created_at < ended_at


def _is_identified(request: Request, license: License) -> bool:
    components = request.machine.components
    if not is_identifiable(components, request.protection):
        return False
    # A virtual machine's hardware is a file, like its system: there the whole set has to do.
    return (
        request.dongle is not None
        or "virtual" in license.environments
        or hardware_weight(components) >= MIN_WEIGHT
    )


def _grant(
    request: Request, found: Found, license: License, held: Seat | None, now: int
) -> Grant | Refusal:
    """Find the seat: the key's own, the machine's own, the one to be replaced, a new one."""
    if held is not None and held.protection == request.protection:
        return _renew(request, found, license, held, now)
    seat = _machines_own(request, found)
    if seat is not None:
        return _move_in(request, found, license, seat, _answered(request, license, seat, now), now)
    if request.replaces_seat is not None:
        seat = found.seats.get(request.replaces_seat)
        if seat is None or not seat.taken:
            facts = {"n": request.replaces_seat, **_moves_left(license, now)}
            return Refusal(RefusalCode.NO_SUCH_SEAT, facts=facts)
        return _move_in(request, found, license, seat, _replaced(request, license, seat, now), now)
    if license.seats_used >= license.seats:
        facts = {"n": license.seats, **_moves_left(license, now)}
        return Refusal(RefusalCode.NO_SEATS_LEFT, facts=facts)
    return _open(request, found, license, now)


def _machines_own(request: Request, found: Found) -> Seat | None:
    """The seat that this machine had under another device key; the best of several matches."""
    components = request.machine.components
    candidates = [
        seat
        for number in found.body_seats
        if (seat := found.seats.get(number)) is not None
        and seat.taken
        and seat.protection == request.protection
        and is_same_machine(components, seat.components)
    ]
    return max(
        candidates,
        key=lambda seat: (matching_weight(components, seat.components), seat.serial),
        default=None,
    )


def _renew(
    request: Request, found: Found, license: License, seat: Seat, now: int
) -> Grant | Refusal:
    """Answer again for the seat that asks; a machine that changed too much is bound anew."""
    after = _answered(request, license, seat, now)
    if request.last_serial not in (seat.serial, seat.answered_last):
        after = replace(after, copies=seat.copies + 1)
    previous = seat.valid_until
    if request.dongle is not None:
        key = _key_row(request, found, seat.number) if after.device_key != seat.device_key else None
        return Grant(license, after, key=key, previous_valid_until=previous)
    if is_same_machine(seat.components, request.machine.components):
        after = replace(after, components=seat.components)
        return Grant(license, after, previous_valid_until=previous)
    moved = _move(license, now)
    if moved is None:
        return _move_limit(license, now)
    return Grant(moved, after, body_rows=body_rows(request), previous_valid_until=previous)


def _move_in(
    request: Request, found: Found, license: License, before: Seat, after: Seat, now: int
) -> Grant | Refusal:
    """Give a taken seat to another device key."""
    moved = _move(license, now)
    if moved is None:
        return _move_limit(license, now)
    tokens = [Token(before.token)] if before.token else []
    if request.dongle is not None:
        tokens = [token for token in tokens if token.keyid != request.dongle.keyid]
        tokens.append(Token(request.dongle.keyid, after.number))
    return Grant(
        moved,
        after,
        key=_key_row(request, found, after.number),
        tokens=tuple(tokens),
        body_rows=body_rows(request),
        previous_valid_until=before.valid_until if after.since == before.since else None,
    )


def _open(request: Request, found: Found, license: License, now: int) -> Grant | Refusal:
    """Take a seat with a number of its own; a move if one was given back before."""
    if license.opened <= license.seats_used:
        after: License | None = replace(license, opened=license.opened + 1)
    else:
        after = _move(license, now)
    if after is None:
        return _move_limit(license, now)
    number = license.next_seat
    seat = Seat(
        number=number,
        taken=True,
        protection=request.protection,
        device_key=request.device_key,
        components=request.machine.components,
        machine_name=request.machine.name,
        since=now,
        serial=license.revision,
        answered_last=request.last_serial,
        last_answered=now,
        valid_until=license.ends_at,
        token=request.dongle.keyid if request.dongle else None,
    )
    return Grant(
        replace(after, seats_used=license.seats_used + 1, next_seat=number + 1),
        seat,
        is_new=True,
        key=_key_row(request, found, number),
        tokens=(Token(seat.token, number),) if seat.token else (),
        body_rows=body_rows(request),
    )


def _give_back(request: Request, found: Found, license: License, seat: Seat, now: int) -> Grant:
    """Free the seat. What is answered is a receipt, which ends as it is issued."""
    ended_at = request.created_at  # by the clock that also dates this machine's activations
    key = _key_row(request, found, seat.number)
    return Grant(
        replace(license, seats_used=license.seats_used - 1),
        replace(seat, taken=False, valid_until=now),
        key=replace(key, deactivated_at=ended_at) if key else None,
        tokens=(Token(seat.token, None, ended_at),) if seat.token else (),
        previous_valid_until=seat.valid_until,
    )


def _issue(request: Request, license: License, now: int) -> License:
    """The license with the revision that is the response's serial."""
    lifted = max(license.revision, min(request.last_serial, license.revision + MAX_LIFT))
    first = now if license.first_issued_at is None else license.first_issued_at
    return replace(license, revision=lifted + 1, first_issued_at=first)


def _answered(request: Request, license: License, seat: Seat, now: int) -> Seat:
    """The seat after a response to its own machine."""
    return replace(
        seat,
        device_key=request.device_key,
        components=request.machine.components,
        serial=license.revision,
        answered_last=request.last_serial,
        last_answered=now,
        valid_until=license.ends_at,
    )


def _replaced(request: Request, license: License, seat: Seat, now: int) -> Seat:
    """The seat after another machine took it."""
    return replace(
        _answered(request, license, seat, now),
        protection=request.protection,
        machine_name=request.machine.name,
        since=now,
        token=request.dongle.keyid if request.dongle else None,
    )


def _key_row(request: Request, found: Found, seat: int) -> DeviceKey | None:
    """The device key's row; a dongle's never takes the key from a seat which that key holds."""
    holds = _seat_of_key(request, found)
    if request.dongle is not None and holds is not None and holds.number != seat:
        return None
    return DeviceKey(request.device_keyid, seat)


def _move(license: License, now: int) -> License | None:
    """Count one move, or else use up a seat never taken; None where neither is left."""
    if license.yearly_moves_left(now) > 0:
        moves = license.recent_moves(now)
        today = day_of(now)
        return replace(license, moves={**moves, today: moves.get(today, 0) + 1})
    if license.opened < license.seats:
        moves = license.recent_moves(now)
        return replace(license, moves=moves, opened=license.opened + 1)
    return None


def _move_limit(license: License, now: int) -> Refusal:
    return Refusal(RefusalCode.MOVE_LIMIT, facts={"next_move_at": license.next_move_at(now)})


def _moves_left(license: License, now: int) -> dict[str, int | None]:
    left = license.moves_left(now)
    return (
        {"moves_left": left}
        if left
        else {
            "moves_left": 0,
            "next_move_at": license.next_move_at(now),
        }
    )


def body_rows(request: Request) -> tuple[str, ...]:
    """The sort keys by which this machine's own seat is found, for `personal` this user's."""
    components = request.machine.components
    user = "".join(f"#{item}" for item in components.get(USER, ()))
    return tuple(f"body#{item}{user}" for item in body_hashes(components))
