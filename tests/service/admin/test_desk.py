"""`keyferry-admin desk`: its pages, its confirmations, and who may open it."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from html import escape
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from botocore.exceptions import ClientError

from keyferry_admin.desk.site import DeskSite
from keyferry_admin.desk.window import Window
from keyferry_admin.stack import Stack
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.license import LicenseRecord, Status
from keyferry_service.domain.refusals import Refusal, RefusalCode, RefusalRecord
from tests.service.admin.screens import GOLDEN
from tests.service.admin.test_explain import TICKET, Desk, answered, desk, run
from tests.support.builders import LAB_07, LAB_08, a_license, a_request_file
from tests.support.hostile_texts import MARKUP
from tests.support.samples import CODE, DAY, NOW, NUMBER

__all__ = ["desk", "run"]  # the fixtures
PATH = f"/license/{NUMBER}"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def _the_tables_in_memory_read_whole_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_use(self: Licenses, shown: Iterable[LicenseRecord]) -> Iterator[LicenseRecord]:
        return iter(self.read(license.number for license in shown))

    monkeypatch.setattr(Licenses, "with_use", with_use)


@pytest.fixture
def site(desk: Desk) -> DeskSite:
    return DeskSite(desk.stack)


def show(site: DeskSite, path: str, query: str = "") -> str:
    page = site.page(path, query)
    assert page is not None
    assert page.count("<h1>") == 1
    return page


def stored(desk: Desk) -> Any:
    license = desk.stack.licenses.get(NUMBER)
    assert license is not None
    return license


def confirmed(site: DeskSite, desk: Desk, action: str, **fields: str) -> str:
    """The page after a form that confirms the license as it is now."""
    form = {"revision": str(stored(desk).revision), **fields}
    path, _, query = site.submit(f"{PATH}/{action}", form).partition("?")
    return show(site, path, query)


def test_the_list_finds_sorts_and_leads_to_each_license(site: DeskSite, desk: Desk) -> None:
    for n in range(53):
        licensee = "Acme" if n == 52 else f"Nordhaven {99 - n}"
        desk.stack.licenses.create(a_license(number=f"{n:012}", licensee=licensee))
    first = show(site, "/")
    assert "53 licenses, page 1 of 2" in first
    assert '<a href="/license/000000000000">000.000.000.000</a>' in first
    assert '<a href="/licenses?page=2">Next page</a>' in first
    second = show(site, "/licenses", "page=2")
    assert '<a href="/license/000000000052">' in second
    assert "Next page" not in second
    matches = show(site, "/licenses", "words=acme&status=active&sort=licensee")
    assert "1 license</caption>" in matches
    assert 'value="acme"' in matches
    by_name = show(site, "/licenses", "sort=licensee")
    assert by_name.index("Acme") < by_name.index("Nordhaven 48")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("words=nobody", "No license matches."),
        ("", "No license yet."),
        ("ends-before=soon", "&#x27;soon&#x27; is no day like 2027-11-30"),
        ("page=9999999&status=nonsense&sort=nonsense", "No license yet."),
        ("&".join(f"f{n}=1" for n in range(60)), "No license yet."),
    ],
)
def test_a_search_without_a_result_says_so_and_keeps_what_was_typed(
    site: DeskSite, query: str, words: str
) -> None:
    page = show(site, "/licenses", query)
    assert words in page
    assert '<label class="label" for="field-words">Search</label>' in page


def test_a_license_has_all_that_show_prints(site: DeskSite, desk: Desk, run: Any) -> None:
    desk.stack.licenses.create(a_license(seats=2, contact="it@example.org"))
    answered(a_request_file(LAB_07), a_request_file(LAB_08))(desk.stack)
    refusal = Refusal(RefusalCode.NO_SEATS_LEFT, facts={"n": 2, "moves_left": 0})
    desk.stack.refusals.keep(RefusalRecord(NUMBER, NOW, "activate", "LAB-10", TICKET, refusal))
    document = run(f"license show {NUMBER} --json").json
    page = show(site, PATH)
    for text in ("2 of 2 in use", "LAB-07", "LAB-08", "LAB-10", "no-seats-left", "it@example.org"):
        assert text in page
    assert all(escape(step) in page for step in document["next_steps"])
    assert f'<a href="{PATH}/release?seat=2">Free seat 2</a>' in page
    assert f'<a href="{PATH}/history">History</a>' in page


def test_the_history_says_who_changed_what(site: DeskSite, desk: Desk, run: Any) -> None:
    desk.stack.licenses.create(a_license(seats=2))
    run(f"license change {NUMBER} --seats 5")
    page = show(site, f"{PATH}/history")
    assert "user/ada" in page
    assert "Seats: 5 (was 2)" in page


@pytest.mark.parametrize(
    ("until", "end"), [("2027-11-30", "30 November 2027"), ("+1y", "30 November 2027")]
)
def test_a_longer_license_says_before_and_after_and_asks_for_a_press(
    site: DeskSite, desk: Desk, until: str, end: str
) -> None:
    desk.stack.licenses.create(a_license(valid_until=NOW + 6 * DAY - NOW % DAY + DAY - 1))
    page = show(site, f"{PATH}/extend", urlencode({"until": until}))
    assert f"{end} (was 30 November 2026)" in page
    assert "License number</label>" not in page
    assert "Done: extend the license." in confirmed(site, desk, "extend", until=until)
    assert stored(desk).valid_until == NOW + 371 * DAY - NOW % DAY + DAY - 1


SHORT = {"until": "2026-12-01"}


@pytest.mark.parametrize(
    ("action", "fields", "words"),
    [
        ("extend", SHORT, "Shorten the license"),
        ("suspend", {}, "suspended (was active)"),
        ("release", {"seat": "1"}, "free (was LAB-07 since 24 November 2026)"),
        ("undo", {}, "2 (was 5)"),
    ],
)
def test_who_takes_rights_away_reads_how_far_it_reaches_and_types_the_number(
    site: DeskSite, desk: Desk, run: Any, action: str, fields: dict[str, str], words: str
) -> None:
    desk.stack.licenses.create(a_license(seats=2))
    answered(a_request_file(LAB_07))(desk.stack)
    run(f"license change {NUMBER} --seats 5")
    page = show(site, f"{PATH}/{action}", urlencode(fields))
    assert words in page
    assert "In use on 1 computer. It goes on working there" in page
    assert "This takes rights away" in page
    assert "type the number of this license: 015.120.020.093" in page
    before = stored(desk)
    for typed in ("", "015.120.020.094", "yes"):
        refused = confirmed(site, desk, action, typed=typed, **fields)
        assert "That is not the number of this license (not-confirmed)" in refused
        assert stored(desk) == before
    assert "Done: " in confirmed(site, desk, action, typed="015.120.020.093", **fields)
    assert stored(desk) != before


def test_an_undo_that_gives_rights_back_says_so_and_asks_for_no_number(
    site: DeskSite, desk: Desk, run: Any
) -> None:
    desk.stack.licenses.create(a_license())
    run(f"license suspend {NUMBER} --yes")
    page = show(site, f"{PATH}/undo")
    assert "active (was suspended)" in page
    assert "Check what you undo" in page
    assert "This takes rights away" not in page
    assert "type the number" not in page
    assert "Done: " in confirmed(site, desk, "undo")
    assert stored(desk).status is Status.ACTIVE


@pytest.mark.parametrize(
    ("action", "changed"), [("resume", "active (was suspended)"), ("allow-move", "5 left (1 of")]
)
def test_what_gives_rights_is_confirmed_by_a_press(
    site: DeskSite, desk: Desk, action: str, changed: str
) -> None:
    desk.stack.licenses.create(a_license(status=Status.SUSPENDED, seats_used=1, seats_ever_used=1))
    assert changed in show(site, f"{PATH}/{action}")
    assert "Done: " in confirmed(site, desk, action)
    assert f"<bdi>{changed}" not in show(site, f"{PATH}/{action}")


def test_a_form_sent_twice_or_late_changes_nothing_more(site: DeskSite, desk: Desk) -> None:
    desk.stack.licenses.create(a_license(valid_until=NOW + DAY))
    form = {"until": "+1y", "revision": str(stored(desk).revision)}
    site.submit(f"{PATH}/extend", dict(form))
    once = stored(desk)
    path, _, query = site.submit(f"{PATH}/extend", dict(form)).partition("?")
    assert "The license changed after this page was made (license-changed)" in show(
        site, path, query
    )
    assert stored(desk) == once


def test_a_revoked_license_offers_no_change_and_takes_none(site: DeskSite, desk: Desk) -> None:
    desk.stack.licenses.create(a_license(status=Status.REVOKED))
    assert "nothing about it can change" in show(site, PATH)
    for action in ("extend", "suspend", "resume", "allow-move", "undo", "release"):
        assert "(license-revoked)" in show(site, f"{PATH}/{action}", "until=never&seat=1")
        assert "(license-revoked)" in confirmed(site, desk, action, until="never", seat="1")


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("/license/015120020094", "", "There is no license 015120020094 (no-such-license)"),
        (f"{PATH}/extend", "until=soon", "&#x27;soon&#x27; is no day like 2027-11-30"),
        (f"{PATH}/extend", "", "&#x27;&#x27; is no day like 2027-11-30"),
        (f"{PATH}/release", "seat=7", "No computer has seat 7 of license"),
        (f"{PATH}/release", f"seat={quote('²')}", "A seat has a number"),
        (f"{PATH}/undo", "", "The last change of license 015120020093 was create"),
    ],
)
def test_bad_input_is_told_with_its_code_and_a_way_back(
    site: DeskSite, desk: Desk, path: str, query: str, words: str
) -> None:
    desk.stack.licenses.create(a_license())
    page = show(site, path, query)
    assert words in page
    assert "Back to the license" in page


@pytest.mark.parametrize(
    "path", ["/license/", "/license/1", f"{PATH}/nonsense", f"{PATH}/new-code", "/explained", "/x"]
)
def test_there_are_no_other_pages(site: DeskSite, desk: Desk, path: str) -> None:
    desk.stack.licenses.create(a_license())
    assert site.page(path, "") is None


def explained(site: DeskSite, **form: str) -> str:
    return show(site, site.submit("/explain", form))


def test_a_request_file_is_explained_and_nothing_is_written(site: DeskSite, desk: Desk) -> None:
    desk.stack.licenses.create(a_license(seats=1))
    answered(a_request_file(LAB_07))(desk.stack)
    before = desk.rows()
    page = explained(site, file=a_request_file(LAB_08).decode("latin-1"))
    assert "Refused now: no-seats-left" in page
    assert f"<code>keyferry-admin license change {NUMBER} --seats 2</code>" in page
    assert "The customer reads" in page
    assert "Answered now: " in explained(site, file=a_request_file(LAB_07).decode("latin-1"))
    assert desk.rows() == before


@pytest.mark.parametrize("file", ["x", "\xff\0", "{}" * 8000, "☃" * 9000])
def test_a_file_that_is_no_request_is_explained_too(site: DeskSite, file: str) -> None:
    assert "Refused now: unreadable-request" in explained(site, file=file)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, "nothing-to-explain"),
        ({"file": "", "ticket": " "}, "nothing-to-explain"),
        ({"ticket": "abc"}, "no-such-ticket"),
    ],
)
def test_a_request_that_is_not_there_is_told(
    site: DeskSite, monkeypatch: pytest.MonkeyPatch, form: dict[str, str], code: str
) -> None:
    monkeypatch.setattr(Stack, "files", NoFiles())
    assert site.submit("/explain", form) == "/explain"
    assert f"({code})" in show(site, "/explain")


def test_text_of_customers_is_text_and_nothing_else(site: DeskSite, desk: Desk) -> None:
    for n, evil in enumerate(MARKUP):
        desk.stack.licenses.create(
            a_license(number=f"{n:012}", licensee=evil, note=evil, reference=evil)
        )
    pages = [show(site, "/"), show(site, "/licenses", urlencode({"words": MARKUP[0]}))]
    for n in range(len(MARKUP)):
        pages += [show(site, f"/license/{n:012}"), show(site, f"/license/{n:012}/suspend")]
    for page in pages:
        assert page.count("<script") == 1  # alive.js
        assert not [evil for evil in MARKUP if evil != escape(evil) and evil in page]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredTokenException", "start it again: keyferry-admin desk"),
        ("AccessDeniedException", "for ReadPolicy and SupportPolicy: docs/operations/roles.md"),
    ],
)
def test_a_refusal_of_aws_is_a_sentence_and_the_desk_goes_on(
    site: DeskSite, desk: Desk, monkeypatch: pytest.MonkeyPatch, code: str, words: str
) -> None:
    desk.stack.licenses.create(a_license())

    def refuse(*_: Any, **__: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "refused"}}, "GetItem")

    with monkeypatch.context() as patch:
        patch.setattr(type(desk.stack.licenses), "get", refuse)
        assert '<section class="panel bad"' in show(site, PATH)
        site.submit(f"{PATH}/suspend", {"revision": "1"})
        assert words in show(site, "/explain")
    assert "In use" not in show(site, "/explain")
    assert "015.120.020.093" in show(site, PATH)


class NoFiles:
    """Buckets in which no file is left."""

    def uploads(self, beginning: str) -> list[Any]:
        return []


@contextmanager
def opened(stack: Stack) -> Iterator[Window]:
    window = Window(DeskSite(stack))
    thread = threading.Thread(target=window.serve)
    thread.start()
    try:
        yield window
    finally:
        window.end()
        thread.join(timeout=10)
        assert not thread.is_alive()


def ask(
    window: Window, method: str, path: str, body: str = "", **headers: str
) -> tuple[int, dict[str, str], str]:
    host, _, port = window.authority.partition(":")
    connection = HTTPConnection(host, int(port), timeout=10)
    sent = {"Host": window.authority, **headers}
    connection.request(
        method, path, body or None, {name.replace("_", "-"): text for name, text in sent.items()}
    )
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, {name.lower(): text for name, text in answer.getheaders()}, text


@pytest.mark.attack
def test_only_the_browser_with_the_start_link_gets_in(desk: Desk) -> None:
    desk.stack.licenses.create(a_license())
    with opened(desk.stack) as window:
        start = window.start_link.removeprefix(f"http://{window.authority}")
        assert ask(window, "GET", "/")[0] == 403
        assert ask(window, "GET", "/?key=wrong")[0] == 403
        status, headers, _ = ask(window, "GET", start)
        assert status == 200
        cookie = headers["set-cookie"]
        assert {"SameSite=Strict", "HttpOnly"} <= set(cookie.split("; "))
        cookie = cookie.partition(";")[0]
        for path in ("/", "/licenses", PATH, f"{PATH}/suspend", "/explain"):
            status, headers, text = ask(window, "GET", path, Cookie=cookie)
            assert status == 200
            assert headers["cache-control"] == "no-store"
            assert headers["content-security-policy"].startswith("default-src 'none'; ")
            assert CODE not in text
            assert ask(window, "GET", path)[0] == 403
            assert ask(window, "GET", path, Cookie=cookie, Host="localhost:1")[0] == 403
        form = urlencode({"typed": NUMBER, "revision": str(stored(desk).revision)})
        own = f"http://{window.authority}"
        for origin in ({}, {"Origin": "null"}, {"Origin": "https://evil.example"}):
            sent = {"Cookie": cookie, "Content_Type": FORM, **origin}
            assert ask(window, "POST", f"{PATH}/suspend", form, **sent)[0] == 403
        assert ask(window, "POST", f"{PATH}/suspend", form, Origin=own)[0] == 403
        assert stored(desk).status is Status.ACTIVE
        sent = {"Cookie": cookie, "Content_Type": FORM, "Origin": own}
        status, headers, _ = ask(window, "POST", f"{PATH}/suspend", form, **sent)
        assert (status, headers["location"]) == (303, PATH)
        assert stored(desk).status is Status.SUSPENDED
        assert ask(window, "GET", start)[0] == 403
        assert ask(window, "GET", "/nothing", Cookie=cookie)[0] == 404
        assert ask(window, "POST", "/close", "x=1", **sent)[0] == 200


def test_the_command_prints_its_link_and_ends_with_ctrl_c(
    run: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Window) -> None:
        self.server_close()
        raise KeyboardInterrupt

    monkeypatch.setattr(Window, "serve", interrupted)
    assert run("desk --help").out == (GOLDEN / "desk-help.txt").read_text()
    ran = run("desk --no-browser")
    assert (ran.exit, ran.err) == (0, "")
    assert "http://127.0.0.1:" in ran.out
    monkeypatch.setenv("SSH_CONNECTION", "here")  # where a browser of the terminal would take it
    assert run("desk").out.startswith("Open this link in a browser on this computer:\n")
    assert run("desk --no-browser --json").json["link"].startswith("http://127.0.0.1:")


def test_only_the_licensee_is_in_an_address_and_no_code(site: DeskSite, desk: Desk) -> None:
    desk.stack.licenses.create(replace(a_license(), licensee="Acme"))
    following = site.submit(f"{PATH}/suspend", {"typed": CODE, "revision": "1"})
    assert following == f"{PATH}/suspend"
