"""Time what a vendor waits for at the desk, on the local stack: list, make a license.

Each command is a process of its own, and its time that of the clock, since most of it is the
cloud's. The start of the process, which `--help` shows, is taken off where the row says so.
"""

import contextlib
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from benchmarks.measure import Row, Samples, clock_row, clock_times
from keyferry_admin.stack import Stack
from keyferry_service.adapters.items_dynamodb import Item, members, to_item
from keyferry_service.adapters.license_rows_dynamodb import LICENSE
from local.deploy import STACK
from local.stack import running
from tests.support.builders import a_license
from tests.support.many import write_items
from tests.support.samples import PRODUCT

LISTED = 6_000  # licenses
CUSTOMERS = 900
RUNS = 7


def rows() -> list[Row]:
    """Start a stack, fill its table, and time the commands of its vendor."""
    with (
        tempfile.TemporaryDirectory(prefix="keyferry-bench-") as name,
        contextlib.redirect_stdout(sys.stderr),  # the stack's lines are no part of the table
        running(Path(name), 0) as stack,
    ):
        items = (item for number in range(LISTED) for item in _license_rows(number))
        write_items(stack.cloud.client("dynamodb"), Stack(STACK).output("LicensesTable"), items)
        command = [str(stack.run / "keyferry-admin"), "license"]

        def times(*arguments: str) -> Samples:
            return clock_times([*command, *arguments], RUNS)

        start = start_of(command)
        first, whole = times("list", "--rows", "100"), times("list")
        return [
            clock_row("start of keyferry-admin", start, None),
            clock_row("list 6,000, the first page, after the start", first, 1000, start.median),
            clock_row("list 6,000, all of them, after the start", whole, 1000, start.median),
            clock_row("create a license", times("create", "--product", PRODUCT), 600),
        ]


def start_of(command: Sequence[str]) -> Samples:
    """Until the command has imported what it needs; then it would call AWS."""
    return clock_times([*command, "list", "--help"], RUNS)


def _license_rows(index: int) -> list[Item]:
    number, reference = f"{index:012}", f"PO-{index}"
    license = replace(
        a_license(licensee=f"Customer {index % CUSTOMERS}", reference=reference),
        number=number,
        activation_public=sha256(number.encode()).digest(),
    )
    return [
        to_item({"pk": number, "sk": LICENSE, **members(license)}),
        to_item({"pk": f"reference#{reference}", "sk": number}),
    ]
