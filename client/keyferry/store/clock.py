"""The high-water mark: the latest known time, and the rule that lowers a wrong one.

Pure; times are whole seconds since 1970 (docs/format.md, "Clock" and "Fair clock").
"""

from collections.abc import Mapping
from typing import NamedTuple

TOLERANCE_S = 24 * 3600
WRITE_EVERY_S = 600  # `load` writes the mark at most this often
MAX_TIME = 253_402_300_799  # 9999-12-31T23:59:59Z: no file can name a later time


class Clock(NamedTuple):
    """The contents of one user's `clock.json`."""

    mark: int = 0
    lowered: int = 0
    at_request: Mapping[str, int] = {}

    def advanced_to(self, moment: int) -> "Clock":
        """The clock after this moment was observed. The mark never moves back."""
        return self._replace(mark=max(self.mark, moment))

    def with_note(self, request_sha256: str) -> "Clock":
        """The clock with a note of when this request was made, measured by the mark."""
        note = self.mark + self.lowered
        return self._replace(at_request={**self.at_request, request_sha256: note})

    def without_note(self, request_sha256: str) -> "Clock":
        """The clock without the note of a request that is no longer pending."""
        notes = {sha: note for sha, note in self.at_request.items() if sha != request_sha256}
        return self._replace(at_request=notes)

    def after_response(self, request_sha256: str, issued_at: int) -> "Clock":
        """The clock after a response was installed: the only event that lowers a wrong mark.

        The mark drops at most by the time that cannot have passed since the request was made, so
        holding a response back gains no time. Without a note of the request, it does not drop.
        """
        if request_sha256 not in self.at_request:
            return self.advanced_to(issued_at)
        passed = self.mark + self.lowered - self.at_request[request_sha256]
        mark = max(issued_at, min(self.mark, issued_at + passed))
        reduction = max(0, self.mark - mark)
        clock = self._replace(mark=mark, lowered=self.lowered + reduction)
        return clock.without_note(request_sha256)
