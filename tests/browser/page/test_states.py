"""Every state of the page, its sentences and its focus, with a fake service."""

import json
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Browser, Page, expect

from keyferry_admin.use_cases.site import site_files
from keyferry_protocol.messages import message, sentences
from keyferry_service.domain.refusals import Refusal, RefusalCode
from tests.browser.page.check_vendor import SITE
from tests.browser.page.fake_service import (
    PROCESSING,
    STEM,
    TICKET,
    FakeService,
    a_request,
    nothing_to_install,
    ready,
    refused,
)
from tests.browser.page.states import SEATS, STATES, choose, process
from tests.support.samples import CODE, NUMBER


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.tagName"))


def test_the_form_has_its_tab_order(page: Page, site: str) -> None:
    page.goto(site)
    expect(page).to_have_title("Get your response file – Example")
    stops = []
    for _ in range(6):
        page.keyboard.press("Tab")
        stops.append(
            page.evaluate(
                "(document.activeElement.id || document.activeElement.text "
                "|| document.activeElement.textContent).trim()"
            )
        )
    assert stops == [
        "skip",
        "choose",
        "email",
        "process",
        "licensing@example.com",
        "How this works and what the file contains",
    ]


def test_a_chosen_file_is_described_and_nothing_is_sent(page: Page, site: str) -> None:
    page.goto(site)
    page.wait_for_load_state("networkidle")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.focus("#choose")
    choose(page)
    panel = page.locator("#chosen")
    expect(panel.locator("h2")).to_have_text("This file asks to activate license 015.120.020.093")
    text = " ".join(panel.locator("dl").inner_text().split())
    assert "Product Example Modeler 4.2.0" in text
    assert "Computer LAB-07, Windows 11 Pro" in text
    assert "For Everyone on the offline computer" in text
    assert re.search(r"Created 24 November 2026, 10:47 \(.+\)", text)
    assert "Also in the file 6 one-way codes that let us recognize the computer" in text
    expect(panel).to_contain_text("Nothing has been sent yet.")
    expect(page.locator("#status")).to_have_text(
        "This file asks to activate license 015.120.020.093"
    )
    expect(page.locator("#choose")).to_have_text("Choose another file")
    assert focused(page) == "choose"
    assert sent == []


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        ({"kind": "deactivate"}, ["asks to deactivate", "This frees the seat for another"]),
        ({"kind": "update"}, ["asks to update license"]),
        ({"replaces_seat": 2}, ["in place of a lost or broken computer", "will get no more"]),
        ({"created_at": "2026-01-01T00:00:00Z"}, ["days old. That is fine if nothing has changed"]),
    ],
)
def test_each_kind_of_request_has_its_own_sentences(
    page: Page, site: str, changes: dict[str, Any], sentences: list[str]
) -> None:
    page.goto(site)
    choose(page, a_request(**changes))
    for sentence in sentences:
        expect(page.locator("#chosen")).to_contain_text(sentence)


def test_an_empty_form_lists_each_problem_with_a_link_to_its_field(page: Page, site: str) -> None:
    page.goto(site)
    page.fill("#email", "nobody")
    page.click("text=Process request file")
    expect(page.locator("#problems")).to_be_focused()
    links = page.locator("#problems a")
    expect(links).to_have_text(
        ["Choose the request file", "Enter an email address like name@example.com"]
    )
    links.nth(1).click()
    assert focused(page) == "email"
    assert page.get_attribute("#email", "aria-invalid") == "true"
    links.nth(0).click()
    assert focused(page) == "choose"
    assert "#" not in page.url


def test_the_title_says_error_until_every_problem_is_repaired(page: Page, site: str) -> None:
    page.goto(site)
    page.fill("#email", "nobody")
    page.click("text=Process request file")
    expect(page).to_have_title("Error: Get your response file – Example")
    page.fill("#email", "kim@example.com")
    page.press("#email", "Tab")
    expect(page.locator("#email-fault")).to_be_hidden()
    expect(page).to_have_title("Error: Get your response file – Example")
    choose(page)
    expect(page).to_have_title("Get your response file – Example")
    expect(page.locator("#problems")).to_be_hidden()


