"""Rows of the result table, and the timers that fill them.

Measurements that are compared are interleaved, so that a busy moment of the machine slows all of
them. Times are processor time, which other processes disturb least, unless a row says that they
are those of the clock.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One line of the table: a value and its goal; a row without a goal only explains others."""

    name: str
    value: float
    unit: str  # "calls", "x", "ms", "s"
    goal: float | None = None
    spread: float = 0.0  # half the interquartile range, as a fraction of the median
    detail: str = ""

    @property
    def is_missed(self) -> bool:
        return self.goal is not None and self.value > self.goal


@dataclass(frozen=True)
class Samples:
    """Processor times of one measurement in seconds, in the order in which they were taken."""

    seconds: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        if len(self.seconds) < 2:
            return 0.0
        low, _, high = statistics.quantiles(self.seconds, n=4)
        return (high - low) / 2 / self.median


def interleave(timers: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Samples]:
    """Run every timer once per round and collect its times; the first round is a warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds + 1):
        for name, timer in timers.items():
            seconds[name].append(timer())
    return {name: Samples(times[1:]) for name, times in seconds.items()}


def ratio_row(name: str, measured: Samples, baseline: Samples, goal: float | None) -> Row:
    """How many times the baseline it takes: the median of the ratios within each round."""
    pairs = zip(measured.seconds, baseline.seconds, strict=True)
    ratios = Samples([time / base for time, base in pairs])
    return Row(name, ratios.median, "x", goal, ratios.spread)


def time_row(name: str, samples: Samples) -> Row:
    return Row(name, samples.median * 1000, "ms", spread=samples.spread)


def clock_row(name: str, samples: Samples, goal: float | None, start_s: float = 0) -> Row:
    """Times of the clock; `start_s` of each is taken off."""
    value = (samples.median - start_s) * 1000
    return Row(name, value, "ms", goal, samples.spread)


def clock_times(command: Sequence[str], runs: int) -> Samples:
    """How long a process takes from its start to its end, whose output goes to a pipe."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - began)
    return Samples(times)


def noise_row() -> Row:
    """How much the same process varies on this machine now, and what else runs on it."""
    load, processors = os.getloadavg()[0], os.cpu_count()
    detail = f"load {load:.1f} on {processors} processors; times of the clock need a load below 0.5"
    samples = clock_times([sys.executable, "-c", "import json"], 20)
    return replace(clock_row("noise: one process, 20 times", samples, None), detail=detail)


def call_timer(call: Callable[[], object], repeats: int) -> Callable[[], float]:
    """A timer of one call in this process: the mean of `repeats` calls, in seconds."""

    def measure() -> float:
        started = time.process_time()
        for _ in range(repeats):
            call()
        return (time.process_time() - started) / repeats

    return measure


def process_timer(
    code: str, environment: Mapping[str, str], python: str | Path = sys.executable
) -> Callable[[], float]:
    """A timer of a new Python process that runs this code, from its start to its end, in seconds.

    It raises RuntimeError where the process fails.
    """

    def measure() -> float:
        process = subprocess.Popen([python, "-c", code], env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"The process exited with {process.returncode}: {code}")
        return usage.ru_utime + usage.ru_stime

    return measure
