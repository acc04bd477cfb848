"""Time `license import` on the local stack, from the start of the command to its end.

The times are those of the clock, since most of them are the cloud's.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Row
from local.stack import running

GOALS_S = {6_000: 60, 100_000: 600}  # by the number of licenses
TITLES = "reference,licensee,contact,product,edition,seats,valid_until,features,labels,note\n"


def rows() -> list[Row]:
    """Start a stack, and import into it."""
    with (
        tempfile.TemporaryDirectory(prefix="keyferry-bench-") as name,
        contextlib.redirect_stdout(sys.stderr),  # the stack's lines are no part of the table
        running(Path(name), 0) as stack,
    ):
        command = stack.run / "keyferry-admin"
        return [
            Row(
                f"import {count:,} licenses, with letters",
                import_s(command, Path(name), count),
                "s",
                goal,
            )
            for count, goal in GOALS_S.items()
        ]


def import_s(command: Path, folder: Path, count: int) -> float:
    """How long it takes to import a file of so many licenses, in seconds."""
    file = folder / f"{count}.csv"
    file.write_text(TITLES + "".join(_line(f"{count}-{index:06}", index) for index in range(count)))
    where: list[str | Path] = [
        "--codes",
        folder / f"{count}-codes.csv",
        "--letters",
        folder / "letters",
    ]
    line: list[str | Path] = [command, "license", "import", file, "--new-product", *where]
    began = time.perf_counter()
    subprocess.run(line, check=True, capture_output=True)
    return time.perf_counter() - began


def _line(reference: str, index: int) -> str:
    customer = index % 900
    return (
        f"{reference},Customer {customer},it{customer}@customer.example,Example Modeler,"
        f"Professional,{1 + index % 5},2035-11-30,solver threads=16,emea,Ask for Ada\n"
    )
