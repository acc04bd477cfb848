"""One screen as it is to be drawn now: all its words, fields, facts and buttons. No drawing."""

from typing import NamedTuple

from keyferry.list_licenses import ACTIVE, Row
from keyferry.store.state import DEACTIVATE, Folder
from keyferry.wizard.answers import Answers, path
from keyferry.wizard.computer import Computer
from keyferry.wizard.flow import Problem, State
from keyferry.wizard.screen_data import Content, content
from keyferry.wizard.screens import FIRST_FOCUS, LIST, SCREENS, Field, Option
from keyferry_protocol.messages import has_message, message


class Button(NamedTuple):
    """A button: what pressing it says, and its label."""

    press: str
    label: str
    is_first: bool = False  # it has the focus when the screen comes


class Asked(NamedTuple):
    """A field as it stands; without a label of its own the title is its label."""

    name: str
    kind: str
    label: str
    hint: str
    value: str
    options: tuple[Option, ...]
    problem: str


class Page(NamedTuple):
    """A screen, ready to be drawn in a window or at a prompt."""

    screen: str
    title: str
    step: str
    text: tuple[str, ...]
    asked: tuple[Asked, ...]
    buttons: tuple[Button, ...]
    problems: tuple[Problem, ...]
    notice: str
    content: Content

    @property
    def full_title(self) -> str:
        """The title behind its step, if it is one of several."""
        if not self.step or not self.title:
            return self.step or self.title
        return message("wizard.step-title", step=self.step, title=self.title)


def draw(state: State, computer: Computer) -> Page:
    """The page of a state, with what is found on this computer now."""
    screen = SCREENS[state.screen]
    found = content(state.screen, state.answers, computer)
    facts = {
        "product": computer.product,
        "page": computer.page.removeprefix("https://").removesuffix("/"),
        "support": computer.support,
        **found.words,
    }
    fields = [field for field in screen.fields if field.is_there(state.answers, computer)]
    buttons = screen.buttons if state.screen != LIST else _list_buttons(state.answers, computer)
    return Page(
        screen=state.screen,
        title=found.title or message(f"wizard.{state.screen}.title", **facts),
        step=_step(state, computer),
        text=tuple(_sentences(f"wizard.{state.screen}.text", **facts)) + found.text,
        asked=tuple(_ask(field, state, computer) for field in fields),
        buttons=tuple(_button(press, state.screen) for press in (*buttons, *found.buttons)),
        problems=state.problems,
        notice=state.notice,
        content=found,
    )


def trouble(problem: Problem) -> Page:
    """The page of a computer whose licenses cannot be read now."""
    title = message(f"wizard.{LIST}.title")
    buttons = (_button("look", LIST), _button("close", LIST))
    return Page(LIST, title, "", (), (), buttons, (problem,), "", Content())


def presses(page: Page) -> set[str]:
    """Every button that the page has, in whatever form it is drawn; and it can be closed."""
    found = {"close", *(button.press for button in page.buttons)}
    found |= {way for problem in page.problems for way in problem.ways}
    found |= {f"choose:{number}" for number, *_ in page.content.rows}
    found |= {f"open:{path}" for path, _ in page.content.folders}
    return found | {"browse" for one in page.asked if one.kind == "folder"}


def label(press: str, screen: str = "") -> str:
    """A button's label, by its screen or for all screens."""
    name, _, value = press.partition(":")
    if name == "begin":
        name = value.partition(":")[0]
    own = f"wizard.{screen}.{name}"
    return message(own if has_message(own) else f"wizard.press.{name}", value=value)


def chosen(answers: Answers, computer: Computer) -> Row | None:
    """The license in the list that the buttons speak of: the first, until another is chosen."""
    row = computer.row(answers.get("license", ""))
    return row or (computer.rows[0] if computer.rows else None)


def _button(press: str, screen: str) -> Button:
    return Button(press, label(press, screen), FIRST_FOCUS.get(screen) == press)


def _ask(field: Field, state: State, computer: Computer) -> Asked:
    answers = state.answers
    value = answers.get(field.name)
    problem = next((p.text for p in state.problems if p.field == field.name), "")
    words = f"wizard.{field.name}"
    return Asked(
        field.name,
        field.kind,
        message(f"{words}.label") if has_message(f"{words}.label") else "",
        message(f"{words}.hint") if has_message(f"{words}.hint") else "",
        field.default(answers, computer) if value is None else value,
        field.options(answers, computer),
        problem,
    )


def _sentences(name: str, **facts: object) -> list[str]:
    return message(name, **facts).split("\n") if has_message(name) else []


def _step(state: State, computer: Computer) -> str:
    """`Step 2 of 6`, where there is more than one."""
    way = path(state.answers, computer.protections)
    if len(way) < 2 or state.screen not in way:
        return ""
    return message("wizard.step", n=way.index(state.screen) + 1, of=len(way))


def _list_buttons(answers: Answers, computer: Computer) -> tuple[str, ...]:
    """What applies to the chosen license, then what always does."""
    row = chosen(answers, computer)
    actions = () if row is None else _row_actions(row, computer)
    return (*(f"begin:{name}:{row.number}" for name in actions if row), "begin:install", "close")


def _row_actions(row: Row, computer: Computer) -> list[str]:
    folders = [Folder(root, row.number) for root in computer.settings.where]
    gives_back = any(folder.has(DEACTIVATE) for folder in folders)
    is_installed = row.response is not None and not row.response.is_receipt and not gives_back
    place = computer.rows.index(row)
    applies = {
        "activate": row.request is not None,
        "receipt": gives_back and row.request is None,
        "update": is_installed,
        "deactivate": is_installed,
        "saved": row.request is not None or gives_back,
        "cancel": row.request is not None,
        "up": place > 0,
        "down": place < len(computer.rows) - 1,
        "move": is_installed and row.state == ACTIVE,
        "properties": True,
        "remove": True,
    }
    return [name for name, is_right in applies.items() if is_right]