def test_a_secret_typed_or_pasted_leaves_no_trace(page: Page, site: str) -> None:
    service = FakeService(page, PROCESSING)
    page.goto(site)
    page.wait_for_load_state("networkidle")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    choose(page)
    page.fill("#email", CODE)
    page.click("text=Process request file")
    expect(page.locator("#email-fault")).to_contain_text("That is an activation code.")
    paste(page, CODE.upper())
    expect(page.locator("#file-fault")).to_contain_text("That is an activation code.")
    paste(page, NUMBER, "#email")
    expect(page.locator("#email-fault")).to_contain_text("That is a license number.")
    assert page.input_value("#email") == ""
    tab_state = page.evaluate(
        """async () => document.documentElement.outerHTML
            + [...document.querySelectorAll('input')].map((input) => input.value)
            + [sessionStorage, localStorage, history.state].map((state) => JSON.stringify(state))
            + location.href + document.cookie + (await indexedDB.databases()).length
            + (await caches.keys())"""
    )
    assert [group for group in CODE.split("-") if group in tab_state.lower()] == []
    assert service.calls == []
    assert [url for url in sent if "/js/" not in url] == []  # the click loads what sends a file


def paste(page: Page, text: str, into: str = "body") -> None:
    page.evaluate(
        """([text, into]) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData('text/plain', text);
            const event = new ClipboardEvent('paste',
                { clipboardData, bubbles: true, cancelable: true });
            document.querySelector(into).dispatchEvent(event);
        }""",
        [text, into],
    )


def test_a_file_may_be_dropped_anywhere_or_its_text_pasted(page: Page, site: str) -> None:
    page.goto(site)
    drop = """([text, type]) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([text], 'x'));
        document.querySelector('footer').dispatchEvent(
            new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    }"""
    page.evaluate(drop, [a_request().decode(), "dragover"])
    expect(page.locator("#status")).to_have_text("Drop the file anywhere on this page.")
    page.evaluate(drop, [a_request().decode(), "drop"])
    expect(page.locator("#chosen h2")).to_contain_text("This file asks to activate")
    page.reload()
    paste(page, a_request(kind="update").decode())
    expect(page.locator("#chosen h2")).to_contain_text("This file asks to update")


def test_ready_saves_the_file_and_shows_the_next_steps(page: Page, site: str) -> None:
    sent = ready(email="sent", link_expires_at="2026-12-01T23:30:00Z")
    service = FakeService(page, PROCESSING, ready(email="pending"), sent)
    with page.expect_download() as saved:
        process(page, site, "kim@example.com")
    assert saved.value.suggested_filename == f"{STEM}.response"
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    expect(page.locator("h1")).to_be_focused()
    expect(page).to_have_title("Your response file is ready – Example")
    view = page.locator("#view")
    expect(view).to_contain_text(f"{STEM}.response is being saved to this device's downloads.")
    expect(page.locator("ol.steps li")).to_have_text(
        [
            "Copy the file to a USB drive, or send it the way the request file came.",
            "On LAB-07, open Example Modeler > License Configuration, choose 015.120.020.093, "
            f"then Activate. Or run: keyferry install {STEM}.response",
        ]
    )
    expect(page.locator("#mail")).to_have_text(
        "The link was also emailed to kim@example.com. It works until 1 December 2026."
    )
    assert page.url.endswith(f"#t={TICKET}")
    assert page.inner_text("#status") == ""
    opened, uploaded = service.calls[:2]
    assert opened == ("POST", "requests", {"email": "kim@example.com", "language": "en"})
    assert uploaded[2].index(b'name="key"') < uploaded[2].index(b'name="file"')
    assert a_request() in uploaded[2]


def test_each_click_on_download_again_requests_a_fresh_url(page: Page, site: str) -> None:
    service = FakeService(page, ready(), ready(download_url="https://uploads.test/second"))
    with page.expect_download():
        process(page, site)
    for _ in range(2):
        with page.expect_download():
            page.click("text=Download again")
    downloads = [url for method, url, _ in service.calls if method == "SAVE"]
    assert downloads[1:] == ["https://uploads.test/second"] * 2
    assert len(service.calls_by("GET")) == 3


