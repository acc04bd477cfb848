"""The wizard in a made-up language, at the prompt and in its window: no English but names."""

import getpass
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from html import unescape
from pathlib import Path

import pytest

from keyferry import __version__
from keyferry.wizard.html import closed_page, over_page, page_html
from keyferry.wizard.pages import Page
from keyferry.wizard.session import Session
from keyferry_protocol import messages
from keyferry_protocol.messages import use_language
from tests.client.wizard.test_window import Browser
from tests.client.wizard.typist import Typist
from tests.support.desk import Desk, open_window
from tests.support.offline import LAB_07, LAB_09
from tests.support.pseudo import PSEUDO, english_in, write_pseudo
from tests.support.samples import CODE, DAY, NOW, NUMBER

NAMES = (
    *("Example Modeler", "Example Software", "Professional", "Nordhaven Pilot Plant", "LAB-07"),
    *("LAB-09", "keyferry request", "keyferry update", "keyferry", "--replaces-seat"),
    *("licensing@example.com", "activate.example.com", "https://activate.example.com"),
    *(
        "Windows 11 Pro 23H2",
        f"keyferry {__version__}",
        "solver",
        "threads",
        "/media/gone",
        "zwei",
        f" {getpass.getuser()} ",
        "GB",
    ),
)
FACTS = re.compile(
    r"/[\w./-]+( \(1\)\.txt)?|\b[\w-]+\.(request|response|svg)\b| \([a-z-]+\)$", re.M
)
TAGS = re.compile(r"<style.*?</style>|<[^>]*>", re.DOTALL)
SPOKEN = re.compile(r'(?:aria-label|alt|title|placeholder|data-label)="([^"]*)"')

Do = Callable[[Desk], object]


@pytest.fixture(autouse=True)
def _pseudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "messages"
    folder.mkdir()
    write_pseudo(folder)
    monkeypatch.setattr(messages, "FOLDER", str(folder))
    monkeypatch.setenv("KEYFERRY_LANG", PSEUDO)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Page]:
    """Every page that is shown, by its screen and its window."""
    pages: dict[str, Page] = {}
    page_of = Session.page

    def page(session: Session) -> Page:
        page = page_of(session)
        pages[page_html(page, session.vendor, session.support)] = page
        return page

    monkeypatch.setattr(Session, "page", page)
    return pages


def english_on(html: str, names: tuple[str, ...]) -> list[str]:
    """What a person reads of a page, or hears."""
    text = TAGS.sub("\n", html) + "\n" + "\n".join(SPOKEN.findall(html))
    return english_in(FACTS.sub("", without(names, unescape(text))))


def without(names: tuple[str, ...], text: str) -> str:
    for name in sorted((*names, *NAMES), key=len, reverse=True):
        text = text.replace(name, "")
    return text


def nothing(desk: Desk) -> None:
    pass


def waits(desk: Desk) -> None:
    request = desk.room.request()
    desk.give_device_key()
    (desk.desktop / "015120020093-7f3a.request").write_bytes(request)


def active(desk: Desk) -> None:
    desk.room.activate()


def overdue(desk: Desk) -> None:
    desk.room.activate(check_in_by=NOW + DAY)
    desk.room.now += 2 * DAY


def clock_back(desk: Desk) -> None:
    desk.room.activate()
    desk.room.now -= 3 * DAY


def another_computer(desk: Desk) -> None:
    desk.room.activate()
    desk.room.machine = LAB_09


def guest(desk: Desk) -> None:
    desk.room.machine = replace(LAB_07, environment="virtual")


def longer(desk: Desk) -> None:
    desk.answer(valid_until=NOW + 700 * DAY)


def wrong_file(desk: Desk) -> None:
    (desk.downloads / "x.response").write_bytes(b"{}")


START = ("1", "", NUMBER)
TO_SENDING = (*START, "", CODE, "")
SAVED = (*TO_SENDING, "", "", "", "")
WAYS: list[tuple[Do, list[str | Do]]] = [
    (nothing, [*SAVED, Desk.answer, "?", "1", "", "", "4", "", "q"]),
    (nothing, [*START[:2], "01512002009", NUMBER, "?", "", CODE[:-1], CODE[:-1] + "0", "q", "q"]),
    (nothing, [*START, "2", "", "b", "", "b", "q", "q"]),
    (nothing, [*TO_SENDING[:-1], "2", "", "", "", "", "q"]),
    (nothing, ["1", "3", "zwei", "2", NUMBER, "", CODE, "", "", "", "", "", "q"]),
    (nothing, [*TO_SENDING, "", "/media/gone", "", "q", "q"]),
    (nothing, [*SAVED[:-1], "2", "2", "", "q"]),
    (nothing, [*TO_SENDING, "3", "", "q", "q"]),
    (nothing, ["1", "2", "", wrong_file, "", "q", "q"]),
    (guest, [*TO_SENDING, "", "", "", "n", "", "", "", "y", "", "q"]),
    (waits, ["2", "", "q"]),
    (waits, ["3", "", "q"]),
    (waits, ["6", "", NUMBER, "1", "", "q", "q"]),
    (active, ["1", "", "", "", "", "", longer, "1", "", "", "q"]),
    (active, ["6", "", NUMBER, "q", "q"]),
    (active, ["2", "", "q"]),
    (active, ["2", "", "1", "", Desk.answer, "1", "", "", "q"]),
    (active, ["3", "2", "q"]),
    (active, ["4", "", "q"]),
    (active, ["5", "", "q"]),
    (overdue, ["4", "", "q"]),
    (clock_back, ["1", "", "", "", "", "q", "q"]),
    (another_computer, ["4", "", "q"]),
]


@pytest.mark.parametrize(("begin", "lines"), WAYS)
def test_both_faces(
    desk: Desk, typed: Typist, drawn: dict[str, Page], begin: Do, lines: list[str | Do]
) -> None:
    begin(desk)
    bound = [line if isinstance(line, str) else partial(line, desk) for line in lines]
    printed = typed(*bound)
    names = tuple(line for line in lines if isinstance(line, str) and len(line) > 2)
    assert english_in(FACTS.sub("", without(names, printed.out + printed.err))) == []
    assert drawn
    for html in drawn:
        assert english_on(html, names) == []


def test_the_window_answers_in_the_language_it_was_opened_in(desk: Desk) -> None:
    with use_language(PSEUDO), open_window(desk) as window:
        browser = Browser(window)
        html = browser.start()
        assert f'<html lang="{PSEUDO}"' in html
        assert english_on(html, ()) == []
        for page in (closed_page(), over_page()):
            assert english_on(page, ()) == []
