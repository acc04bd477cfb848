"""The user's place in the wizard, and the outcome of an action. Kept only in memory."""

from collections.abc import Mapping
from typing import NamedTuple

from keyferry.wizard.answers import Answers

LIST, BROWSE, TYPED = "list", "browse", "typed"


class Problem(NamedTuple):
    """A sentence about one field, or an error with a title. `buttons` offer ways to proceed."""

    text: str
    field: str = ""
    title: str = ""
    buttons: tuple[str, ...] = ()


class State(NamedTuple):
    """The screen, all answers so far, the report to show, and the action to perform next."""

    screen: str = LIST
    answers: Answers = {}  # noqa: RUF012 never modified, only replaced
    problems: tuple[Problem, ...] = ()
    notice: str = ""
    action: str = ""
    is_closed: bool = False


class Outcome(NamedTuple):
    """What an action added to the answers, and the problem that stopped it, if one did.

    `screen` is where to solve the problem, if not on the screen of the action.
    """

    learned: Mapping[str, str] = {}
    problem: Problem | None = None
    screen: str = ""
