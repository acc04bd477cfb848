"""Limit how many calls one network makes, as far as one process of the function can see."""

from collections import Counter
from dataclasses import dataclass, field

from keyferry_service.use_cases.edge import Clock

MINUTE_S = 60
CALLS_PER_NETWORK = 1200  # a minute and process: two of every five that the whole API takes


@dataclass
class LimitCalls:
    """Counts in memory, a minute at a time: each process counts for itself, and begins at zero."""

    clock: Clock
    minute: int = -1
    calls: Counter[str] = field(default_factory=Counter)  # by network

    def wait_s(self, network: str) -> int:
        """Count a call of this network; how many seconds it must wait, 0 where it may be made."""
        minute, second = divmod(int(self.clock.monotonic()), MINUTE_S)
        if minute != self.minute:
            self.minute, self.calls = minute, Counter()
        self.calls[network] += 1
        return 0 if self.calls[network] <= CALLS_PER_NETWORK else MINUTE_S - second
