"""Example Modeler: fits a straight line to each column of a table, on machines that have a license.

    python modeler.py measured.csv

The vendor's key set is part of the program (`vendor_keys.py`): whoever can replace it could as well
replace the program.
"""

import csv
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import linear_regression, mean

from vendor_keys import KEYS  # type: ignore[import-not-found]  # README.md says how it is made

from keyferry import KeyferryError, KeySet, License, Machine, load

PRODUCT = "Example Modeler"
RELEASED = "2026-11-24"
VENDOR = "example"  # the id in vendor.json, which names the folders of the licenses


def main(arguments: Sequence[str], machine: Machine | None = None) -> int:
    """Run once and return the exit code; tests pass a recorded `machine`."""
    state = os.environ.get("KEYFERRY_STATE_DIR")
    try:
        keys = KeySet.from_json(KEYS)
        license = load(PRODUCT, keys, state, machine, released=RELEASED, vendor=VENDOR)
    except KeyferryError as error:
        why = [f"{PRODUCT} does not start: {error.title}", str(error), error.next_step]
        print(*dict.fromkeys(why), sep="\n", file=sys.stderr)
        return error.exit
    if license.check().reason == "grace":
        print(f"Check in: {PRODUCT} stops in {license.days_left} days.", file=sys.stderr)
    if len(arguments) != 1:
        print("Name one CSV file: a column x, and columns to fit.", file=sys.stderr)
        return 2
    with open(arguments[0], newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = {name: [float(row[name]) for row in rows] for name in rows[0]}
    for line in fit(columns, license):
        print(line)
    return 0


def fit(columns: dict[str, list[float]], license: License) -> list[str]:
    """One line of text per column; without the feature `solver`, only its mean."""
    names = [name for name in columns if name != "x"]
    if not license.check("solver"):
        return [f"{name}: {mean(columns[name]):g} on average" for name in names]

    def fitted(name: str) -> str:
        slope, start = linear_regression(columns["x"], columns[name])
        return f"{name} = {slope:g} x + {start:g}"

    threads = license.check("threads").value or 1
    with ThreadPoolExecutor(max_workers=int(threads)) as pool:
        return list(pool.map(fitted, names))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
