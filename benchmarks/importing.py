"""Time `license import` on the local stack, from the start of the command to its end.

The times are those of the clock, since most of them are the cloud's.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.desk import RUNS, start_of
from benchmarks.measure import Row, clock_row, clock_times
from local.stack import running

TITLES = "reference,licensee,contact,product,edition,seats,valid_until,features,labels,note\n"


def rows() -> list[Row]:
    """Start a stack, and import 6,000 licenses into it."""
    with _desk() as (command, folder):
        return [_import_row(command, folder, 6_000, 60)]


def large_rows() -> list[Row]:
    """Start a stack, import 100,000 licenses into it, and find one of them."""
    count = 100_000
    with _desk() as (command, folder):
        imported = _import_row(command, folder, count, 600)
        license = [str(command), "license"]
        line = [*license, "list", "--reference", _reference(count, count - 1)]
        start, times = start_of(license), clock_times(line, RUNS)
        title = "find by reference in 100,000, after the start"
        return [imported, clock_row(title, times, 500, start.median)]


@contextlib.contextmanager
def _desk() -> Iterator[tuple[Path, Path]]:
    """The command line of a new stack, and a folder."""
    with (
        tempfile.TemporaryDirectory(prefix="keyferry-bench-") as name,
        contextlib.redirect_stdout(sys.stderr),  # the stack's lines are no part of the table
        running(Path(name), 0) as stack,
    ):
        yield stack.run / "keyferry-admin", Path(name)


def _import_row(command: Path, folder: Path, count: int, goal_s: float) -> Row:
    took_s = import_s(command, folder, count)
    return Row(f"import {count:,} licenses, with letters", took_s, "s", goal_s)


def _reference(count: int, index: int) -> str:
    return f"{count}-{index:06}"


def import_s(command: Path, folder: Path, count: int) -> float:
    """How long it takes to import a file of so many licenses, in seconds."""
    file = folder / f"{count}.csv"
    file.write_text(
        TITLES + "".join(_line(_reference(count, index), index) for index in range(count))
    )
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
