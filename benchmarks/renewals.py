"""Time the renewal of a plant's seats by one command, on the local stack.

The goal for 10,000 seats is 15 minutes, and fewer have their part of it. The seats are those of one
license, which are renewed one after the other, and then those of as many licenses.
"""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3

from benchmarks.measure import Row, clock_row, clock_times
from keyferry_admin.stack import Stack
from keyferry_service.domain.license import LicenseRecord
from local.deploy import STACK
from local.stack import running
from tests.support.builders import a_license
from tests.support.many import a_license_with_seats, write

SEATS = 1_000
GOAL_MS = 90  # of each seat
PLANT = "Example Plant"  # the product of the many licenses


def rows(seats: int = SEATS) -> list[Row]:
    """Start a stack, take seats of one license and of many, and renew them all."""
    with (
        tempfile.TemporaryDirectory(prefix="keyferry-bench-") as name,
        contextlib.redirect_stdout(sys.stderr),  # the stack's lines are no part of the table
        running(Path(name), 0) as stack,
    ):
        license = replace(a_license(), valid_until=None)
        table = boto3.resource("dynamodb").Table(Stack(STACK).output("LicensesTable"))
        write(table, a_license_with_seats(license, seats))
        write(table, _licenses(license, seats))
        renew = [str(stack.run / "keyferry-admin"), "license", "renew"]

        def row(what: str, *of: str) -> Row:
            command = [*renew, *of, "--folder", str(Path(name) / "renewals")]
            return clock_row(f"renew {seats:,} {what}", clock_times(command, 1), GOAL_MS * seats)

        return [
            row("seats of one license", license.number),
            row("seats that are renewed already", license.number),
            row("licenses of one seat each", "--product", PLANT, "--yes"),
        ]


def _licenses(license: LicenseRecord, count: int) -> Iterator[dict[str, object]]:
    """The rows of so many licenses with one seat each that a computer has."""
    for number in range(1, count + 1):
        sold = replace(license, number=f"{number:012}", product=PLANT)
        yield from a_license_with_seats(sold, 1)
