"""Errors of the command line: what happened, a code that never changes, what to do now."""

from typing import Any, ClassVar


class AdminError(Exception):
    """Base of these errors; `facts` go into the `--json` document."""

    code: ClassVar[str]
    exit: ClassVar[int] = 1
    next_step: str = ""

    def __init__(self, title: str, next_step: str = "", **facts: Any) -> None:
        self.next_step = next_step or self.next_step
        self.facts = facts
        super().__init__(title)
