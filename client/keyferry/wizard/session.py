"""One person at the wizard: the state between two screens, in memory alone."""

from collections.abc import Mapping

from keyferry.cli.settings import Settings
from keyferry.wizard.actions import do
from keyferry.wizard.computer import Computer
from keyferry.wizard.error_text import problem_of
from keyferry.wizard.flow import State, press, refused
from keyferry.wizard.pages import Page, draw, presses, trouble
from keyferry.wizard.screens import SCREENS
from keyferry_protocol.errors import KeyferryError


class Session:
    """Screens out, presses in; both faces of the wizard have one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._state = State()

    @property
    def vendor(self) -> str:
        return self._settings.vendor.name or self._settings.product

    @property
    def support(self) -> str:
        return self._settings.vendor.support

    @property
    def is_closed(self) -> bool:
        return self._state.is_closed

    def check(self) -> None:
        """Raises what is wrong with the keys, the product's name or the folders."""
        draw(self._state, Computer(self._settings))

    def page(self) -> Page:
        computer = Computer(self._settings)
        try:
            return draw(self._state, computer)
        except KeyferryError as error:  # of a folder that another program damages meanwhile
            return trouble(problem_of(error, computer))

    def press(self, button: str, screen: str, typed: Mapping[str, str]) -> None:
        """Press a button of a screen; one of another screen than the present came too late."""
        if screen != self._state.screen or button not in presses(self.page()):
            return
        known = {field.name for field in SCREENS[screen].fields} | {"upload"}
        answers = {name: text for name, text in typed.items() if name in known}
        try:
            self._state = press(self._state, button, answers, Computer(self._settings))
            if self._state.deed:
                self._state = do(self._state, Computer(self._settings))
        except KeyferryError as error:
            problem = problem_of(error, Computer(self._settings))
            self._state = refused(self._state, problem, {})
