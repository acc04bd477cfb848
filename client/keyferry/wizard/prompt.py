"""Runs the wizard in the terminal, line by line, without clearing the screen."""

from collections.abc import Iterator

import click

from keyferry.views.columns import columns_of, pad, window_columns, wrap
from keyferry.views.terminal import Terminal
from keyferry.views.typed_question import question
from keyferry.wizard.flow import is_asked
from keyferry.wizard.pages import Button, FieldView, Page, label, presses
from keyferry.wizard.screens import Option
from keyferry.wizard.session import Session
from keyferry.wizard.state import LIST
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.messages import message
from keyferry_protocol.typed_response import TypedResponse, to_codes

_WIDTH = 80
_INDENT = "  "
_YES = ("y", "yes")
_TYPE = "t"  # instead of choosing a file


class Leave(Exception):
    """A key that leaves the screen from any field; `press` is the button it stands for."""

    def __init__(self, press: str) -> None:
        self.press = press


class Prompt:
    """Runs one session in the terminal."""

    def __init__(self, session: Session, terminal: Terminal) -> None:
        self._session = session
        self._terminal = terminal

    def run(self) -> None:
        """Show screens until the user closes the wizard or the input ends."""
        while not self._session.is_closed:
            page = self._session.page()
            self._show(page)
            typed: dict[str, str] = {}
            try:
                press = self._ask(page, typed)
            except Leave as key:
                press = _button_for(key.press, page)
            self._session.press(press, page.screen, typed)

    def _show(self, page: Page) -> None:
        self._terminal.line("")
        title = page.full_title
        if page.data.is_success:
            self._terminal.good(title)
        else:
            self._terminal.line(title)
        for problem in page.problems:
            self._terminal.bad(problem.title or message("wizard.problem"))
            self._say(problem.text)
        for line in (page.notice, *page.text):
            self._say(line)
        for line in _licenses(page):
            self._say(line)
        for line in page.data.details:
            self._say(line, _INDENT)
        for line in _pairs(page.data.facts):
            self._terminal.line(f"  {line}")

    def _ask(self, page: Page, typed: dict[str, str]) -> str:
        """Read every field into `typed`, and return the button that leaves the page."""
        solutions = [Button(b, label(b)) for problem in page.problems for b in problem.buttons]
        if solutions and (press := self._menu(page, solutions, "")):
            return press
        for field in page.fields:
            if field.kind == "line":
                continue  # each is asked for in place of the field for a scanner
            if is_asked(field.name, typed):
                typed[field.name] = self._field(field, page)
        if page.fields and not any(button.is_first for button in page.buttons):
            return "next"
        first = next((one for one in page.buttons if one.is_first), page.buttons[0])
        return self._menu(page, _menu_buttons(page), first.press)

    def _field(self, field: FieldView, page: Page) -> str:
        name = field.label or page.title
        if field.hint:
            self._say(field.hint)
        if field.kind == "scan":
            return self._scan(page)
        if field.kind == "consent":
            return " ".join(o.value for o in field.options if self._agrees(o, page))
        if field.kind == "choice" and not field.options:
            self._line(message("wizard.prompt.look"), page, "")
            raise Leave("look")
        for n, option in enumerate(field.options, 1):
            self._terminal.line(f"  {n}. {option.label}")
        values = [option.value for option in field.options]
        if field.kind == "file":
            self._terminal.line(f"  {_TYPE}. {label('type')}")
        if field.kind == "pin":
            return self._secret(name)
        if field.kind == "text":
            return self._line(name, page, field.value)
        default = field.value or next(iter(values), "")
        shown = str(values.index(default) + 1) if default in values else default
        while True:
            typed = self._line(self._name_of(field, name), page, shown)
            if typed.isdecimal() and 1 <= int(typed) <= len(values):
                return values[int(typed) - 1]
            if field.kind == "file" and typed == _TYPE:
                raise Leave("type")
            if field.kind != "choice" and not (typed.isdecimal() and values):
                if not typed and field.kind == "file":
                    raise Leave("look")
                return typed
            self._say(message("wizard.prompt.numbers", n=len(values)))

    def _scan(self, page: Page) -> str:
        """Read lines or scanned codes until none is missing; each that is wrong is asked again."""
        typed = TypedResponse()
        while typed.missing is not None:
            row = self._line(question(typed), page, "")
            try:
                if row:
                    typed.add(row, typed.missing)
            except KeyferryError as error:
                self._terminal.warn(str(error))
        return "\n".join(to_codes(typed.packed()))

    def _secret(self, name: str) -> str:
        """Read a secret without showing it."""
        try:
            typed: str = click.prompt(name, hide_input=True, default="", show_default=False)
        except click.Abort:
            raise Leave("cancel") from None
        return typed

    def _name_of(self, field: FieldView, name: str) -> str:
        return message(f"wizard.prompt.{field.kind}", name=name)

    def _agrees(self, warning: Option, page: Page) -> bool:
        self._terminal.warn(warning.label)
        self._say(warning.hint)
        return self._line(message("wizard.prompt.consent"), page, "").lower() in _YES

    def _menu(self, page: Page, buttons: list[Button], default: str) -> str:
        """Read the number of a button. Enter selects the default."""
        presses = [button.press for button in buttons]
        for n, button in enumerate(buttons, 1):
            self._terminal.line(f"  {n}. {button.label}")
        shown = str(presses.index(default) + 1) if default in presses else ""
        while True:
            typed = self._line(message("wizard.prompt.menu"), page, shown)
            if not typed:
                return default
            if typed.isdecimal() and 1 <= int(typed) <= len(presses):
                return presses[int(typed) - 1]
            self._say(message("wizard.prompt.numbers", n=len(presses)))

    def _line(self, name: str, page: Page, default: str) -> str:
        """Read one line. Raises Leave for the keys that leave the screen."""
        question = message("wizard.prompt.default", name=name, value=default) if default else name
        while True:
            self._terminal.question(question)
            try:
                typed = input().strip()
            except KeyboardInterrupt:
                self._terminal.line("")
                raise Leave("cancel") from None
            except EOFError:
                raise Leave("close") from None
            match typed:
                case "b":
                    raise Leave("back")
                case "q":
                    raise Leave("cancel")
                case "?":
                    self._help(page)
                case _:
                    return typed or default

    def _help(self, page: Page) -> None:
        name = "wizard.prompt.help-list" if page.screen == LIST else "wizard.prompt.help"
        self._say(message(name))
        for line in page.text:
            self._say(line)
        if page.data.inside:
            self._terminal.line(message("wizard.inside"))
            for line in _pairs(page.data.inside):
                self._terminal.line(f"  {line}")

    def _say(self, text: str, indent: str = "") -> None:
        """Print a text in lines that fit the window, if there is any."""
        columns = min(window_columns() or _WIDTH, _WIDTH)
        for line in wrap(indent + text.replace("**", ""), columns, indent) if text else ():
            self._terminal.line(line)


