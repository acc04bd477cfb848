"""`keyferry-admin seat`: which computers a license runs on."""

from typing import Any

import click

from keyferry_admin.cli import cli
from keyferry_admin.cli.admin_command import AdminGroup, Settings
from keyferry_admin.cli.confirm import confirm, yes_option
from keyferry_admin.cli.license_filters import filter_options
from keyferry_admin.cli.license_terms import moves
from keyferry_admin.cli.output import Column, Listing, count_of, day, mark
from keyferry_admin.cli.parameters import LicenseNumber
from keyferry_admin.cli.progress import watch_seats
from keyferry_admin.cli.reach import reach
from keyferry_admin.use_cases import change_license, licenses
from keyferry_admin.use_cases.find import Filters, find_seats
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_service.domain.license import LicenseRecord, Seat


@cli.group(cls=AdminGroup)
def seat() -> None:
    """See which computers a license runs on, and free a lost one's seat."""


@seat.command(name="list")
@click.argument("number", type=LicenseNumber(), required=False)
@filter_options()
@click.option("--computer", default="", help="Computers with this text in their name.")
@click.pass_obj
def list_(settings: Settings, number: str | None, filters: Filters, computer: str) -> None:
    """List every seat ever used. Example: keyferry-admin seat list 015120020093

    Without a number, those of many licenses:  seat list --licensee Acme --computer LAB-03
    """
    if (number is None) == (filters == Filters() and not computer):
        raise click.UsageError("Use either a license number, or filters or --computer.")
    if number is None:
        table, watch = settings.stack.licenses, watch_seats(settings.output)
        seats = find_seats(table, filters, computer, settings.now, watch)
        footer = f"{len(seats):,} seats." if len(seats) != 1 else "1 seat."
        settings.output.listing(SEATS_OF_MANY, seats, footer=footer, total=len(seats))
    else:
        _list_one(settings, number)


def _list_one(settings: Settings, number: str) -> None:
    license = licenses.find(settings.stack.licenses, number)
    seats = sorted(settings.stack.licenses.seats(number), key=lambda each: each.number)
    settings.output.listing(
        SEATS,
        seats,
        footer=f"{license.seats_used} of {count_of(license.seats, 'seat')} in use. "
        f"Moves: {moves(license, settings.now)}. No number is used twice.",
        license_number=number,
        seats_used=license.seats_used,
        seats_total=license.seats,
        moves=sum(license.recent_moves(settings.now).values()),
        moves_per_year=license.moves_per_year,
        moves_left=license.moves_left(settings.now),
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
    license = licenses.find_changeable(settings.stack.licenses, number)
    seat = change_license.find_taken_seat(settings.stack.licenses, number, seat_number)
    changes, warning = release_changes(license, seat), release_warning(license, seat)
    confirm(settings.output, license, "free the seat", warning, yes, changes)
    after, freed = change_license.release_seat(
        settings.stack.licenses, number, seat_number, seat.device_key
    )
    settings.output.result(
        [
            f"{mark('ok')} Seat {seat_number} is free: {after.seats_used} of "
            f"{count_of(after.seats, 'seat')} in use"
        ],
        {"license_number": number, "seat": as_json(freed) | {"state": "free"}},
    )


def release_changes(license: LicenseRecord, seat: Seat) -> list[tuple[str, str]]:
    """What changes when this seat is freed: labels, and what was before."""
    used = license.seats_used
    return [
        (f"Seat {seat.number}", f"free (was {_computer(seat)})"),
        ("In use", f"{used - 1} of {count_of(license.seats, 'seat')} (was {used})"),
    ]


def release_warning(license: LicenseRecord, seat: Seat) -> list[str]:
    """Until when the computer goes on working, and what it no longer gets."""
    return [*reach(license, [seat]), "  Its next update request is refused."]


def as_json(seat: Seat) -> dict[str, Any]:
    return {
        "seat": seat.number,
        "machine_name": seat.machine_name,
        "since": format_time(seat.since),
        "last_answered": format_time(seat.last_response_at),
        "renewed_at": None if seat.renewed_at is None else format_time(seat.renewed_at),
        "protection": seat.protection,
        "state": "active" if seat.taken else "free",
        "serial": seat.serial,
        "possible_copies": seat.copies,
    }


def _computer(seat: Seat) -> str:
    """`LAB-07 since 24 November 2026`."""
    since = f"since {day(seat.since)}"
    return f"{seat.machine_name} {since}" if seat.machine_name else f"in use {since}"


def _state(seat: Seat) -> str:
    if not seat.taken:
        return "free"
    copies = "a possible copy" if seat.copies == 1 else f"{seat.copies} possible copies"
    return f"active, {copies}" if seat.copies else "active"


SEATS: Listing[Seat] = Listing(
    "seats",
    as_json,
    (
        Column("SEAT", lambda seat: str(seat.number), ("seat",)),
        Column("COMPUTER", lambda seat: seat.machine_name or "-", ("machine_name",)),
        Column("SINCE", lambda seat: day(seat.since, short=True), ("since",)),
        Column(
            "LAST FILE",
            lambda seat: day(seat.last_file_at, short=True),
            ("last_answered",),
        ),
        Column("PROTECTION", lambda seat: seat.protection),
        Column("STATE", _state, ("state", "possible_copies")),
    ),
)

_LICENSE_COLUMNS: tuple[Column[tuple[LicenseRecord, Seat]], ...] = (
    Column("LICENSE", lambda each: show_license_number(each[0].number), ("license_number",)),
    Column("LICENSEE", lambda each: each[0].licensee or "-", ("licensee",)),
)


def _of_its_license(column: Column[Seat]) -> Column[tuple[LicenseRecord, Seat]]:
    return Column(column.title, lambda each: column.text(each[1]), column.raw)


SEATS_OF_MANY: Listing[tuple[LicenseRecord, Seat]] = Listing(
    "seats",
    lambda each: (
        {"license_number": each[0].number, "licensee": each[0].licensee} | as_json(each[1])
    ),
    (*_LICENSE_COLUMNS, *map(_of_its_license, SEATS.columns)),
)
