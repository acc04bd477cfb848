"""Turns an error of the library into the problem that a screen shows."""

from collections.abc import Mapping

from keyferry.times import long_date
from keyferry.wizard.state import Problem
from keyferry_protocol.errors import ClockRolledBack, KeyferryError
from keyferry_protocol.messages import message


def problem_of(error: KeyferryError, names: Mapping[str, str]) -> Problem:
    """The problem, with these names filled into its sentences and its next step."""
    error.facts = {name: text for name, text in names.items() if text} | error.facts
    detail = "" if str(error) == error.title else str(error)
    if isinstance(error, ClockRolledBack) and not error.case:
        now, mark = error.facts["now"], error.facts["mark"]
        detail = message("wizard.clock", now=long_date(now), mark=long_date(mark))
    text = error.next_step
    if detail:
        text = message("wizard.problem-text", detail=detail, next_step=text)
    return Problem(text, title=error.title)
