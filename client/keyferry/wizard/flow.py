"""The wizard's decisions: a screen, its answers and the button pressed in; the next screen out.

Nothing is done here. A `deed` says what the caller has to do, and `done` or `refused` go on.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

from keyferry.wizard.answers import Answers, path
from keyferry.wizard.computer import Computer
from keyferry.wizard.screens import BROWSE, LIST, SCREENS
from keyferry_protocol.messages import message

AT_ONCE = ("up", "down")  # changes in the list itself, without a screen


class Problem(NamedTuple):
    """One sentence for one field, or a whole error with its title; `ways` are buttons."""

    text: str
    field: str = ""
    title: str = ""
    ways: tuple[str, ...] = ()


class State(NamedTuple):
    """Where a person is: the screen, all that was answered, and what is to be told there."""

    screen: str = LIST
    answers: Answers = {}  # noqa: RUF012 it is never changed, only replaced
    problems: tuple[Problem, ...] = ()
    notice: str = ""
    deed: str = ""
    is_closed: bool = False


def press(state: State, button: str, typed: Mapping[str, str], computer: Computer) -> State:
    """What follows when a button is pressed on a screen with this typed into its fields."""
    answers = {**state.answers, **typed}
    state = state._replace(answers=answers, problems=(), notice="", deed="")
    name, _, value = button.partition(":")
    match name:
        case "next":
            return _leave(state, computer)
        case "back":
            return _back(state, computer)
        case "cancel":
            return _to_list(state, "" if "made" in answers else message("terminal.kept"))
        case "finish":
            return _to_list(state)
        case "close":
            return state._replace(is_closed=True)
        case "choose":
            return state._replace(answers={"license": value})
        case "begin":
            return _begin(state, computer, *value.split(":"))
        case "anyway":
            answers["anyway"] = value
            return _leave(state, computer)
        case "again":
            return _begin(state, computer, "again")
        case "browse":
            typed_in = answers.get("folder", "")
            answers["at"] = typed_in if os.path.isdir(typed_in) else computer.best_place
            answers["from"] = state.screen
            return state._replace(screen=BROWSE)
        case "open":
            return state._replace(answers={**answers, "at": value})
        case "take":
            answers["folder"] = answers["at"]
            return state._replace(screen=answers["from"])
    return state  # `look` looks again, and a button that no screen has changes nothing


def done(state: State, learned: Mapping[str, str], computer: Computer) -> State:
    """The deed succeeded: on to the next screen, without what only the deed needed."""
    needed = ("pin", "upload", "code") if "written" in learned else ("pin", "upload")
    kept = {n: v for n, v in state.answers.items() if n not in needed}
    state = state._replace(answers={**kept, **learned}, deed="")
    if state.screen == LIST:
        return state
    return _forward(state, computer)


def refused(state: State, problem: Problem, learned: Mapping[str, str]) -> State:
    """The deed did not succeed: the same screen, with what is in the way."""
    if "written" in learned:  # the request waits now, only its file is to be saved elsewhere
        kept = {n: v for n, v in state.answers.items() if n in ("how", "folder")}
        answers = {**kept, "goal": "again", "license": learned["written"]}
        return State("again", answers, (problem,))
    answers = {n: v for n, v in state.answers.items() if n not in ("upload", "pin")}
    return state._replace(answers={**answers, **learned}, problems=(problem,), deed="")


def asks(field: str, answers: Answers) -> bool:
    """Whether a field matters with these answers: a folder does only where a file is saved."""
    return field != "folder" or answers.get("how", "save") == "save"


def _leave(state: State, computer: Computer) -> State:
    screen = SCREENS[state.screen]
    problems = []
    for field in screen.fields:
        fault = None
        if asks(field.name, state.answers) and field.is_there(state.answers, computer):
            fault = field.check(state.answers.get(field.name, ""), state.answers, computer)
        if fault is not None:
            problems.append(Problem(fault.text, field.name, ways=fault.ways))
    if problems:
        return state._replace(problems=tuple(problems))
    if screen.deed:
        return state._replace(deed=screen.deed)
    return _forward(state, computer)


def _forward(state: State, computer: Computer) -> State:
    way = path(state.answers, computer.protections)
    place = way.index(state.screen) + 1
    return state._replace(screen=way[place]) if place < len(way) else _to_list(state)


def _back(state: State, computer: Computer) -> State:
    if state.screen == BROWSE:
        return state._replace(screen=state.answers["from"])
    way = path(state.answers, computer.protections)
    place = way.index(state.screen)
    return state._replace(screen=way[place - 1]) if place else _to_list(state)


def _begin(state: State, computer: Computer, goal: str, number: str = "") -> State:
    state = state._replace(answers={"license": number or _license(state), "goal": goal})
    if goal in AT_ONCE:
        return state._replace(screen=LIST, deed=goal)
    return state._replace(screen=path(state.answers, computer.protections)[0])


def _to_list(state: State, notice: str = "") -> State:
    return State(answers={"license": _license(state)}, notice=notice)


def _license(state: State) -> str:
    """The license last spoken of: the one just written, or the one chosen in the list."""
    return state.answers.get("written") or state.answers.get("license", "")
