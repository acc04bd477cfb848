"""The high-water mark: the latest time known, and how a wrong one is lowered fairly.

Pure; times are whole seconds since 1970 (docs/format.md, "Clock" and "Fair clock").
"""

from collections.abc import Mapping
from typing import NamedTuple

from keyferry_protocol.errors import ClockRolledBack

TOLERANCE_S = 24 * 3600
WRITE_EVERY_S = 600  # what `load` writes is no more often than this


class Clock(NamedTuple):
    """What one user's `clock.json` remembers."""

    mark: int = 0
    lowered: int = 0
    at_request: Mapping[str, int] = {}

    def seen(self, moment: int) -> "Clock":
        """The clock once this moment was seen."""
        return self._replace(mark=max(self.mark, moment))

    def noted(self, request_sha256: str) -> "Clock":
        """The clock with a note of when this request was made, by the mark."""
        note = self.mark + self.lowered
        return self._replace(at_request={**self.at_request, request_sha256: note})

    def forgotten(self, request_sha256: str) -> "Clock":
        """The clock without the note of a request that nobody waits for."""
        notes = {sha: note for sha, note in self.at_request.items() if sha != request_sha256}
        return self._replace(at_request=notes)

    def settled(self, request_sha256: str, issued_at: int) -> "Clock":
        """The clock once a response is installed: the one thing that lowers a wrong mark.

        Lowered by no more than what cannot have passed since the request was made, so a response
        kept back gains no day. Without the request's note nothing is lowered.
        """
        if request_sha256 not in self.at_request:
            return self.seen(issued_at)
        passed = self.mark + self.lowered - self.at_request[request_sha256]
        mark = max(issued_at, min(self.mark, issued_at + passed))
        took_off = max(0, self.mark - mark)
        settled = self._replace(mark=mark, lowered=self.lowered + took_off)
        return settled.forgotten(request_sha256)

    def check(self, now: int) -> None:
        """Raises ClockRolledBack if the present lies more than a day behind the mark."""
        if now < self.mark - TOLERANCE_S:
            raise ClockRolledBack(now=now, mark=self.mark)
