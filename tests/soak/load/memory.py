"""How much memory the functions' processes hold, looked at all the time they run."""

import os
import statistics
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

EVERY_S = 2.0
PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass
class Memory:
    """At each look, the resident KB of a function's largest process; and what the computer did."""

    samples: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    waiting: list[float] = field(default_factory=list)  # processes that wanted a processor

    def grown(self, function: str) -> tuple[int, int]:
        """KB in the second tenth of the time, when all was loaded, and in the last: medians."""
        samples = self.samples[function]
        tenth = max(1, len(samples) // 10)
        early = samples[tenth : 2 * tenth] or samples[:1]
        return round(statistics.median(early)), round(statistics.median(samples[-tenth:]))


@contextmanager
def watching(folder: Path) -> Iterator[Memory]:
    """Look every two seconds at the processes whose code lies in `folder`."""
    memory, ended = Memory(), threading.Event()

    def look() -> None:
        while not ended.wait(EVERY_S):
            largest: dict[str, int] = {}
            for name, kb in _functions(str(folder).encode()):
                largest[name] = max(kb, largest.get(name, 0))
            for name, kb in largest.items():
                memory.samples[name].append(kb)
            memory.waiting.append(os.getloadavg()[0])

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield memory
    finally:
        ended.set()
        watcher.join()


def _functions(folder: bytes) -> Iterator[tuple[str, int]]:
    """Each function's processes, by the name that the template gives it."""
    for process in Path("/proc").iterdir():
        try:
            if not process.name.isdigit() or folder not in (process / "cmdline").read_bytes():
                continue
            settings = (process / "environ").read_bytes().split(b"\0")
            kb = int((process / "statm").read_text().split()[1]) * PAGE_KB
        except OSError:  # it has just ended
            continue
        for setting in settings:
            if setting.startswith(b"AWS_LAMBDA_FUNCTION_NAME="):
                yield setting.decode().split("-")[1], kb
