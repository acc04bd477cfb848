"""Takes each right from each function in turn, on a stack of its own, and sees what falls.

`python -m tests.stack.privilege` takes 6 minutes and ends with 1 where anything else falls than
actions.toml says. With `--write` it tries all journeys without each right, which takes half an
hour, and prints the first that fell in the form of that file, for whoever changes a right.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.stack.privilege.journeys import JOURNEYS
from tests.stack.privilege.rights import Right, rights
from tests.stack.privilege.table import TESTED, UNTESTED
from tests.stack.privilege.taking import falls_without
from tests.support.running_stack import RunningStack, start, stop, wait_until_ready

BROAD = ["activation_with_mail", "mail_that_comes_back"]  # together they start every function


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--write", action="store_true", help="print what falls, compare nothing")
    arguments = options.parse_args()
    with own_stack() as stack:
        if arguments.write:
            return write(stack)
        return compare(stack)


@contextmanager
def own_stack() -> Iterator[RunningStack]:
    with tempfile.TemporaryDirectory(prefix="keyferry-privilege-") as name:
        process = start(Path(name))
        try:
            yield wait_until_ready(process, Path(name))
        finally:
            stop(process)


def compare(stack: RunningStack) -> int:
    """Try what is recorded of each right; 1 if it is not so."""
    began, wrong = time.monotonic(), 0
    for right in local_rights():
        tried = BROAD if right.name in UNTESTED else [TESTED[right.name]]
        fallen = first_fallen(stack, right, tried)
        wrong += fallen != TESTED.get(right.name)
        print(f"{' '.join(right.name)}: {fallen or 'nothing falls'}", flush=True)
    print(f"{wrong} differ from actions.toml; {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def write(stack: RunningStack) -> int:
    for right in local_rights():
        fallen = first_fallen(stack, right, list(JOURNEYS))
        print(f"[{'seen' if fallen else 'unseen'}.{right.role}.'{right.resource}']")
        print(f'"{right.action}" = "{fallen or "..."}"', flush=True)
    return 0


def local_rights() -> list[Right]:
    """Those of the stack on the embedded cloud; others name what there is on AWS alone."""
    return [right for right in rights() if right.is_local]


def first_fallen(stack: RunningStack, right: Right, tried: list[str]) -> str | None:
    """The first of these journeys that does not arrive without the right."""
    return next((name for name in tried if falls_without(stack, right, JOURNEYS[name])), None)


if __name__ == "__main__":
    sys.exit(main())
