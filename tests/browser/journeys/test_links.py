"""What a mailed link does when scanners and people open it, and when its time is over."""

import re
import time
from hashlib import sha256

import pytest
import requests
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.journeys.test_journey import body, mails, process, saved, stem
from tests.support.journeys import client
from tests.support.offline_computer import OfflineComputer
from tests.support.running_stack import RunningStack

REFUSED = "The license number and the activation code do not match"


def mailed_link(
    page: Page, stack: RunningStack, file: FilePayload, address: str
) -> tuple[str, bytes]:
    """The link in the mail for this file, and the response that the browser saved."""
    response = saved(page, stack, file, address).path().read_bytes()
    expect(page.locator("#mail")).to_contain_text("was also emailed", timeout=60_000)
    [mail] = mails(stack, address)
    [link] = set(re.findall(r"https?://\S+/api/\S+", mail["text"]))
    return link, response


def set_link(stack: RunningStack, link: str, expires_at: int) -> None:
    """Expire a link by changing its row, which no code of Keyferry does."""
    token = sha256(link.rpartition("/")[2].encode()).hexdigest()
    client(stack, "dynamodb").update_item(
        TableName=stack.outputs["TicketsTable"],
        Key={"pk": {"S": f"link#{token}"}},
        UpdateExpression="SET expires_at = :now",
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeValues={":now": {"N": str(expires_at)}},
    )


def test_a_link_opened_20_times_still_saves_for_a_person_and_ends_after_7_days(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    file = offline.request()
    link, response = mailed_link(page, stack, file, f"links-{stem(file)}@example.com")
    for _ in range(20):
        scanned = requests.get(link, allow_redirects=False, timeout=60)
        assert scanned.status_code == 303
    person = page.context.new_page()
    with person.expect_download() as opened:
        person.evaluate("(link) => { location.href = link; }", link)
    assert re.fullmatch(rf"{stem(file)}-\d+\.response", opened.value.suggested_filename)
    assert body(opened.value.path().read_bytes()) == body(response)

    set_link(stack, link, int(time.time()) - 1)
    answer = person.goto(link)
    assert answer is not None
    assert answer.status == 404
    expect(person.locator("h1")).to_have_text("This link no longer works")
    expect(person.locator("body")).to_contain_text(
        "Links work for 7 days. Choose the request file again, and you will get the same response."
    )
    face = "getComputedStyle(document.querySelector('h1')).fontFamily"
    assert "system-ui" in person.evaluate(face)  # it looks like the page
    person.click("text=Choose the request file >> nth=-1")
    expect(person.locator("h1")).to_have_text("Get your response file")
    program = requests.get(link, headers={"Accept": "*/*"}, timeout=60)
    assert program.status_code == 404
    assert program.headers["Content-Type"] == "application/problem+json"


def test_choosing_the_file_again_gives_the_same_response(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    file = offline.request()
    first, again = (saved(page, stack, file).path().read_bytes() for _ in range(2))
    assert body(first) == body(again)


@pytest.mark.parametrize("accept", ["text/html,*/*;q=0.8"])
def test_an_unknown_link_shows_a_page_for_people(
    stack: RunningStack, page: Page, accept: str
) -> None:
    answer = page.goto(f"{stack.api}/responses/{'A' * 43}")
    assert answer is not None
    assert answer.status == 404
    expect(page.locator("h1")).to_have_text("This link no longer works")


def test_an_unauthentic_request_sends_no_mail_even_when_the_next_one_does(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    address = f"none-{offline.number}@example.com"
    process(page, stack, offline.request_with_wrong_code(), address)
    expect(page.locator("h1")).to_have_text(REFUSED, timeout=60_000)
    expect(page.locator("#mail")).to_have_text("No email was sent.")
    mailed_link(
        page, stack, offline.request(8), address
    )  # mail is sent in order: an earlier one would have arrived
    assert len(mails(stack, address)) == 1
