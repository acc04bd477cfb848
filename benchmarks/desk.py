"""Time what a vendor waits for at the desk, on the local stack: list, find, make a license.

Each command is a process of its own, and its time that of the clock, since most of it is the
cloud's. The start of the process, which `--version` shows, is taken off where the row says so.
"""

import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.measure import Row
from keyferry_admin.stack import Stack
from keyferry_service.adapters.items_dynamodb import Item, members, to_item
from keyferry_service.adapters.licenses_dynamodb import LICENSE
from local.deploy import STACK
from local.stack import running
from tests.support.builders import a_license
from tests.support.samples import PRODUCT

LISTED, SOLD = 6_000, 100_000  # licenses
CUSTOMERS = 900
RUNS = 5
_BATCH = 25  # the most rows of one BatchWriteItem


def rows() -> list[Row]:
    """Start a stack, fill its table, and time the commands of its vendor."""
    with (
        tempfile.TemporaryDirectory(prefix="keyferry-bench-") as name,
        contextlib.redirect_stdout(sys.stderr),  # the stack's lines are no part of the table
        running(Path(name), 0) as stack,
    ):
        command = str(stack.run / "keyferry-admin")
        dynamodb = stack.cloud.client("dynamodb")
        table = Stack(STACK).output("LicensesTable")
        start = median_s([command, "--version"])

        def row(title: str, goal_ms: float, *arguments: str, from_s: float = start) -> Row:
            took_s = median_s([command, "license", *arguments]) - from_s
            return Row(title, took_s * 1000, "ms", goal_ms)

        write(dynamodb, table, range(LISTED))
        measured = [
            row("list 6,000, the first page, after the start", 1000, "list", "--rows", "100"),
            row("list 6,000, all of them, after the start", 1000, "list"),
            row("create a license", 600, "create", "--product", PRODUCT, from_s=0),
        ]
        write(dynamodb, table, range(LISTED, SOLD))
        reference = ("--reference", f"PO-{SOLD - 1}")
        measured.append(row("find by reference in 100,000", 500, "list", *reference))
        return [*measured, Row("start of keyferry-admin", start * 1000, "ms")]


def median_s(command: Sequence[str]) -> float:
    """How long a process takes from its start to its end, whose output goes to a pipe."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def write(dynamodb: Any, table: str, numbers: Iterable[int]) -> None:
    """Put a license and the row of its reference for each number into the table."""
    rows = (row for number in numbers for row in _license_rows(number))
    while batch := list(islice(rows, _BATCH)):
        dynamodb.batch_write_item(
            RequestItems={table: [{"PutRequest": {"Item": row}} for row in batch]}
        )


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
