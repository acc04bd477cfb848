"""`keyferry-admin seat`: which computers a license runs on."""

from typing import Any

import click

from keyferry_admin.cli.confirm import confirm, yes_option
from keyferry_admin.cli.desk_command import DeskGroup, Settings
from keyferry_admin.cli.license import moves
from keyferry_admin.cli.output import counted, day, mark
from keyferry_admin.cli.parameters import LicenseNumber
from keyferry_admin.use_cases import changes, licenses
from keyferry_protocol.encoding import format_time
from keyferry_service.domain.license import Seat


@click.group(cls=DeskGroup)
def seat() -> None:
    """See which computers a license runs on, and free a lost one's seat."""


@seat.command(name="list")
@click.argument("number", type=LicenseNumber())
@click.pass_obj
def list_(settings: Settings, number: str) -> None:
    """List the seats that were ever taken. Example: keyferry-admin seat list 015120020093"""
    license = licenses.find(settings.stack.licenses, number)
    seats = sorted(settings.stack.licenses.seats(number), key=lambda each: each.number)
    settings.output.table(
        ["SEAT", "COMPUTER", "SINCE", "LAST FILE", "PROTECTION", "STATE"],
        [
            [
                str(each.number),
                each.machine_name or "-",
                day(each.since, short=True),
                day(each.last_response_at, short=True),
                each.protection,
                _state(each),
            ]
            for each in seats
        ],
        {
            "license_number": number,
            "seats_used": license.seats_used,
            "seats_total": license.seats,
            "moves": sum(license.recent_moves(settings.now).values()),
            "moves_per_year": license.moves_per_year,
            "seats": [as_json(each) for each in seats],
        },
        [
            [
                each.number,
                each.machine_name,
                format_time(each.since),
                format_time(each.last_response_at),
                each.protection,
                "active" if each.taken else "free",
                each.copies,
            ]
            for each in seats
        ],
        footer=f"{license.seats_used} of {counted(license.seats, 'seat')} in use. "
        f"Moves: {moves(license, settings.now)}.",
    )


@seat.command()
@click.argument("number", type=LicenseNumber())
@click.argument("seat_number", metavar="SEAT", type=int)
@yes_option
@click.pass_obj
def release(settings: Settings, number: str, seat_number: int, yes: bool) -> None:
    """Free a seat and allow one move. Example: keyferry-admin seat release 015120020093 1

    For a computer that is lost; its next update request is refused.
    """
    found = changes.taken_seat(settings.stack.licenses, number, seat_number)
    name = f"{found.machine_name} " if found.machine_name else ""
    warning = [
        f"Seat {seat_number} is {name}since {day(found.since)}. What is installed there",
        "  goes on working until it ends or must check in.",
    ]
    confirm(settings.output, number, "free the seat", warning, yes)
    after, freed = changes.release(settings.stack.licenses, number, seat_number)
    settings.output.say(
        [
            f"{mark('ok')} Seat {seat_number} is free: {after.seats_used} of "
            f"{counted(after.seats, 'seat')} in use"
        ],
        {"license_number": number, "seat": as_json(freed) | {"state": "free"}},
    )


def as_json(seat: Seat) -> dict[str, Any]:
    return {
        "seat": seat.number,
        "machine_name": seat.machine_name,
        "since": format_time(seat.since),
        "last_answered": format_time(seat.last_response_at),
        "protection": seat.protection,
        "state": "active" if seat.taken else "free",
        "serial": seat.serial,
        "possible_copies": seat.copies,
    }


def _state(seat: Seat) -> str:
    if not seat.taken:
        return "free"
    copies = "a possible copy" if seat.copies == 1 else f"{seat.copies} possible copies"
    return f"active, {copies}" if seat.copies else "active"
