"""Load on the local stack, counted exactly, and the table of it.

`python -m tests.soak.load` takes about 25 minutes; for a trial, add
`--requests 300 --rate 10 --burst 100`. It exits with 1 if a response, a seat, a ledger row, or an
email is lost or sent twice, or if the functions' memory grows. What grows with seats and licenses
is measured by tests/soak/load/growth.py.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from local.stack import BUILD
from tests.soak.load import report
from tests.soak.load.audit import Audit
from tests.soak.load.customers import Customers
from tests.soak.load.memory import watching
from tests.support.running_stack import start, stop, wait_until_ready

STOPS_WITHIN_S = 600  # the embedded cloud keeps all it knows
WARM_UP = 50  # requests; they count in everything but the times


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--requests", type=int, default=10_000, help="in the steady stream")
    options.add_argument("--rate", type=float, default=10.0, help="of these, each second")
    options.add_argument("--burst", type=int, default=1_000, help="requests at once, afterwards")
    options.add_argument("--build", type=Path, default=BUILD, help="what gets deployed")
    options.add_argument("--output", type=Path, help="where to write the table too")
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="keyferry-load-") as name:
        results = load(
            Path(name), arguments.build, arguments.requests, arguments.rate, arguments.burst
        )
    table = report.document(results)
    print(table)
    if arguments.output:
        arguments.output.write_text(table)
    return 0 if results.is_good else 1


def load(folder: Path, build: Path, requests: int, rate: float, burst: int) -> report.LoadResults:
    process = start(folder, "--build", str(build))
    try:
        stack = wait_until_ready(process, folder)
        customers, audit = Customers(stack), Audit(stack)
        # Here all processes start on the same few processors; on AWS each has its own.
        warm_up = customers.send_steadily(list(customers.files(WARM_UP)), rate / 5)
        audit.wait_until_done(WARM_UP)
        with watching(folder) as memory:
            steady = customers.send_steadily(list(customers.files(requests)), rate)
            audit.wait_until_done(WARM_UP + requests)
            at_once = customers.send_at_once(list(customers.files(burst)))
            audit.wait_until_done(WARM_UP + requests + burst)
        counted, answered_at = audit.count([*warm_up, *steady, *at_once]), audit.answered_at()
    finally:
        stop(process, STOPS_WITHIN_S)
    return report.LoadResults(
        rate, steady, at_once, answered_at, customers.failed_calls, counted, memory
    )


if __name__ == "__main__":
    sys.exit(main())
