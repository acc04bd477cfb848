"""Time `stats` with its report on the local stack, from the start of the command to its end.

The time is that of the clock, since most of it is the cloud's.
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


def rows() -> list[Row]:
    """Start a stack, fill its table as activations would, and count."""
    with (
        tempfile.TemporaryDirectory(prefix="keyferry-bench-") as name,
        contextlib.redirect_stdout(sys.stderr),  # the stack's lines are no part of the table
        running(Path(name), 0) as stack,
    ):
        table, items = Stack(STACK).output("LicensesTable"), _rows(int(time.time()))
        write_items(stack.cloud.client("dynamodb"), table, items)
        began = time.perf_counter()
        subprocess.run(
            [stack.run / "keyferry-admin", "stats", "--report", Path(name) / "report.html"],
            check=True,
            capture_output=True,
        )
        title = f"stats of {LICENSES:,} licenses with {LICENSES * RESPONSES:,} responses"
        return [Row(title, time.perf_counter() - began, "s", GOAL_S)]


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