def _button_for(key: str, page: Page) -> str:
    """The button of a key on this page, whose name may differ."""
    buttons = {
        "cancel": ("cancel", "finish", "close"),
        "back": ("back", "cancel", "finish", "look"),
    }
    offered = presses(page) | {"look"}
    return next((press for press in buttons.get(key, (key,)) if press in offered), "close")


def _menu_buttons(page: Page) -> list[Button]:
    """The buttons that have a number; the others have a key."""
    rows = page.data.rows if len(page.data.rows) > 1 else ()
    choices = [
        Button(f"choose:{number}", message("wizard.prompt.choose", number=shown))
        for number, shown, *_ in rows
        if number != page.data.chosen
    ]
    numbered = [one for one in page.buttons if one.press != "back"]
    numbered = [one for one in numbered if one.press != "cancel" or one.is_first]
    return [*numbered, *choices]


def _licenses(page: Page) -> Iterator[str]:
    rows = page.data.rows
    for _, shown, _, status, _ in rows:
        yield f"{shown}  {status}"
    if len(rows) > 1:
        chosen = next(shown for number, shown, *_ in rows if number == page.data.chosen)
        yield message("wizard.prompt.chosen", number=chosen)


def _pairs(facts: tuple[tuple[str, str], ...]) -> Iterator[str]:
    width = max((columns_of(name) for name, _ in facts), default=0)
    for name, text in facts:
        yield f"{pad(name, width)}  {text}"
