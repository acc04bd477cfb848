"""`python -m tests.service.simulation --seeds 10000`: play so many schedules; `--seed 7`: one."""

import argparse
import sys
import time

from tests.service.simulation.schedule import describe, drawn, play, shortest


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    seeds = range(options.seeds) if options.seed is None else [options.seed]
    begun, failed = time.monotonic(), 0
    for count, seed in enumerate(seeds, 1):
        steps = drawn(seed)
        failure = play(seed, steps)
        if failure is not None:
            failed += 1
            print(describe(seed, failure, shortest(seed, steps)), flush=True)
        if count % 500 == 0:
            print(f"{count} seeds, {failed} failed, {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{len(seeds)} seeds, {failed} failed, {time.monotonic() - begun:.0f} s")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