def test_a_seat_is_free_and_there_is_nothing_to_install(page: Page, site: str) -> None:
    """Its application trusts no key of today, and would call a receipt a forgery."""
    service = FakeService(page, nothing_to_install(email="sent"))
    process(page, site, "kim@example.com")
    expect(page.locator("h1")).to_have_text("The seat is free again")
    expect(page.locator(".lead")).to_have_text(
        "You are done. There is nothing to install. This version of Example Modeler is too old to"
        " accept our current signature, so it would reject a receipt."
    )
    expect(page.locator("#mail")).to_have_text("This was also emailed to kim@example.com.")
    assert page.locator("#view button").all_inner_texts() == ["Process another file"]
    assert page.locator("#view .steps, #view .panel").count() == 0
    assert [method for method, _, _ in service.calls] == ["POST", "UPLOAD", "GET"]


@pytest.mark.parametrize(
    ("changes", "title", "sentences"),
    [
        (
            {"kind": "deactivate"},
            "The seat is free again",
            [
                "Install this receipt on LAB-07 to finish the deactivation there.",
                "On LAB-07, open Example Modeler > License Configuration, choose "
                "015.120.020.093, and install the receipt.",
                f"Or run: keyferry install {STEM}.response",
            ],
        ),
        (
            {"kind": "update", "previous_valid_until": "2026-11-30T23:59:59Z"},
            "Your updated license is ready",
            ["30 November 2027 (was 30 November 2026)"],
        ),
        (
            {"kind": "update"},
            "Your updated license is ready",
            [
                "30 November 2027",
                "choose 015.120.020.093, and install the update. Or run: keyferry install",
            ],
        ),
        (
            {"kind": "update", "valid_until": None},
            "Your updated license is ready",
            ["No end date"],
        ),
        (
            {
                "kind": "update",
                "valid_until": None,
                "previous_valid_until": "2026-11-30T23:59:59Z",
            },
            "Your updated license is ready",
            ["No end date (was 30 November 2026)"],
        ),
        (
            {"machine_name": "", "valid_until": None},
            "Your response file is ready",
            ["On the offline computer, open Example Modeler"],
        ),
    ],
)
def test_ready_has_its_own_sentences_for_each_kind(
    page: Page, site: str, changes: dict[str, Any], title: str, sentences: list[str]
) -> None:
    FakeService(page, ready(**changes))
    process(page, site)
    expect(page.locator("h1")).to_have_text(title)
    for sentence in sentences:
        expect(page.locator("#view")).to_contain_text(sentence)


@pytest.mark.parametrize(
    ("email", "sentence"),
    [
        (
            "bounced",
            "The email to kim@example.com could not be delivered. You do not need it if you saved",
        ),
        ("withheld", "No email was sent: this license or address has reached today's limit."),
        ("pending", "The link is on its way to kim@example.com."),
    ],
)
def test_ready_shows_the_state_of_the_email(
    page: Page, site: str, email: str, sentence: str
) -> None:
    FakeService(page, ready(email=email))
    process(page, site, "kim@example.com")
    expect(page.locator("#mail")).to_contain_text(sentence)


def test_without_an_address_ready_does_not_mention_email(page: Page, site: str) -> None:
    FakeService(page, ready())
    process(page, site)
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    expect(page.locator("#mail")).to_be_hidden()


def test_the_link_can_be_sent_to_another_address(page: Page, site: str) -> None:
    service = FakeService(page, ready(), ready(email="pending"))
    process(page, site)
    page.click("text=Send the link to another address")
    assert focused(page) == "another-email"
    page.click("text=Send >> nth=-1")
    expect(page.locator("#another-fault")).to_contain_text("Enter an email address")
    page.fill("#another-email", "lee@example.com")
    page.keyboard.press("Enter")
    expect(page.locator("#mail")).to_have_text("The link is on its way to lee@example.com.")
    assert ("POST", f"requests/{TICKET}/mail", {"email": "lee@example.com"}) in service.calls


