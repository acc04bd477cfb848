"""Print measurements beside their goals and the machine's noise, and write .local/bench.json.

Without a part, all are measured but `large`, which has 100,000 licenses and takes as long as the
others together. Exits with 1 where calls could not be counted or exceed their goal. A time that
misses its goal is marked in the table and nothing more: it also depends on the machine.
"""

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import answering, calls, desk, figures, importing, imports, loading, renewals
from benchmarks.measure import Row, noise_row

LARGE = "large"
PARTS: dict[str, Callable[[], list[Row]]] = {
    "answering": answering.rows,
    "imports": imports.rows,
    "loading": loading.rows,
    "calls": calls.rows,
    "desk": desk.rows,
    "figures": figures.rows,
    "importing": importing.rows,
    "renewals": renewals.rows,
    LARGE: importing.large_rows,
}
OUTPUT = Path(__file__).parents[1] / ".local" / "bench.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"Of {', '.join(PARTS)}.")
    parser.add_argument("--seats", type=int, default=renewals.SEATS, help="How many are renewed.")
    arguments = parser.parse_args()
    parts = arguments.parts or [name for name in PARTS if name != LARGE]
    if unknown := [name for name in parts if name not in PARTS]:
        parser.error(f"There is no part {unknown[0]}, but {', '.join(PARTS)}.")
    measures = PARTS | {"renewals": partial(renewals.rows, arguments.seats)}
    rows = [noise_row()]
    try:
        for name in parts:
            rows += measures[name]()
        calls.check_goals(rows)
    except calls.WrongCount as error:
        print(f"FAIL  {error}", file=sys.stderr)
        return 1
    finally:
        print("\n".join(table(rows)))
    OUTPUT.parent.mkdir(exist_ok=True)
    values = {row.name: {"value": row.value, "goal": row.goal, "unit": row.unit} for row in rows}
    OUTPUT.write_text(json.dumps(values, indent=1) + "\n")
    return 0


def table(rows: list[Row]) -> list[str]:
    width = max((len(row.name) for row in rows), default=0)
    lines = [f"{'':{width}}   VALUE            GOAL  SPREAD"]
    for row in rows:
        value = f"{row.value:.0f}" if row.unit == "calls" else f"{row.value:.2f}"
        goal = "" if row.goal is None else f"{row.goal:g}"
        spread = f"±{row.spread:.0%}" if row.spread else ""
        missed = "  missed" if row.is_missed else ""
        lines.append(f"{row.name:{width}}  {value:>6} {row.unit:5}  {goal:>8}  {spread:>6}{missed}")
        if row.detail:
            lines.append(f"    {row.detail}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
