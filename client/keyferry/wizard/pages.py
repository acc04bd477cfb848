"""A screen with its current text, fields, facts, and buttons, independent of how it is drawn."""

from typing import NamedTuple

from keyferry.journey import ACTIVE
from keyferry.list_licenses import Row
from keyferry.store.folder import DEACTIVATE, Folder
from keyferry.wizard.answers import Answers, path
from keyferry.wizard.computer import Computer
from keyferry.wizard.screen_data import ScreenData, screen_data
from keyferry.wizard.screens import FIRST_FOCUS, SCREENS, Field, Option
from keyferry.wizard.state import LIST, TYPED, Problem, State
from keyferry_protocol.messages import has_message, message


class Button(NamedTuple):
    """A button: the value that it sends, and its label."""

    press: str
    label: str
    is_first: bool = False  # focused when the screen appears


class FieldView(NamedTuple):
    """A field with its current value; without its own label, the title is its label."""

    name: str
    kind: str
    label: str
    hint: str
    value: str
    options: tuple[Option, ...]
    problem: str


class Page(NamedTuple):
    """A screen, ready to be drawn in a window or at the prompt."""

    screen: str
    title: str
    step: str
    text: tuple[str, ...]
    fields: tuple[FieldView, ...]
    buttons: tuple[Button, ...]
    problems: tuple[Problem, ...]
    notice: str
    data: ScreenData

    @property
    def full_title(self) -> str:
        """The title, after its step number if there are several steps."""
        if not self.step or not self.title:
            return self.step or self.title
        return message("wizard.step-title", step=self.step, title=self.title)


def draw(state: State, computer: Computer) -> Page:
    """The page of a state, with the current data of this computer."""
    screen = SCREENS[state.screen]
    data = screen_data(state.screen, state.answers, computer)
    facts = {
        "product": computer.product,
        "page": computer.page.removeprefix("https://").removesuffix("/"),
        "support": computer.support,
        **data.words,
    }
    fields = [field for field in screen.fields if field.is_shown(state.answers, computer)]
    buttons = screen.buttons if state.screen != LIST else _list_buttons(state.answers, computer)
    return Page(
        screen=state.screen,
        title=data.title or message(f"wizard.{state.screen}.title", **facts),
        step=_step(state, computer),
        text=tuple(_sentences(f"wizard.{state.screen}.text", **facts)) + data.text,
        fields=tuple(_field_view(field, state, computer) for field in fields),
        buttons=tuple(_button(press, state.screen) for press in (*buttons, *data.buttons)),
        problems=state.problems,
        notice=state.notice,
        data=data,
    )


def trouble(problem: Problem) -> Page:
    """The page for a computer whose licenses cannot be read."""
    title = message(f"wizard.{LIST}.title")
    buttons = (_button("look", LIST), _button("close", LIST))
    return Page(LIST, title, "", (), (), buttons, (problem,), "", ScreenData())


def presses(page: Page) -> set[str]:
    """Every button of the page, however it is drawn, and `close`."""
    names = {"close", *(button.press for button in page.buttons)}
    names |= {press for problem in page.problems for press in problem.buttons}
    names |= {f"choose:{number}" for number, *_ in page.data.rows}
    names |= {"check", "enter"} if page.screen == TYPED else set()
    names |= {f"open:{path}" for path, _ in page.data.folders}
    return names | {"browse" for one in page.fields if one.kind == "folder"}


def label(press: str, screen: str = "") -> str:
    """A button's label: the screen's own, or the one for all screens."""
    name, _, value = press.partition(":")
    if name == "begin":
        name = value.partition(":")[0]
    own = f"wizard.{screen}.{name}"
    return message(own if has_message(own) else f"wizard.press.{name}", value=value)


def selected(answers: Answers, computer: Computer) -> Row | None:
    """The license in the list that the buttons apply to: the first unless another is selected."""
    row = computer.row(answers.get("license", ""))
    return row or (computer.rows[0] if computer.rows else None)


def _button(press: str, screen: str) -> Button:
    return Button(press, label(press, screen), FIRST_FOCUS.get(screen) == press)


def _field_view(field: Field, state: State, computer: Computer) -> FieldView:
    answers = state.answers
    value = answers.get(field.name)
    problem = next((p.text for p in state.problems if p.field == field.name), "")
    kind, _, number = field.name.partition("-")  # line-4
    name = f"wizard.{kind}"
    return FieldView(
        field.name,
        field.kind,
        message(f"{name}.label", n=number) if has_message(f"{name}.label") else "",
        message(f"{name}.hint") if has_message(f"{name}.hint") else "",
        field.default(answers, computer) if value is None else value,
        field.options(answers, computer),
        problem,
    )


def _sentences(name: str, **facts: object) -> list[str]:
    return message(name, **facts).split("\n") if has_message(name) else []


def _step(state: State, computer: Computer) -> str:
    """`Step 2 of 6`, if there is more than one."""
    screens = path(state.answers, computer.protections)
    if len(screens) < 2 or state.screen not in screens:
        return ""
    return message("wizard.step", n=screens.index(state.screen) + 1, of=len(screens))


def _list_buttons(answers: Answers, computer: Computer) -> tuple[str, ...]:
    """The buttons for the selected license, then those that always apply."""
    row = selected(answers, computer)
    actions = () if row is None else _row_actions(row, computer)
    return (*(f"begin:{name}:{row.number}" for name in actions if row), "begin:install", "close")


def _row_actions(row: Row, computer: Computer) -> list[str]:
    folders = [Folder(root, row.number) for root in computer.installation.state_dirs]
    is_deactivated = any(folder.has(DEACTIVATE) for folder in folders)
    is_installed = row.response is not None and not row.response.is_receipt and not is_deactivated
    place = computer.rows.index(row)
    applies = {
        "activate": row.request is not None and row.request.kind == "activate",
        "install-update": row.request is not None and row.request.kind == "update",
        "receipt": is_deactivated and row.request is None,
        "update": is_installed,
        "deactivate": is_installed,
        "saved": row.request is not None or is_deactivated,
        "cancel": row.request is not None,
        "up": place > 0,
        "down": place < len(computer.rows) - 1,
        "move": is_installed and row.state == ACTIVE,
        "properties": True,
        "remove": True,
    }
    return [name for name, is_right in applies.items() if is_right]
