"""Time the renewal of a plant's seats by one command, on the local stack.

The goal for 10,000 seats is 15 minutes, of which 1,000 seats have a tenth.
"""

import contextlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import boto3

from benchmarks.measure import Row, clock_row, clock_times
from keyferry_admin.stack import Stack
from local.deploy import STACK
from local.stack import running
from tests.support.builders import a_license
from tests.support.many import a_license_with_seats, write

SEATS = 1_000
RUNS = 2
GOAL_MS = 90_000


def rows() -> list[Row]:
    """Start a stack, take seats of one license, and renew them all."""
    with (
        tempfile.TemporaryDirectory(prefix="keyferry-bench-") as name,
        contextlib.redirect_stdout(sys.stderr),  # the stack's lines are no part of the table
        running(Path(name), 0) as stack,
    ):
        license = replace(a_license(), valid_until=None)
        table = boto3.resource("dynamodb").Table(Stack(STACK).output("LicensesTable"))
        write(table, a_license_with_seats(license, SEATS))
        command = [str(stack.run / "keyferry-admin"), "license", "renew", license.number]
        into = ["--folder", str(Path(name) / "renewals")]
        times = clock_times([*command, "--again", *into], RUNS)
        return [clock_row(f"renew {SEATS:,} seats of one license", times, GOAL_MS)]
