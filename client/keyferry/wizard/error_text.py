"""An error of the library as the wizard tells it: its title, and what to do, in one place."""

from keyferry.times import long_date
from keyferry.wizard.computer import Computer
from keyferry.wizard.flow import Problem
from keyferry_protocol.errors import ClockRolledBack, KeyferryError, WrongMachine
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list


def problem_of(error: KeyferryError, computer: Computer) -> Problem:
    """The error with the vendor's names in it."""
    names = computer.settings.names()
    error.facts = {name: text for name, text in names.items() if text} | error.facts
    detail = "" if str(error) == error.title else str(error)
    if isinstance(error, WrongMachine) and "match" in error.facts:
        detail = _machines(error, detail)
    if isinstance(error, ClockRolledBack) and "mark" in error.facts:
        now, mark = error.facts["now"], error.facts["mark"]
        detail = message("wizard.clock", now=long_date(now), mark=long_date(mark))
    text = error.next_step
    if detail:
        text = message("wizard.problem-text", detail=detail, next_step=text)
    return Problem(text, title=error.title)


def _machines(error: WrongMachine, detail: str) -> str:
    """Which parts differ, by the names that people give them."""
    named = [message(f"wizard.part.{part}") for part in error.facts["match"]["changed"]]
    return message("wizard.different", detail=detail, parts=comma_list(named)) if named else detail
