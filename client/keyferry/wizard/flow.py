"""Decides the next screen from the current screen, its answers, and a button.

Nothing is performed here: `State.action` names what the caller must do before it calls `finish`.
"""

import os
from collections.abc import Mapping

from keyferry.wizard.answers import Answers, path
from keyferry.wizard.computer import Computer
from keyferry.wizard.screens import SCREENS
from keyferry.wizard.state import BROWSE, LIST, TYPED, Outcome, Problem, State
from keyferry.wizard.typed import read_typed
from keyferry_protocol.messages import message

AT_ONCE = ("up", "down")  # change the list directly, without another screen


def press(state: State, button: str, typed: Mapping[str, str], computer: Computer) -> State:
    """The state after a button was pressed, with the texts of the screen's fields."""
    answers = {**state.answers, **typed}
    state = state._replace(answers=answers, problems=(), notice="", action="")
    name, _, value = button.partition(":")
    match name:
        case "next":
            return _leave(state, computer)
        case "check":
            faults = read_typed(answers).faults
            return state._replace(problems=tuple(Problem(faults[name], name) for name in faults))
        case "enter":
            is_complete = read_typed(answers).is_complete
            return _leave(state, computer) if is_complete else press(state, "check", {}, computer)
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
        case "type":
            answers["typed"] = "yes"
            return state._replace(screen=TYPED)
        case "browse":
            typed_in = answers.get("folder", "")
            answers["at"] = typed_in if os.path.isdir(typed_in) else computer.best_location
            answers["from"] = state.screen
            return state._replace(screen=BROWSE)
        case "open":
            return state._replace(answers={**answers, "at": value})
        case "take":
            answers["folder"] = answers["at"]
            return state._replace(screen=answers["from"])
    return state  # `look` reads the computer again; an unknown button changes nothing


def finish(state: State, outcome: Outcome, computer: Computer) -> State:
    """The state after its action was performed."""
    if outcome.problem is None:
        return _succeeded(state, outcome, computer)
    if outcome.screen:
        state = state._replace(screen=outcome.screen)
    return failed(state, outcome.problem, outcome.learned)


def failed(state: State, problem: Problem, learned: Mapping[str, str]) -> State:
    """The same screen, showing the problem."""
    if "written" in learned:  # the request is pending; only its file needs another place
        kept = {n: v for n, v in state.answers.items() if n in ("how", "folder")}
        answers = {**kept, "goal": "again", "license": learned["written"]}
        return State("again", answers, (problem,))
    answers = {n: v for n, v in state.answers.items() if n not in ("upload", "pin")}
    return state._replace(answers={**answers, **learned}, problems=(problem,), action="")


def is_asked(field: str, answers: Answers) -> bool:
    """Whether a field matters with these answers; a folder only where a file is saved."""
    return field != "folder" or answers.get("how", "save") == "save"


def _succeeded(state: State, outcome: Outcome, computer: Computer) -> State:
    """The next screen, without the answers that only the action needed."""
    secrets = ("pin", "upload", "code") if "written" in outcome.learned else ("pin", "upload")
    kept = {n: v for n, v in state.answers.items() if n not in secrets}
    state = state._replace(answers={**kept, **outcome.learned}, action="")
    if state.screen == LIST:
        return state
    return _forward(state, computer)


def _leave(state: State, computer: Computer) -> State:
    screen = SCREENS[state.screen]
    problems = []
    for field in screen.fields:
        fault = None
        if is_asked(field.name, state.answers) and field.is_shown(state.answers, computer):
            fault = field.check(state.answers.get(field.name, ""), state.answers, computer)
        if fault is not None:
            problems.append(Problem(fault.text, field.name, buttons=fault.buttons))
    if problems:
        return state._replace(problems=tuple(problems))
    if screen.action:
        return state._replace(action=screen.action)
    return _forward(state, computer)


def _forward(state: State, computer: Computer) -> State:
    screens = path(state.answers, computer.protections)
    place = screens.index(state.screen) + 1
    return state._replace(screen=screens[place]) if place < len(screens) else _to_list(state)


def _back(state: State, computer: Computer) -> State:
    if state.screen == BROWSE:
        return state._replace(screen=state.answers["from"])
    if state.screen == TYPED:
        return state._replace(screen="response", answers={**state.answers, "typed": ""})
    screens = path(state.answers, computer.protections)
    place = screens.index(state.screen)
    return state._replace(screen=screens[place - 1]) if place else _to_list(state)


def _begin(state: State, computer: Computer, goal: str, number: str = "") -> State:
    state = state._replace(answers={"license": number or _license(state), "goal": goal})
    if goal in AT_ONCE:
        return state._replace(screen=LIST, action=goal)
    return state._replace(screen=path(state.answers, computer.protections)[0])


def _to_list(state: State, notice: str = "") -> State:
    return State(answers={"license": _license(state)}, notice=notice)


def _license(state: State) -> str:
    """The license in use: the one whose request was made, or the one selected in the list."""
    return state.answers.get("written") or state.answers.get("license", "")
