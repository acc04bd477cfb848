"""One person's session with the wizard: the state between two screens, in memory only."""

from collections.abc import Mapping

from keyferry.installation import Installation
from keyferry.vendor import Vendor
from keyferry.wizard.actions import perform
from keyferry.wizard.computer import Computer
from keyferry.wizard.error_text import problem_of
from keyferry.wizard.flow import failed, finish, press
from keyferry.wizard.pages import Page, draw, presses, trouble
from keyferry.wizard.screens import SCREENS
from keyferry.wizard.state import Problem, State
from keyferry_protocol.errors import KeyferryError


class Session:
    """Returns pages and handles button presses. The window and the prompt each have one."""

    def __init__(
        self,
        installation: Installation,
        vendor: Vendor,
        product_version: str = "",
        pkcs11_module: str | None = None,
    ) -> None:
        self._installation = installation
        self._vendor = vendor
        self._product_version = product_version
        self._pkcs11_module = pkcs11_module
        self._state = State()

    @property
    def vendor(self) -> str:
        return self._vendor.name or self._installation.product

    @property
    def support(self) -> str:
        return self._vendor.support

    @property
    def is_closed(self) -> bool:
        return self._state.is_closed

    def check(self) -> None:
        """Raises the error of the license folders, before the first screen is shown."""
        draw(self._state, self._computer())

    def page(self) -> Page:
        """The current screen."""
        try:
            return draw(self._state, self._computer())
        except KeyferryError as error:  # another program damaged a folder in the meantime
            return trouble(self._problem(error))

    def press(self, button: str, screen: str, typed: Mapping[str, str]) -> None:
        """Press a button of a screen; ignore it if another screen is shown."""
        if screen != self._state.screen or button not in presses(self.page()):
            return
        known = {field.name for field in SCREENS[screen].fields} | {"upload"}
        answers = {name: text for name, text in typed.items() if name in known}
        try:
            self._state = press(self._state, button, answers, self._computer())
            if self._state.action:
                computer = self._computer()
                outcome = perform(self._state, computer)
                self._installation = computer.installation  # with the dongle that was chosen
                self._state = finish(self._state, outcome, computer)
        except KeyferryError as error:
            self._state = failed(self._state, self._problem(error), {})

    def _computer(self) -> Computer:
        return Computer(
            self._installation, self._vendor, self._product_version, self._pkcs11_module
        )

    def _problem(self, error: KeyferryError) -> Problem:
        return problem_of(error, self._vendor.names(self._installation.product))
