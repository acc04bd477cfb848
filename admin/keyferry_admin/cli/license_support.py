"""What `license show` prints: one screen for the telephone, and a document with all of it."""

from textwrap import wrap
from typing import Any

from keyferry_admin.cli import refusals
from keyferry_admin.cli.license_terms import as_json, heading, moves, terms_of
from keyferry_admin.cli.output import aligned, count_of, day, minute
from keyferry_admin.cli.seat import as_json as seat_as_json
from keyferry_admin.use_cases.find import state_of
from keyferry_admin.use_cases.support import Support
from keyferry_protocol.encoding import format_time
from keyferry_service.adapters.emails_dynamodb import MAILS_PER_LICENSE
from keyferry_service.adapters.refusals_dynamodb import KEPT_DAYS
from keyferry_service.domain.license import DAY, Seat

SHOWN = 4  # seats, and refusals
_IN_HEADING = ("Licensee", "Product")


def lines(support: Support, now: int) -> list[str]:
    license = support.license
    printed = [heading(license), *aligned(facts(support, now))]
    if support.seats:
        seats = [_seat_row(seat, now) for seat in support.seats[:SHOWN]]
        more = _more(len(support.seats), f"keyferry-admin seat list {license.number}")
        printed += ["In use by:", *aligned(seats), *more]
    if support.refusals:
        refused = [
            (f"  {minute(each.at)}", each.machine_name or "-", each.refusal.code.value, each.ticket)
            for each in support.refusals[:SHOWN]
        ]
        command = f"keyferry-admin request list {license.number} --refused"
        more = _more(len(support.refusals), command)
        printed += [f"Refused in the last {KEPT_DAYS} days:", *aligned(refused), *more]
    printed.append("To say to a customer who wants one more computer:")
    for step in support.next_steps:
        printed += wrap(
            step, 78, initial_indent="  ", subsequent_indent="  ", break_long_words=False
        )
    return printed


def facts(support: Support, now: int) -> list[tuple[str, str]]:
    """What there is to say of the license below its heading: labels and texts."""
    license = support.license
    terms = terms_of(license) | {
        "Status": state_of(license, now),
        "Seats": f"{license.seats_used} of {license.seats} in use",
        "Moves": _moves(support, now),
        "Emails": _mails(support),
        "First issued": day(license.first_issued_at),
    }
    return [
        (label, text) for label, text in terms.items() if label not in _IN_HEADING and text != "-"
    ]


def document(support: Support, now: int) -> dict[str, Any]:
    license, mails, at = support.license, support.mails, support.next_move_at
    return {
        "license": as_json(license) | {"state": state_of(license, now)},
        "moves_left": license.moves_left(now),
        "next_move_at": None if at is None else format_time(at),
        "seats": [seat_as_json(seat) for seat in support.seats],
        "refusals": [refusals.as_json(record) for record in support.refusals],
        "mails": {
            "sent_today": mails.sent_today,
            "most_a_day": MAILS_PER_LICENSE,
            "bounced": mails.bounced,
            "bounces_until": format_time(mails.bounces_end_at),
            "withheld": mails.are_withheld,
        },
        "next_steps": list(support.next_steps),
    }


def _seat_row(seat: Seat, now: int) -> tuple[str, ...]:
    """`  seat 1  LAB-07  since 24 Nov 2026 (6 days)  last file 30 Nov 2026`."""
    age = count_of((now - seat.since) // DAY, "day")
    return (
        f"  seat {seat.number}",
        seat.machine_name or "-",
        f"since {day(seat.since, short=True)} ({age})",
        f"last file {day(seat.last_file_at, short=True)}",
    )


def _moves(support: Support, now: int) -> str:
    counted = moves(support.license, now)
    if support.next_move_at is None:
        return counted
    return f"{counted}, next {day(support.next_move_at, short=True)}"


def _mails(support: Support) -> str:
    mails = support.mails
    counted = f"{mails.sent_today} sent today, {mails.bounced} came back"
    if not mails.are_withheld:
        return counted
    if mails.sent_today >= MAILS_PER_LICENSE:
        return f"{counted}; blocked for the rest of the day (UTC)"
    return f"{counted}; blocked until {day(mails.bounces_end_at, short=True)}"


def _more(total: int, command: str) -> list[str]:
    return [f"  and {total - SHOWN} more: {command}"] if total > SHOWN else []
