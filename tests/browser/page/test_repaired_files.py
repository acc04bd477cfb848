"""Files that were changed on their way without losing a byte, in the browser itself."""

import gzip
import json
from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from keyferry_protocol.text_form import to_text_form
from tests.browser.page.fake_service import PROCESSING, UPLOADS, FakeService, a_request
from tests.browser.page.states import NOT_LOADED, choose
from tests.browser.page.test_states import paste
from tests.support.make_changed_files import CHANGED, as_eml, content, email, folded, quoted
from tests.support.samples import CODE
from tests.support.valid_files import request_file

REQUEST = a_request()
TEXT = REQUEST.decode()
LINK = "https://activate.example.com/#r=" + urlsafe_b64encode(to_text_form(REQUEST)).decode()


def test_the_browser_repairs_what_the_client_repairs(page: Page, site: str) -> None:
    page.goto(site)
    results: list[dict[str, Any]] = page.evaluate(
        """async (files) => {
            const { readFiles } = await import('./js/request-file.js');
            const results = [];
            for (const file of files) {
                const data = Uint8Array.from(atob(file), (c) => c.charCodeAt(0));
                const result = await readFiles([new File([data], 'x')]);
                const { problem, repairs = [], bytes } = result;
                const text = new TextDecoder().decode(bytes);
                results.push(problem ? { problem } : { repairs, text });
            }
            return results;
        }""",
        [b64encode(content(case)).decode() for case in CHANGED],
    )
    for case, result in zip(CHANGED, results, strict=True):
        if case["finds"] != "request":
            assert result == {"problem": case["page"]}, case["name"]
        else:
            assert result["repairs"] == case["repairs"], case["name"]
            assert not case["repairs"] or result["text"].encode() == request_file(), case["name"]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        pytest.param(gzip.compress(REQUEST), "it had been compressed", id="gzip"),
        pytest.param(TEXT.encode("utf-16"), "its text encoding had been changed", id="UTF-16"),
        pytest.param(as_eml(email(REQUEST)), "it was inside an email", id="e-mail"),
        pytest.param(
            quoted(folded(TEXT)).encode(),
            "it had been quoted in an email and its line breaks or quotation marks had been "
            "changed",
            id="quoted",
        ),
        pytest.param(
            as_eml(email(gzip.compress(REQUEST), text="x\n" * 60_000)),
            "it was inside an email and it had been compressed",
            id="in a long e-mail",
        ),
    ],
)
def test_what_was_repaired_is_said_and_the_repaired_file_is_sent(
    page: Page, site: str, data: bytes, what: str
) -> None:
    service = FakeService(page, PROCESSING)
    page.goto(site)
    choose(page, data, "Fwd.txt")
    expect(page.locator("#chosen .note")).to_have_text(f"The file was repaired: {what}.")
    expect(page.locator("#problems")).to_be_hidden()
    with page.expect_response(f"{UPLOADS}/**"):
        page.click("form button.primary")
    (upload,) = service.calls_by("UPLOAD")
    assert REQUEST in upload[2]
    assert data not in upload[2]


def test_a_file_as_it_was_made_has_no_note_and_loads_no_further_script(
    page: Page, site: str
) -> None:
    scripts: list[str] = []
    page.on("request", lambda request: scripts.append(request.url))
    page.goto(site)
    choose(page)
    expect(page.locator("#chosen h2")).to_be_visible()
    expect(page.locator("#chosen .note")).to_have_count(0)
    assert [url for url in scripts if "repair" in url] == []


def test_where_the_script_does_not_load_the_page_says_so(page: Page, site: str) -> None:
    page.route("**/js/repair.js", lambda route: route.abort())
    page.goto(site)
    choose(page, as_eml(email(REQUEST)))
    expect(page.locator("#problems a")).to_have_text(NOT_LOADED)


@pytest.mark.parametrize("into", ["body", "#email"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(LINK, id="a link"),
        pytest.param(f"Hello,\n\n{folded(LINK)}\n\nRegards", id="a wrapped link"),
        pytest.param(quoted(folded(TEXT)), id="a quoted file"),
        pytest.param(f"```\n{TEXT}\n```", id="a code fence"),
    ],
)
def test_a_pasted_text_is_repaired_wherever_it_is_pasted(
    page: Page, site: str, text: str, into: str
) -> None:
    page.goto(site)
    paste(page, text, into)
    expect(page.locator("#chosen h2")).to_contain_text("This file asks to activate")
    expect(page.locator("#chosen .note")).to_contain_text("The file was repaired:")
    assert page.input_value("#email") == ""


def test_a_code_from_an_email_is_a_code_and_an_address_loses_what_nobody_sees(
    page: Page, site: str
) -> None:
    service = FakeService(page, PROCESSING)
    page.goto(site)
    for separator in ("\u2013", "\u2011", "\u00a0", "\u00ad", "\u200b"):
        paste(page, f"\u200b{CODE.replace('-', separator)}\u00a0", "#email")
        expect(page.locator("#problems a")).to_contain_text("That is an activation code.")
        assert page.input_value("#email") == ""
    choose(page)
    page.fill("#email", "\u200bkim@example.com\u00a0\u2060")
    with page.expect_request("**/api/requests") as opened:
        page.click("form button.primary")
    assert opened.value.post_data_json["email"] == "kim@example.com"
    assert CODE[:6] not in json.dumps([str(call) for call in service.calls])


def test_a_cut_address_of_a_ticket_is_not_called_an_old_one(page: Page, site: str) -> None:
    service = FakeService(page, PROCESSING)
    page.goto(f"{site}#t={'t' * 41}")
    expect(page.locator("#problems a")).to_contain_text("This link is incomplete")
    assert service.calls == []
