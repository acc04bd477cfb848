"""The desk as its window shows it: the page of each address, and what became of a form."""

import re
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

from botocore.exceptions import BotoCoreError, ClientError

from keyferry_admin.aws_failures import explain as explain_aws
from keyferry_admin.cli.roles import with_policy
from keyferry_admin.desk import html, pages
from keyferry_admin.desk.actions import plan
from keyferry_admin.desk.pages import Content, address_of
from keyferry_admin.errors import AdminError
from keyferry_admin.errors.licenses import NothingToExplain
from keyferry_admin.errors.stack import ExpiredCredentials
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases.explain import Explanation, explain_file, explain_ticket
from keyferry_protocol.envelope import MAX_FILE, REQUEST
from keyferry_protocol.errors import KeyferryError
from keyferry_service.views.refusal_text import Vendor

_LICENSE = re.compile("/license/([0-9]{12})(?:/([a-z-]+))?")
_FIELDS = ("until", "seat")  # of actions; all else in a form confirms them
_AGAIN = "Sign in again, then start it again: keyferry-admin desk"
_T = TypeVar("_T")


class DeskSite:
    """One administrator's desk: it keeps what the next page has to say, and nothing else."""

    files: tuple[str, ...] = ("desk.css",)

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._vendor = Vendor(stack.output("VendorName"), stack.output("SupportContact"))
        self._is_closed = False
        self._notice = ""  # above the next page: a notice, or what went wrong
        self._explanation: Explanation | None = None

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def page(self, path: str, query: str) -> str | None:
        fields = dict(parse_qsl(query, max_num_fields=20)) if query.count("&") < 20 else {}
        notice, self._notice = self._notice, ""
        content, problem = _try(path, lambda: self._content(path, fields))
        if problem:
            content, notice = _without_answer(path, fields), problem
        if content is None:
            return None
        return html.document(
            content.title, notice + content.main, vendor=self._vendor.name, stack=self._stack.name
        )

    def submit(self, path: str, form: dict[str, str]) -> str:
        following, problem = _try(path, lambda: self._take(path, form))
        if problem:
            self._notice = problem
            return _same_page(path, form)
        return following or "/"

    def closed_page(self) -> str:
        return html.document("The desk is closed", html.paragraph("You can close this tab."))

    def over_page(self) -> str:
        text = "Start it again in a terminal: keyferry-admin desk"
        return html.document("This page is not open", html.paragraph(text))

    def _content(self, path: str, fields: dict[str, str]) -> Content | None:
        now = int(time.time())
        if path in ("/", "/licenses"):
            return pages.list_page(self._stack, fields, now)
        if path == "/explain":
            return pages.explain_page()
        if path == "/explained" and self._explanation is not None:
            return pages.explanation_page(self._explanation, self._vendor)
        match = _LICENSE.fullmatch(path)
        if match is None:
            return None
        number, action = match[1], match[2]
        if action is None:
            return pages.license_page(self._stack, number, now)
        if action == "history":
            return pages.history_page(self._stack, number)
        planned = plan(self._stack, number, action, fields, now)
        if planned is None:
            return None
        kept = {name: fields[name] for name in _FIELDS if name in fields}
        return pages.confirm_page(planned, action, kept)

    def _take(self, path: str, form: dict[str, str]) -> str:
        """Do what the form says; the address to show next."""
        now = int(time.time())
        if path == "/close":
            self._is_closed = True
            return "/"
        if path == "/explain":
            self._explanation = self._explain(form, now)
            return "/explained"
        match = _LICENSE.fullmatch(path)
        planned = plan(self._stack, match[1], match[2] or "", form, now) if match else None
        if match is None or planned is None:
            return "/"
        planned.confirm(form)
        planned.write()
        self._notice = html.notice(f"Done: {planned.title[0].lower()}{planned.title[1:]}.")
        return address_of(match[1])

    def _explain(self, form: dict[str, str], now: int) -> Explanation:
        """Raises NothingToExplain, NoSuchTicket, or AmbiguousTicket."""
        # A form has the bytes of a file as the characters of the same numbers.
        file = form.get("file", "").encode("latin-1", "replace")[: MAX_FILE[REQUEST] + 1]
        ticket = form.get("ticket", "").strip()
        if file:
            return explain_file(self._stack, file, now)
        if ticket:
            return explain_ticket(self._stack, ticket, now)
        raise NothingToExplain("No request was chosen")


def _without_answer(path: str, fields: dict[str, str]) -> Content:
    """The page below a problem: the search as it was typed, or the way back."""
    match = _LICENSE.fullmatch(path)
    if match is None:
        return pages.search_page(fields)
    back = html.link("/licenses", "Back to the licenses")
    if match[2]:
        back = html.link(address_of(match[1]), "Back to the license")
    return Content("That did not work", html.navigation("Back", back))


def _same_page(path: str, form: dict[str, str]) -> str:
    kept = {name: form[name] for name in _FIELDS if name in form}
    return f"{path}?{urlencode(kept)}" if kept else path


def _command_of(path: str) -> str:
    """The command that does what this page does, and whose rights it needs."""
    match = _LICENSE.fullmatch(path)
    if match is not None:
        action = match[2] or "show"
        return "seat release" if action == "release" else f"license {action}"
    return "request explain" if path.startswith("/explain") else "license list"


def _try(path: str, act: Callable[[], _T]) -> tuple[_T | None, str]:
    """What it returns, or what went wrong as a part of a page."""
    try:
        return act(), ""
    except (BotoCoreError, ClientError) as error:
        known: AdminError | KeyferryError = with_policy(explain_aws(error), _command_of(path))
    except (AdminError, KeyferryError) as error:
        known = error
    step = _AGAIN if isinstance(known, ExpiredCredentials) else known.next_step
    return None, html.problem(f"{str(known).rstrip('.')} ({known.code})", step)