@pytest.mark.parametrize(
    ("ticket", "mail"),
    [
        (
            refused("not-authentic", "They do not belong together", "Compare.", email="withheld"),
            "No email was sent.",
        ),
        (
            refused(
                "no-seats-left",
                "All seats are in use",
                "Run `keyferry doctor` there.",
                email="sent",
                seats=SEATS,
                moves_left=2,
            ),
            "This was also emailed to kim@example.com.",
        ),
    ],
)
def test_refused_shows_title_next_step_and_seats(
    page: Page, site: str, ticket: dict[str, Any], mail: str
) -> None:
    FakeService(page, ticket)
    process(page, site, "kim@example.com")
    refusal = ticket["refusal"]
    expect(page.locator("h1")).to_have_text(refusal["title"])
    expect(page.locator("h1")).to_be_focused()
    expect(page).to_have_title(f"{refusal['title']} – Example")
    expect(page.locator("#refusal-detail")).to_have_text(refusal["detail"].replace("`", ""))
    expect(page.locator("#view")).to_contain_text("Your request file is unchanged.")
    expect(page.locator("#mail")).to_have_text(mail)
    rows = page.locator("#seats tbody tr")
    expect(rows).to_have_count(len(refusal.get("seats", [])))
    if "seats" in refusal:
        first = rows.nth(0).inner_text().replace("\xa0", " ")
        assert first.split("\t") == [
            "1",
            "LAB-07",
            "24 Nov 2026",
            "24 Nov 2026",
        ]
    page.click("text=Process another file")
    expect(page.locator("h1")).to_have_text("Get your response file")
    assert "#" not in page.url
    assert page.input_value("#email") == "kim@example.com"


def test_reload_and_back_return_to_the_same_state(page: Page, site: str) -> None:
    service = FakeService(page, ready(email="sent", link_expires_at="2026-12-01T09:00:00Z"))
    with page.expect_download():
        process(page, site, "kim@example.com")
    expect(page.locator("#mail")).to_contain_text("kim@example.com")
    page.reload()
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    expect(page.locator("#mail")).to_contain_text("emailed to the address you gave.")
    expect(page.locator("#view")).to_contain_text("was already saved to this device's downloads")
    assert len(service.calls_by("SAVE")) == 1
    page.go_back()
    expect(page.locator("h1")).to_have_text("Get your response file")
    page.go_forward()
    expect(page.locator("h1")).to_have_text("Your response file is ready")


@pytest.mark.parametrize(
    ("ticket", "title"),
    [
        (PROCESSING, "Processing your request"),
        (ready(), "Your response file is ready"),
        (refused("license-revoked", "This license has been revoked", "Ask."), "has been revoked"),
    ],
)
def test_the_url_of_a_ticket_returns_to_waiting_ready_and_refused(
    page: Page, site: str, ticket: dict[str, Any], title: str
) -> None:
    FakeService(page, ticket)
    saving = page.expect_download() if ticket["state"] == "ready" else nullcontext()
    with saving:  # a reload would stop it
        process(page, site)
    expect(page.locator("h1")).to_contain_text(title)
    page.wait_for_url("**/#t=*")
    page.reload()
    expect(page.locator("h1")).to_contain_text(title)
    page.go_back()
    expect(page.locator("h1")).to_have_text("Get your response file")
    page.go_forward()
    expect(page.locator("h1")).to_contain_text(title)


def test_an_email_withheld_from_another_address_is_reported(page: Page, site: str) -> None:
    FakeService(page, ready(), ready(email="pending"), ready(email="withheld"))
    process(page, site)
    page.click("text=Send the link to another address")
    page.fill("#another-email", "lee@example.com")
    page.click("text=Send >> nth=-1")
    expect(page.locator("#mail")).to_have_text(
        "No email was sent: this license or address has reached today's limit. Save the file here."
    )
    expect(page.locator("h1")).to_have_text("Your response file is ready")


REFUSALS = sorted(
    name.removesuffix(".title") for name in sentences("refusals") if name.endswith(".title")
)
FACTS = {"product": "Example Modeler", "vendor": "Example", "support": "licensing@example.com"}


