"""Takes each right from each function in turn, on a stack of its own, and sees what falls.

`python -m tests.privilege` compares with actions.toml and ends with 1 where they differ; with
`--write` it prints what fell, in the form of that file.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import RunningStack, start, stop, wait_until_ready
from tests.privilege.journeys import JOURNEYS
from tests.privilege.rights import Right, rights
from tests.privilege.table import SEEN, UNSEEN
from tests.privilege.taking import falls_without

FIRST = ["activation_with_mail", "mail_that_comes_back"]  # use most; what they miss is seen below


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--write", action="store_true", help="print what fell, compare nothing")
    given = options.parse_args()
    began, wrong = time.monotonic(), 0
    with tempfile.TemporaryDirectory(prefix="keyferry-privilege-") as name:
        process = start(Path(name))
        try:
            stack = wait_until_ready(process, Path(name))
            for right in (right for right in rights() if right.is_local):
                fallen = first_fallen(stack, right) if given.write else as_recorded(stack, right)
                wrong += not given.write and fallen != SEEN.get(right.name)
                print(f"{' '.join(right.name)}: {fallen or 'nothing'}", flush=True)
        finally:
            stop(process)
    print(f"{wrong} differ from actions.toml; {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def first_fallen(stack: RunningStack, right: Right) -> str | None:
    """The first journey that does not arrive without this right."""
    return next((n for n, way in JOURNEYS.items() if falls_without(stack, right, way)), None)


def as_recorded(stack: RunningStack, right: Right) -> str | None:
    """The recorded journey if it falls; where none is, one that should not have fallen."""
    tried = FIRST if right.name in UNSEEN else [SEEN[right.name]]
    return next((n for n in tried if falls_without(stack, right, JOURNEYS[n])), None)


if __name__ == "__main__":
    sys.exit(main())
