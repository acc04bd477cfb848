"""The table of a load, as docs/operations/load.md has it."""

import os
import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.soak.load.audit import Counted
from tests.soak.load.customers import Sent
from tests.soak.load.memory import Memory

MAX_GROWTH = 1.05  # of a function's memory


@dataclass(frozen=True)
class LoadResults:
    rate: float
    steady: Sequence[Sent]
    at_once: Sequence[Sent]
    answered_at: Mapping[str, float]
    failed_calls: int
    counted: Counted
    memory: Memory

    @property
    def is_good(self) -> bool:
        growths = (self.memory.grown(function) for function in self.memory.samples)
        return self.counted.is_exact and all(b <= MAX_GROWTH * a for a, b in growths)


def document(results: LoadResults) -> str:
    return "\n".join([*_head(results), *_times(results), *_books(results), *_memory(results)])


def _head(results: LoadResults) -> Iterator[str]:
    load, steady, burst = results.memory.waiting, len(results.steady), len(results.at_once)
    yield f"""\
# Load

Written by `python -m tests.soak.load --requests {steady} --rate {results.rate:g} --burst
{burst} --output docs/operations/load.md`: the whole stack of `make run` on one
computer, with the embedded cloud. So the times are those of two dozen processes on a few
processors and promise nothing about AWS. The counts are what matters. Each file comes from its own
machine, takes the page's way (a ticket, then the upload to S3), and is mailed; nobody polls.

- {datetime.now(UTC):%d %B %Y, %H:%M} UTC
- {processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}
- Load average meanwhile: {statistics.median(load):.1f} in the median, at most {max(load):.1f}.
  Above {os.cpu_count()}, work waits for a processor: this stack's, and all else on the computer.
"""


def _times(results: LoadResults) -> Iterator[str]:
    yield "## From the upload to the response"
    yield ""
    yield "From the first byte of the upload until the response is in its bucket, in seconds."
    yield ""
    yield "| requests | p50 | p95 | p99 | longest | answered a second |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for sent, name in (
        (results.steady, f"{len(results.steady):,} at {results.rate:g} a second"),
        (results.at_once, f"{len(results.at_once):,} at once"),
    ):
        took = sorted(
            results.answered_at[s.ticket] - s.began_at for s in sent if _is_in(results, s)
        )
        ends = max(results.answered_at[s.ticket] for s in sent if _is_in(results, s))
        pace = len(took) / (ends - min(s.began_at for s in sent))
        values = " | ".join(f"{_percentile(took, p):.2f}" for p in (0.5, 0.95, 0.99, 1))
        yield f"| {name} | {values} | {pace:.1f} |"
    late = sorted(s.began_at - s.due_at for s in results.steady)
    yield ""
    yield "A customer whose turn it was opened a ticket and started the upload"
    yield f"{_percentile(late, 0.5):.2f} s later (p50), {_percentile(late, 0.99):.2f} s (p99)."
    yield f"Calls for a ticket that failed and were made again: {results.failed_calls}."
    yield ""


def _books(results: LoadResults) -> Iterator[str]:
    counted = results.counted
    yield "## What was counted afterwards"
    yield ""
    yield "| asked for | found |"
    yield "| --- | --- |"
    yield f"| requests sent | {counted.expected:,} |"
    yield f"| response files, genuine and equal to their ledger rows | {counted.responses:,} |"
    yield f"| tickets answered | {counted.tickets_answered:,} |"
    yield f"| seats, by their rows | {counted.seats_by_rows:,} |"
    yield f"| seats, by the licenses' own counts | {counted.seats_by_licenses:,} |"
    yield f"| ledger rows | {counted.ledger_rows:,} |"
    yield f"| mails, one to each address | {counted.mails:,} |"
    yield f"| dead letters | {counted.dead_letters:,} |"
    yield ""
    yield "Nothing lost, nothing extra." if counted.is_exact else "**Not exact.**"
    yield ""


def _memory(results: LoadResults) -> Iterator[str]:
    yield "## Memory"
    yield ""
    yield "Of each function's largest process, every two seconds; median of the second tenth of the"
    yield "time, when all was loaded, and of the last tenth."
    yield ""
    yield "| function | then, MB | at the end, MB | looks |"
    yield "| --- | --- | --- | --- |"
    for function, samples in sorted(results.memory.samples.items()):
        early, late = results.memory.grown(function)
        yield f"| {function} | {early / 1024:.1f} | {late / 1024:.1f} | {len(samples):,} |"
    yield ""


def _is_in(results: LoadResults, sent: Sent) -> bool:
    return sent.ticket in results.answered_at


def _percentile(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
