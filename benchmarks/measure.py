"""Medians of measurements that are taken in turns, so that a busy moment slows all of them.

All times are processor time, which others on the same machine disturb least.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table: a value beside its goal; without a goal it only explains."""

    name: str
    value: float
    unit: str  # "calls", "x", "ms"
    goal: float | None = None
    spread: float = 0.0  # half the distance between the quartiles, in parts of the value
    detail: str = ""

    @property
    def is_missed(self) -> bool:
        return self.goal is not None and self.value > self.goal


@dataclass(frozen=True)
class Samples:
    """Processor time of one thing in seconds, in the order in which it was taken."""

    seconds: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        low, _, high = statistics.quantiles(self.seconds, n=4)
        return (high - low) / 2 / self.median


def in_turns(things: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Samples]:
    """Measure each thing once a round; the first round only warms up."""
    taken: dict[str, list[float]] = {name: [] for name in things}
    for _ in range(rounds + 1):
        for name, thing in things.items():
            taken[name].append(thing())
    return {name: Samples(seconds[1:]) for name, seconds in taken.items()}


def ratio(name: str, measured: Samples, bare: Samples, goal: float) -> Row:
    """How much more it takes than its bare need: the median over pairs of the same round."""
    pairs = Samples([m / b for m, b in zip(measured.seconds, bare.seconds, strict=True)])
    return Row(name, pairs.median, "x", goal, pairs.spread)


def time_ms(name: str, samples: Samples) -> Row:
    return Row(name, samples.median * 1000, "ms", spread=samples.spread)


def repeated(once: Callable[[], object], times: int) -> Callable[[], float]:
    """Seconds of one call, as the mean of so many in this process."""

    def measure() -> float:
        began = time.process_time()
        for _ in range(times):
            once()
        return (time.process_time() - began) / times

    return measure


def fresh(code: str, environment: Mapping[str, str]) -> Callable[[], float]:
    """Seconds of this code in a Python process of its own, from its start to its end."""

    def measure() -> float:
        process = subprocess.Popen([sys.executable, "-c", code], env=environment)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"It ended with {process.returncode}: {code}")
        return used.ru_utime + used.ru_stime

    return measure
