"""What can be done to a license at the desk, said before it is done.

The use cases and the sentences are those of the command line, and so is the confirmation: who
takes rights away types the license number.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import click

from keyferry_admin.cli.changes import changes_back, undo_warning
from keyferry_admin.cli.confirm import number_or_empty
from keyferry_admin.cli.license_terms import differences, moves
from keyferry_admin.cli.parameters import Moment
from keyferry_admin.cli.reach import reach_warning
from keyferry_admin.cli.seat import release_changes, release_warning
from keyferry_admin.errors.commands import NotConfirmed
from keyferry_admin.errors.licenses import BadTerms, LicenseChanged, NoSuchSeat
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import change_license, change_terms, licenses, undo
from keyferry_service.domain.change import EXTEND
from keyferry_service.domain.license import LicenseRecord, Status

UNTIL_HINT = "A day such as 2027-11-30, or +1y or +30d from its present last day, or never."
_CHANGED = "The license changed after this page was made"
_LOOK_AGAIN = "Nothing was changed. Look at what it would change now, then confirm it again."


@dataclass(frozen=True, slots=True)
class Plan:
    """What an action would change, and how it is written."""

    before: LicenseRecord
    title: str
    changes: Sequence[tuple[str, str]]
    warning: Sequence[str]
    write: Callable[[], object]
    takes_rights: bool  # so that the license number is typed

    def confirm(self, form: Mapping[str, str]) -> None:
        """Raises LicenseChanged or NotConfirmed unless the form confirms this very plan."""
        if form.get("revision") != str(self.before.revision):
            raise LicenseChanged(_CHANGED, _LOOK_AGAIN)
        if self.takes_rights and number_or_empty(form.get("typed", "")) != self.before.number:
            raise NotConfirmed(
                "That is not the number of this license", "Nothing was changed. Type its 12 digits."
            )


def plan(stack: Stack, number: str, action: str, form: Mapping[str, str], now: int) -> Plan | None:
    """What this action would do to the license as it is now; None if there is no such action.

    Raises NoSuchLicense, AlreadyRevoked, BadTerms, NoSuchSeat, or CannotUndo.
    """
    planned = _PLANS.get(action)
    if planned is None:
        return None
    return planned(stack, licenses.find_changeable(stack.licenses, number), form, now)


def _extend(stack: Stack, before: LicenseRecord, form: Mapping[str, str], now: int) -> Plan:
    try:
        until = Moment("never").convert(form.get("until", "").strip(), None, None)
    except click.BadParameter as error:
        raise BadTerms(error.message, "Nothing was changed. Enter another day.") from error
    after = change_terms.with_terms(before, {"valid_until": until}, now)
    shortens = change_terms.reduces_rights(before, after, now)
    return Plan(
        before,
        "Shorten the license" if shortens else "Extend the license",
        differences(before, after),
        reach_warning(stack.licenses, before, after) if shortens else (),
        lambda: change_terms.write_terms(stack.licenses, before, after, EXTEND),
        shortens,
    )


def _suspend(stack: Stack, before: LicenseRecord, form: Mapping[str, str], now: int) -> Plan:
    after = replace(before, status=Status.SUSPENDED)
    return Plan(
        before,
        "Suspend the license",
        differences(before, after),
        reach_warning(stack.licenses, before, after),
        lambda: change_license.set_status(stack.licenses, before.number, Status.SUSPENDED),
        True,
    )


def _resume(stack: Stack, before: LicenseRecord, form: Mapping[str, str], now: int) -> Plan:
    return Plan(
        before,
        "Resume the license",
        differences(before, replace(before, status=Status.ACTIVE)),
        (),
        lambda: change_license.set_status(stack.licenses, before.number, Status.ACTIVE),
        False,
    )


def _allow_move(stack: Stack, before: LicenseRecord, form: Mapping[str, str], now: int) -> Plan:
    after = replace(before, seats_ever_used=before.seats_ever_used - 1)
    return Plan(
        before,
        "Allow one more move",
        [("Moves", f"{moves(after, now)} (was {moves(before, now)})")],
        (),
        lambda: change_license.allow_move(stack.licenses, before.number),
        False,
    )


def _release(stack: Stack, before: LicenseRecord, form: Mapping[str, str], now: int) -> Plan:
    seat_number = form.get("seat", "")
    if not seat_number.isdecimal() or not seat_number.isascii() or len(seat_number) > 9:
        raise NoSuchSeat(f"A seat has a number, not {seat_number!r}")
    seat = change_license.find_taken_seat(stack.licenses, before.number, int(seat_number))
    return Plan(
        before,
        f"Free seat {seat.number}",
        release_changes(before, seat),
        release_warning(before, seat),
        lambda: change_license.release_seat(
            stack.licenses, before.number, seat.number, seat.device_key
        ),
        True,
    )


def _undo(stack: Stack, before: LicenseRecord, form: Mapping[str, str], now: int) -> Plan:
    change = undo.find_undoable(stack.licenses, before)
    return Plan(
        before,
        "Undo the last change",
        changes_back(change),
        undo_warning(stack.licenses, before, change, now),
        lambda: undo.undo(stack.licenses, before.number, change),
        undo.takes_rights_away(before, change, now),
    )


_PLANS: dict[str, Callable[[Stack, LicenseRecord, Mapping[str, str], int], Plan]] = {
    "extend": _extend,
    "suspend": _suspend,
    "resume": _resume,
    "allow-move": _allow_move,
    "release": _release,
    "undo": _undo,
}
