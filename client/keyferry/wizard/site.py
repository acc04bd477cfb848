"""The wizard as the window shows it: one address, whose page is the current screen."""

from keyferry.wizard import html
from keyferry.wizard.session import Session


class WizardSite:
    """What the window asks: pages, and presses of their buttons."""

    files: tuple[str, ...] = ("wizard.css", "lines.js")

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def is_closed(self) -> bool:
        return self._session.is_closed

    def page(self, path: str, query: str) -> str | None:
        if path != "/":
            return None
        session = self._session
        return html.page_html(session.page(), session.vendor, session.support)

    def submit(self, path: str, form: dict[str, str]) -> str:
        self._session.press(form.pop("press", ""), form.pop("screen", ""), form)
        return "/"

    def closed_page(self) -> str:
        return html.closed_page()

    def over_page(self) -> str:
        return html.over_page()