@pytest.mark.parametrize("key", REFUSALS)
def test_each_refusal_shows_its_title_and_its_next_step(page: Page, site: str, key: str) -> None:
    code = key.split(".")[0]
    proven = Refusal(RefusalCode(code)).is_proven
    title, step = (message(f"refusals.{key}.{part}", **FACTS) for part in ("title", "next-step"))
    email = "sent" if proven else "withheld"
    FakeService(page, refused(code, title, step, email=email, seats=SEATS[:1]))
    process(page, site, "kim@example.com")
    expect(page.locator("h1")).to_have_text(title)
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator("#refusal-detail")).to_have_text(step.replace("`", ""))
    expect(page.locator("#view")).to_contain_text("Your request file is unchanged.")
    expect(page.locator("#mail")).to_have_text(
        "This was also emailed to kim@example.com." if proven else "No email was sent."
    )
    # Once, with what to ask for in the email's subject.
    expect(page.get_by_text("Help: licensing@example.com").filter(visible=True)).to_have_count(1)
    expect(page.locator("#view")).to_contain_text("Help: licensing@example.com")


CHANGED_IN_PLACE = {
    "empty",
    "how this works",
    "file chosen",
    "old file for a lost computer",
    "response files",
    "problems",
    "another address",
    "refused, and a seat is chosen",
}


@pytest.mark.parametrize("state", sorted(STATES.keys() - CHANGED_IN_PLACE))
def test_each_change_of_state_moves_the_focus_and_empties_the_status(
    page: Page, site: str, state: str
) -> None:
    if state in {"gone", "down"}:  # reached by following a link, not by loading the page
        page.goto(site)
    STATES[state](page, site)
    expect(page.locator("h1")).to_be_focused()
    if state not in {"delayed", "offline", "not downloaded"}:  # announced later, in place
        expect(page.locator("#status")).to_be_empty()


def test_markup_in_a_text_is_shown_as_text(page: Page, site: str) -> None:
    markup = "<img src=x onerror=alert(1)>"
    FakeService(page, refused("not-authentic", markup, markup))
    page.goto(site)
    choose(page, a_request(), markup)
    page.click("text=Process request file")
    expect(page.locator("h1")).to_have_text(markup)
    assert page.locator("#view img").count() == 0


@pytest.mark.parametrize(
    ("query", "stored", "browser_language", "expected"),
    [
        ("", None, "en-US", "en"),
        ("", None, "ar-EG", "ar"),
        ("", "en", "ar-EG", "en"),
        ("?lang=ar", "en", "en-US", "ar"),
        ("?lang=xx", None, "xx", "en"),
    ],
)
def test_a_language_is_one_file_and_one_option(
    browser: Browser,
    site: str,
    query: str,
    stored: str | None,
    browser_language: str,
    expected: str,
) -> None:
    context = browser.new_context(locale=browser_language)
    page = context.new_page()
    service = FakeService(page, ready())
    arabic = {key: f"‏{text}؟" for key, text in sentences("page").items()}
    page.route("**/languages/ar.json", lambda route: route.fulfill(json=arabic))
    option = '<option value="ar">العربية</option></select>'
    index = site_files(SITE)["index.html"].decode().replace("</select>", option)
    page.route(f"{site}{query}", lambda route: route.fulfill(body=index, content_type="text/html"))
    page.add_init_script(f"localStorage.setItem('language', '{stored}')" if stored else "")
    process(page, f"{site}{query}")
    end = "؟" if expected == "ar" else ""
    expect(page.locator("h1")).to_have_text(re.compile(f"Your response file is ready{end}$"))
    expect(page.get_by_role("combobox")).to_have_value(expected)
    root = page.locator("html")
    expect(root).to_have_attribute("lang", expected)
    expect(root).to_have_attribute("dir", "rtl" if expected == "ar" else "ltr")
    expect(page.locator("code.name").first).to_have_attribute("dir", "ltr")
    expect(page.locator("li code").first).to_have_text(f"keyferry install {STEM}.response")
    assert service.calls_by("POST")[0][2]["language"] == expected
    context.close()


