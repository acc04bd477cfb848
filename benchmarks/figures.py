"""Time `stats` and what reads seats and changes, from the start of each command to its end.

The times are those of the clock on the local stack, since most of them are the cloud's.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from benchmarks.measure import Row
from keyferry_admin.stack import Stack
from keyferry_service.adapters.items_dynamodb import Item, members, to_item
from keyferry_service.adapters.ledger_dynamodb import entry_to_item
from keyferry_service.adapters.license_rows_dynamodb import LICENSE
from keyferry_service.domain.allocate import Grant, GrantRule
from keyferry_service.domain.ledger import entry_for, response_to
from keyferry_service.domain.license import DAY, DeviceKey
from local.deploy import STACK
from local.stack import running
from tests.support.builders import a_license, a_request, a_seat
from tests.support.many import write_items

LICENSES, RESPONSES, GOAL_S = 6_000, 3, 10
_DAYS = 180  # over which the responses are spread
_ANCHORS = 3
_SINCE = "2026-11-25"  # the licenses of the tests were sold before


def rows() -> list[Row]:
    """Start a stack, fill its table as activations would, and count."""
    with (
        tempfile.TemporaryDirectory(prefix="keyferry-bench-") as name,
        contextlib.redirect_stdout(sys.stderr),  # the stack's lines are no part of the table
        running(Path(name), 0) as stack,
    ):
        table, items = Stack(STACK).output("LicensesTable"), _rows(int(time.time()))
        write_items(stack.cloud.client("dynamodb"), table, items)
        seconds = {
            title: _seconds_of([stack.run / "keyferry-admin", *line])
            for title, line in _lines(Path(name)).items()
        }
        stats, *others = seconds.items()
        return [Row(*stats, "s", GOAL_S), *(Row(*each, "s") for each in others)]


def _lines(folder: Path) -> dict[str, list[str | Path]]:
    export = folder / "licenses.csv", "--history", folder / "changes.csv"
    return {
        f"stats of {LICENSES:,} licenses with {LICENSES * RESPONSES:,} responses": [
            *("stats", "--report", folder / "report.html")
        ],
        f"licenses unused since a day, of {LICENSES:,}": [
            *("license", "list", "--unused-since", _SINCE)
        ],
        f"a computer among those of {LICENSES:,} licenses": ["seat", "list", "--computer", "LAB"],
        f"export of {LICENSES:,} licenses with their history": ["license", "export", *export],
    }


def _seconds_of(command: list[str | Path]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def _rows(now: int) -> Iterator[Item]:
    """What is left of each license's activation and its updates."""
    request, seat = a_request(), a_seat()
    for index in range(LICENSES):
        number = f"{index:012}"
        license = a_license(
            number=number,
            activation_public=sha256(number.encode()).digest(),
            product=f"Product {index % 3}",
            valid_until=now + index % 400 * DAY,
            seats_used=1,
            next_seat=2,
            revision=RESPONSES,
        )
        yield to_item({"pk": number, "sk": LICENSE, **members(license)})
        yield to_item({"pk": number, "sk": "seat#1", **members(seat)})
        yield to_item({"pk": number, "sk": "key#1", **members(DeviceKey("1", 1))})
        for anchor in range(_ANCHORS):
            yield to_item({"pk": number, "sk": f"anchor#{anchor}", "seat": 1})
        for serial in range(1, RESPONSES + 1):
            moment = now - (index * RESPONSES + serial) % _DAYS * DAY
            answered = a_seat(serial=serial, valid_until=license.valid_until)
            grant = Grant(license, answered, GrantRule.NEW_SEAT)
            entry = entry_for(response_to(request, grant, moment), grant)
            yield entry_to_item(number, entry) | to_item({"sk": f"answer#{serial}"})
