"""A person, a browser and the real stack: from a request file to an installed license."""

import json
import re
from email import message_from_string
from email.policy import default
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Download, FilePayload, Page, Route, expect

from keyferry_protocol.envelope import RESPONSE, open_envelope
from tests.support.offline_computer import OfflineComputer
from tests.support.running_stack import RunningStack


def process(page: Page, stack: RunningStack, file: FilePayload, email: str = "") -> None:
    page.goto(stack.page)
    page.set_input_files("#file", file)
    page.fill("#email", email)
    page.click("text=Process request file")


def saved(page: Page, stack: RunningStack, file: FilePayload, email: str = "") -> Download:
    """The download that starts by itself."""
    with page.expect_download(timeout=60_000) as download:
        process(page, stack, file, email)
    return download.value


def stem(file: FilePayload) -> str:
    return Path(file["name"]).stem


def test_a_chosen_file_becomes_an_installed_license(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    file = offline.request()
    download = saved(page, stack, file)
    name = download.suggested_filename
    assert re.fullmatch(rf"{stem(file)}-\d+\.response", name)
    offline.install(download.path().read_bytes())
    assert offline.check().ok
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    expect(page.locator("h1")).to_be_focused()
    steps = page.locator("ol.steps")
    expect(steps).to_contain_text(f"On LAB-07, open {offline.product} > License Configuration")
    expect(steps).to_contain_text(f"keyferry install {name}")


def test_a_network_that_reaches_only_the_pages_host_carries_both_files(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    blocked: list[str] = []

    def block(route: Route) -> None:
        blocked.append(route.request.method)
        route.abort()

    page.route(lambda url: not url.startswith((stack.page, "blob:")), block)
    download = saved(page, stack, offline.request())
    offline.install(download.path().read_bytes())
    assert offline.check().ok
    assert {"POST", "GET"} <= set(blocked)


def test_a_chosen_file_is_described_and_nothing_is_sent_to_the_service(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    page.goto(stack.page)
    page.wait_for_load_state("networkidle")
    called: list[str] = []
    page.on("request", lambda request: called.append(request.url))
    page.set_input_files("#file", offline.request())
    panel = page.locator("#chosen")
    expect(panel).to_contain_text(f"This file asks to activate license {offline.shown_number}")
    expect(panel).to_contain_text("LAB-07, Debian GNU/Linux 12")
    expect(panel).to_contain_text(offline.product)
    expect(panel).to_contain_text("Nothing has been sent yet.")
    assert called == []


def test_a_wrong_activation_code_is_refused_with_a_next_step(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    address = f"wrong-{offline.number}@example.com"
    process(page, stack, offline.request_with_wrong_code(), address)
    title = "The license number and the activation code do not match"
    expect(page.locator("h1")).to_have_text(title, timeout=60_000)
    expect(page.locator("h1")).to_be_focused()
    expect(page.locator("#view")).to_contain_text(
        "Check both against your license email or letter, make a new request file on the "
        "offline computer, and choose it here."
    )
    expect(page.locator("#view")).to_contain_text("Your request file is unchanged.")
    expect(page.locator("#mail")).to_have_text("No email was sent.")
    assert mails(stack, address) == []
    page.reload()
    expect(page.locator("h1")).to_have_text(title)


def test_where_no_seat_is_left_a_lost_computer_is_replaced_in_the_same_trip(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    """By the page that the refusal's email leads back to, perhaps on another day."""
    saved(page, stack, offline.request(7))
    address = f"lost-{offline.number}@example.com"
    process(page, stack, offline.request(8), address)
    title = "The only seat on this license is in use"
    expect(page.locator("h1")).to_have_text(title, timeout=60_000)
    expect(page.locator("#seats tbody tr")).to_contain_text("LAB-07")
    expect(page.locator("#mail")).to_contain_text(f"emailed to {address}", timeout=60_000)
    (mail,) = mails(stack, address)
    assert "LAB-07" not in mail["text"] + mail["html"]
    (link,) = set(re.findall(r"https?://\S+#t=[\w-]{43}", mail["text"]))
    page.goto("about:blank")
    page.goto(link)
    page.get_by_role("button", name="This computer is lost or broken").click()
    expect(page.get_by_role("region")).to_contain_text("Replace LAB-07 (seat 1)?")
    expect(page.get_by_role("region")).to_contain_text("the 4 moves that this license has left")
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name="Replace LAB-07").click()
    offline.install(download.value.path().read_bytes(), 8)
    assert offline.check(8).ok
    expect(page.locator("#mail")).to_contain_text("The link was also emailed", timeout=60_000)
    assert len(mails(stack, address)) == 2


def test_a_request_that_allows_no_choice_is_told_which_seats_are_in_use(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    saved(page, stack, offline.request(7))
    process(page, stack, offline.request(8, choose_seat=False))
    expect(page.locator("#seats tbody tr")).to_contain_text("LAB-07", timeout=60_000)
    expect(page.locator("#seats button")).to_have_count(0)


def test_an_update_and_a_deactivation_have_their_own_sentences(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    offline.install(saved(page, stack, offline.request()).path().read_bytes())
    updated = saved(page, stack, offline.request(kind="update"))
    expect(page.locator("h1")).to_have_text("Your updated license is ready")
    offline.install(updated.path().read_bytes())
    assert offline.check().ok
    receipt = saved(page, stack, offline.request(kind="deactivate"))
    expect(page.locator("h1")).to_have_text("The seat is free again")
    expect(page.locator("#view")).to_contain_text(
        "Install this receipt on LAB-07 to finish the deactivation"
    )
    offline.install(receipt.path().read_bytes())


def test_with_the_keyboard_alone_from_the_first_tab_to_a_saved_file(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    page.on("filechooser", lambda _: None)  # registered before the key press that opens it
    page.goto(stack.page)
    press = page.keyboard.press
    press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    press("Tab")
    expect(page.locator("#choose")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        press("Enter")
    chooser.value.set_files(offline.request())
    expect(page.locator("#choose")).to_be_focused()
    press("Tab")
    page.keyboard.type("lee@example.com")
    press("Tab")
    with page.expect_download(timeout=60_000) as first:
        press("Space")
    expect(page.locator("h1")).to_be_focused()
    press("Tab")
    expect(page.locator("#again")).to_be_focused()
    with page.expect_download() as second:
        press("Enter")
    assert first.value.path().read_bytes() == second.value.path().read_bytes()
    offline.install(second.value.path().read_bytes())


def test_a_dropped_file_goes_the_same_way(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    page.goto(stack.page)
    page.evaluate(
        """(text) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([text], 'renamed by a phone.txt'));
            for (const type of ['dragover', 'drop']) document.body.dispatchEvent(
                new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
        }""",
        offline.request()["buffer"].decode(),
    )
    expect(page.locator("#chosen h2")).to_contain_text(offline.shown_number)
    with page.expect_download(timeout=60_000) as download:
        page.click("text=Process request file")
    offline.install(download.value.path().read_bytes())
    assert offline.check().ok


def test_an_uploaded_response_file_is_recognized(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    response = saved(page, stack, offline.request()).path().read_bytes()
    page.click("text=Process another file")
    file: FilePayload = {"name": "x.request", "mimeType": "", "buffer": response}
    page.set_input_files("#file", file)
    panel = page.locator("#chosen")
    expect(panel.locator("h2")).to_have_text("This is a response file")
    expect(panel.locator("dl")).to_contain_text(f"{offline.shown_number}, seat 1")
    expect(page.locator("#problems")).to_be_hidden()


def test_the_address_of_a_ticket_returns_to_its_state(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    saved(page, stack, offline.request())
    assert re.search("#t=[A-Za-z0-9_-]{43}$", page.url)
    page.reload()
    expect(page.locator("h1")).to_have_text("Your response file is ready")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Get your response file")
    page.goto(f"{stack.page}#t={'A' * 43}")
    expect(page.locator("h1")).to_have_text("We no longer have this request")


def test_the_link_in_the_mail_gives_the_file_that_the_browser_saved(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    file = offline.request()
    address = f"{stem(file)}@example.com"
    download = saved(page, stack, file, address)
    expect(page.locator("#mail")).to_contain_text(
        f"The link was also emailed to {address}. It works until", timeout=60_000
    )
    [mail] = mails(stack, address)
    message = message_from_string(mail["source"], policy=default)
    plain, styled = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert styled is not None
    links = set(
        re.findall(r"https?://[^\s\"<]+/api/[^\s\"<]+", plain.get_content() + styled.get_content())
    )
    assert len(links) == 1
    linked = requests.get(links.pop(), timeout=60)
    assert download.suggested_filename in linked.headers["Content-Disposition"]
    assert body(linked.content) == body(download.path().read_bytes())
    offline.install(linked.content)
    assert offline.check().ok


def test_the_link_can_be_sent_to_another_address(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    file = offline.request()
    address = f"second-{stem(file)}@example.com"
    saved(page, stack, file)
    page.click("text=Send the link to another address")
    page.keyboard.type(address)
    page.keyboard.press("Enter")
    expect(page.locator("#mail")).to_contain_text(f"emailed to {address}", timeout=60_000)
    assert len(mails(stack, address)) == 1


def test_the_page_is_served_under_its_policy(page: Page, stack: RunningStack) -> None:
    headers = requests.get(stack.page, timeout=60).headers
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in headers["Content-Security-Policy"].split(";")
        if directive.strip()
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    page.goto(stack.page)
    page.wait_for_load_state("networkidle")
    assert len(urls) <= 10
    assert all(url.startswith((stack.page, "data:")) for url in urls)


def body(response: bytes) -> bytes:
    return open_envelope(response, RESPONSE).body


def mails(stack: RunningStack, address: str) -> list[dict[str, Any]]:
    """What lies in the inbox for one address."""
    all_mails: list[dict[str, Any]] = json.loads(
        requests.get(f"{stack.inbox}/messages", timeout=60).content
    )
    return [mail for mail in all_mails if address in mail["to"]]