@pytest.mark.parametrize("size", [(1366, 650), (390, 664)])
@pytest.mark.parametrize("state", ["file chosen", "old file for a lost computer"])
def test_the_next_step_is_in_view_once_a_file_is_chosen(
    page: Page, site: str, state: str, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    STATES[state](page, site)
    expect(page.locator("#file-name")).to_have_text(f"{STEM}.request")
    expect(page.locator("#zone")).not_to_contain_text("drop it here", use_inner_text=True)
    expect(page.locator("#chosen button.primary")).to_be_in_viewport(ratio=1)


def test_a_replacement_names_its_seat_and_a_wrong_clock_its_year(page: Page, site: str) -> None:
    page.goto(site)
    choose(page, a_request("2031-05-01T00:00:00Z", replaces_seat=2))
    panel = page.locator("#chosen")
    expect(panel).to_contain_text(re.compile(r"Replaces\s*seat 2"))
    expect(panel).to_contain_text("Created in 2031: the offline computer's clock is ahead.")
    choose(page, a_request("1970-01-01T00:00:00Z"))
    expect(panel).to_contain_text("Created in 1970: the offline computer's clock is behind.")
    expect(panel).not_to_contain_text("days old")


def test_ready_states_its_facts_on_the_screen_and_on_paper(page: Page, site: str) -> None:
    until = "2027-11-30T23:59:59Z"
    FakeService(page, ready(kind="update", valid_until=until, previous_valid_until=until))
    process(page, site)
    facts = page.locator("#facts div")
    expect(facts).to_have_text(
        ["ComputerLAB-07", "Seat1", "EditionProfessional", "Ends30 November 2027"]
    )
    page.emulate_media(media="print")
    expect(facts.first).to_be_visible()


def test_refused_states_its_facts_and_sends_the_same_file_again(page: Page, site: str) -> None:
    refusal = refused("no-seats-left", "All seats are in use", "Ask.", seats=SEATS)
    service = FakeService(page, refusal, ready())
    process(page, site)
    facts = page.locator("#facts div")
    expect(facts).to_have_text(
        [
            "License015.120.020.093",
            "ComputerLAB-07, Windows 11 Pro",
            f"Request file{STEM}.request",
        ]
    )
    address = page.get_attribute("#view a[href^=mailto]", "href")
    assert address is not None
    assert unquote(address) == (
        "mailto:licensing@example.com?subject=License 015.120.020.093, LAB-07, Windows 11 Pro, "
        f"{STEM}.request: All seats are in use"
    )
    page.click("text=Try the same file again")
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    assert len(service.calls_by("UPLOAD")) == 2


def test_a_paste_on_ready_changes_nothing(page: Page, site: str) -> None:
    STATES["ready"](page, site)
    for text in (a_request().decode(), "anything"):
        paste(page, text)
    page.wait_for_timeout(100)
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    assert page.url.endswith(f"#t={TICKET}")


def test_another_address_is_offered_only_where_an_email_can_be_sent(page: Page, site: str) -> None:
    FakeService(page, ready(), ready(email="pending"))
    process(page, site)
    page.click("text=Send the link to another address")
    page.fill("#another-email", "lee@example.com")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_have_text("The link is on its way to lee@example.com.")
    FakeService(page, ready(email="withheld"))
    page.reload()
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    expect(page.locator("#send-another")).to_be_hidden()


def test_the_logo_fits_the_color_scheme(page: Page, site: str, tmp_path: Path) -> None:
    image = "data:image/png;base64,{}".format
    logo = {scheme: image(text) for scheme, text in (("light", "AAAA"), ("dark", "BBBB"))}
    vendor = json.loads((SITE / "vendor.json").read_text("utf-8")) | {"logo": logo}
    (tmp_path / "vendor.json").write_text(json.dumps(vendor))
    index = site_files(SITE, tmp_path)["index.html"].decode()
    page.route(site, lambda route: route.fulfill(body=index, content_type="text/html"))
    page.emulate_media(color_scheme="dark")
    page.goto(site)
    expect(page.get_by_alt_text("Example")).to_have_js_property("currentSrc", logo["dark"])
    page.emulate_media(color_scheme="light")
    expect(page.get_by_alt_text("Example")).to_have_js_property("currentSrc", logo["light"])
