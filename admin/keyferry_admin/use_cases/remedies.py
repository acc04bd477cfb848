"""Why the service refuses a request now, and what would change that. Pure."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from keyferry_protocol.components import LICENSABLE_ENVIRONMENTS, PROTECTIONS
from keyferry_protocol.request import Request
from keyferry_service.domain.decide import decide
from keyferry_service.domain.license import (
    DAY,
    YEAR_DAYS,
    LicenseRecord,
    RegisteredDongle,
    Status,
)
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.request_context import Snapshot
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from keyferry_service.views.refusal_text import show_date

ANSWERED = "response"


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing that would change a refusal: what to do, and by which command.

    `then` is what the same file gets after the command: `response`, or the code of the next
    refusal; "" where a new file is needed, or where nobody can tell.
    """

    text: str
    command: str = ""
    then: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the service refuses a request: the rule with the facts on both sides."""

    why: str
    remedies: tuple[Remedy, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """A proven request for a license that exists, and all that the decision rests on."""

    request: Request
    snapshot: Snapshot
    license: LicenseRecord
    keys: Sequence[SigningKey]
    now: int
    chosen_seat: int | None = None  # by the person on the page

    def change(self, text: str, command: str, **changes: object) -> Remedy:
        """A command that changes the license, and what the same file gets then."""
        license = replace(self.license, **changes)  # type: ignore[arg-type]
        return self.remedy(text, command, replace(self.snapshot, license=license))

    def remedy(self, text: str, command: str, snapshot: Snapshot) -> Remedy:
        """A command after which the rows are these: decided as the service decides."""
        decision = decide(self.request, snapshot, self.keys, self.now, self.chosen_seat)
        then = decision.code.value if isinstance(decision, Refusal) else ANSWERED
        return Remedy(text, command.format(number=self.license.number), then)


def refused(case: Case, refusal: Refusal) -> Refused:
    """The rule behind a refusal after the proof, with what would change it."""
    if refusal.code is RefusalCode.PROTECTION_NOT_ALLOWED and refusal.variant:
        return _other_seat(case)
    return _RULES[refusal.code](case)


_ENVIRONMENTS = {"virtual": "a virtual machine", "container": "a container"}


def _keys_too_old(case: Case) -> Refused:
    active = [key.keyid for key in case.keys if key.status is KeyStatus.ACTIVE]
    trusted = ", ".join(case.request.trusts) or "none"
    return Refused(
        f"The application trusts these keys: {trusted}. Active are: {', '.join(active) or 'none'}.",
        (
            Remedy(
                f"The customer updates {case.license.product} to a version with today's key set,"
                " then makes a new request.",
                "keyferry-admin keys export",
            ),
        ),
    )


def _not_activated(case: Case) -> Refused:
    request, key = case.request, case.snapshot.device_key
    again = Remedy("The customer makes a new activation request, with the activation code.")
    if request.kind == "activate":
        ended_at = key.deactivated_at if key and key.deactivated_at else case.now
        return Refused(
            f"The request was made on {show_date(request.created_at)}, before this computer was"
            f" deactivated on {show_date(ended_at)}.",
            (again,),
        )
    row = case.snapshot.dongle if request.dongle is not None else key
    seat = case.snapshot.seats.get(row.seat) if row and row.seat is not None else None
    if seat is None:
        return Refused("No seat belongs to this computer or dongle.", (again,))
    if not seat.taken:
        return Refused(f"Seat {seat.number}, which this computer had, is free.", (again,))
    if (seat.protection == "dongle") != (request.dongle is not None):
        why = f"Seat {seat.number} is for {seat.protection}; the request is for"
        return Refused(f"{why} {request.protection}.", (again,))
    holder = f"{seat.machine_name or 'another computer'} since {show_date(seat.since)}"
    why = f"Seat {seat.number}, which this computer had, is {holder}, with other keys."
    return Refused(why, (again,))


def _not_identified(case: Case) -> Refused:
    parts = ", ".join(case.request.machine.components) or "nothing"
    return Refused(
        f"The request shows of the computer: {parts}. That is too little to recognize it.",
        (
            Remedy("The customer runs `keyferry doctor` there as administrator."),
            Remedy("The customer uses a dongle."),
            _allow_environment(case, "virtual"),
        ),
    )


def _needs_administrator(_: Case) -> Refused:
    return Refused(
        "The update is signed with the key that every user of the computer can read, and"
        " the computer differs from the one that its seat has recorded.",
        (Remedy("The administrator of the computer makes a new update request."),),
    )


def _suspended(case: Case) -> Refused:
    resume = "keyferry-admin license resume {number}"
    lifted = case.change("Lift the hold.", resume, status=Status.ACTIVE)
    return Refused("You suspended the license.", (lifted,))


def _revoked(_: Case) -> Refused:
    return Refused(
        "You revoked the license, which is permanent.",
        (Remedy("Make a new license.", "keyferry-admin license create --help"),),
    )


def _expired(case: Case) -> Refused:
    license, until = case.license, case.now + YEAR_DAYS * DAY
    trial = "--trial none " if license.trial_days is not None else ""
    ended = show_date(license.ends_at or case.now)
    return Refused(
        f"The {'trial' if trial else 'license'} ended on {ended}.",
        (
            case.change(
                "Sell another year.",
                f"keyferry-admin license change {{number}} {trial}--until +1y",
                valid_until=until,
                trial_days=None,
            ),
        ),
    )


def _other_product(case: Case) -> Refused:
    licensed, name = case.license.product, case.request.product.name
    command = f"keyferry-admin license change {{number}} --product {_quoted(name)}"
    return Refused(
        f"The license is for {licensed}; the request comes from {name}.",
        (
            Remedy(f"The customer makes a new request in {licensed}."),
            case.change("Sell the other product.", command, product=name),
        ),
    )


def _protection(case: Case) -> Refused:
    license, chosen = case.license, case.request.protection
    allowed = [each for each in PROTECTIONS if each in (*license.protections, chosen)]
    options = " ".join(f"--protection {each}" for each in allowed)
    return Refused(
        f"The request is for {chosen}; the license allows {', '.join(license.protections)}.",
        (
            Remedy(f"The customer makes a new request for {' or '.join(license.protections)}."),
            case.change(
                f"Allow {chosen}, too.",
                f"keyferry-admin license change {{number}} {options}",
                protections=tuple(allowed),
            ),
        ),
    )


def _other_seat(case: Case) -> Refused:
    key = case.snapshot.device_key
    seat = case.snapshot.seats.get(key.seat) if key else None
    dongle = case.snapshot.dongle
    if dongle is not None and dongle.seat is not None:
        seat = case.snapshot.seats.get(dongle.seat, seat)
    assert seat is not None, "the decision names the protection of a seat"
    return Refused(
        f"This computer or dongle has seat {seat.number} for {seat.protection}; the request is"
        f" for {case.request.protection}.",
        (
            Remedy(f"The customer deactivates seat {seat.number}, then makes a new request."),
            Remedy(f"The customer makes a new request for {seat.protection}."),
        ),
    )


def _environment(case: Case) -> Refused:
    environment = case.request.machine.environment
    return Refused(
        f"The computer is {_ENVIRONMENTS[environment]}; the license allows"
        f" {', '.join(case.license.environments)}.",
        (_allow_environment(case, environment),),
    )


def _strange_dongle(case: Case) -> Refused:
    dongle = case.request.dongle
    assert dongle is not None, "the decision is about it"
    known = RegisteredDongle(dongle.keyid, dongle.alg, dongle.public, dongle.model, dongle.serial)
    return Refused(
        f"The dongle {dongle.keyid} is not registered for the license.",
        (
            Remedy("The customer makes a new request with the dongle that you sent."),
            case.remedy(
                "Register it with this very request file.",
                "keyferry-admin dongle add {number} FILE",
                replace(case.snapshot, dongle=known),
            ),
        ),
    )


def _no_such_seat(case: Case) -> Refused:
    if case.request.replaces_seat is None:
        return Refused(
            f"Seat {case.chosen_seat}, which was chosen on the page, is no longer in use.",
            (
                Remedy(
                    "The customer chooses another seat on the page of this ticket.",
                    f"keyferry-admin seat list {case.license.number}",
                ),
            ),
        )
    return Refused(
        f"The request replaces seat {case.request.replaces_seat}, which no computer has.",
        (
            Remedy(
                "The customer makes a new request with the number of a seat in use.",
                f"keyferry-admin seat list {case.license.number}",
            ),
        ),
    )


def _no_seats_left(case: Case) -> Refused:
    license = case.license
    remedies = [
        case.change(
            "Sell one more seat.",
            f"keyferry-admin license change {{number}} --seats {license.seats_used + 1}",
            seats=license.seats_used + 1,
        ),
        case.change(
            "Release the seat of a computer that is lost; this allows one move, too.",
            "keyferry-admin seat release {number} SEAT",
            seats_used=license.seats_used - 1,
            seats_ever_used=license.seats_ever_used - 1,
        ),
    ]
    if left := license.moves_left(case.now):
        moves = f"({left} {'move' if left == 1 else 'moves'} left)"
        remedies.append(
            Remedy("The customer deactivates a computer, then chooses the same file again.")
        )
        if case.request.choose_seat:
            on_page = "The customer chooses the same file again, and on the page the lost computer"
            remedies.append(Remedy(f"{on_page} {moves}."))
        else:
            anew = "The customer makes a new request that replaces a lost computer"
            remedies.append(Remedy(f"{anew} {moves}; with this one, the page offers no choice."))
    elif case.request.choose_seat:
        remedies.append(
            Remedy(
                "Allow one more move. The customer then chooses the same file again, and on the"
                " page the lost computer.",
                f"keyferry-admin license allow-move {license.number}",
            )
        )
    used = "1 of 1 seat is" if license.seats == 1 else f"{license.seats_used} of {license.seats}"
    used += "" if license.seats == 1 else " seats are"
    return Refused(
        f"{used} in use, and the request comes from no computer that has one.", tuple(remedies)
    )


def _move_limit(case: Case) -> Refused:
    license = case.license
    recent, next_at = sum(license.recent_moves(case.now).values()), license.next_move_at(case.now)
    remedies = [
        case.change(
            "Allow one more move.",
            "keyferry-admin license allow-move {number}",
            seats_ever_used=license.seats_ever_used - 1,
        ),
        case.change(
            "Allow more moves each year.",
            f"keyferry-admin license change {{number}} --moves-per-year {recent + 1}",
            moves_per_year=recent + 1,
        ),
    ]
    if next_at is not None:
        remedies.append(Remedy(f"Wait: the next move is possible on {show_date(next_at)}."))
    return Refused(
        f"The request needs a move: {recent} of {license.moves_per_year} were used in the last"
        f" {YEAR_DAYS} days.",
        tuple(remedies),
    )


def _unknown_key(case: Case) -> Refused:
    request = case.request
    who = "this dongle" if request.dongle is not None else "the key of this computer"
    return Refused(
        f"The license has never known {who}, so it cannot {request.kind} it.",
        (Remedy("The customer makes an activation request, with the activation code."),),
    )


def _allow_environment(case: Case, environment: str) -> Remedy:
    allowed = [
        each
        for each in LICENSABLE_ENVIRONMENTS
        if each in (*case.license.environments, environment)
    ]
    options = " ".join(f"--environment {each}" for each in allowed if each != "physical")
    return case.change(
        f"Allow {_ENVIRONMENTS[environment]}: copies of it cannot be told apart.",
        f"keyferry-admin license change {{number}} {options}",
        environments=tuple(allowed),
    )


def _quoted(text: str) -> str:
    return shlex.quote(text).replace("{", "{{").replace("}", "}}")


_RULES: dict[RefusalCode, Callable[[Case], Refused]] = {
    RefusalCode.NOT_AUTHENTIC: _unknown_key,
    RefusalCode.KEYS_TOO_OLD: _keys_too_old,
    RefusalCode.NOT_ACTIVATED: _not_activated,
    RefusalCode.MACHINE_NOT_IDENTIFIED: _not_identified,
    RefusalCode.NEEDS_ADMINISTRATOR: _needs_administrator,
    RefusalCode.LICENSE_SUSPENDED: _suspended,
    RefusalCode.LICENSE_REVOKED: _revoked,
    RefusalCode.LICENSE_EXPIRED: _expired,
    RefusalCode.PRODUCT_MISMATCH: _other_product,
    RefusalCode.PROTECTION_NOT_ALLOWED: _protection,
    RefusalCode.ENVIRONMENT_NOT_ALLOWED: _environment,
    RefusalCode.DONGLE_NOT_REGISTERED: _strange_dongle,
    RefusalCode.NO_SUCH_SEAT: _no_such_seat,
    RefusalCode.NO_SEATS_LEFT: _no_seats_left,
    RefusalCode.MOVE_LIMIT: _move_limit,
}  # all but the two of files that are no requests, which reach no decision
