"""Limits and lost mail as the honest person is told of them: by the real API, on the real page."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from keyferry_service.adapters.emails_dynamodb import hash_address
from keyferry_service.adapters.tickets_dynamodb import HOUR_S, TICKETS_PER_NETWORK
from tests.browser.journeys.test_journey import mails, process, saved
from tests.stack.test_dead_letters import eventually
from tests.stack.test_mail_feedback import a_notice, publish
from tests.support.journeys import client
from tests.support.offline_computer import OfflineComputer
from tests.support.running_stack import RunningStack

HERE = "127.0.0.0/24"  # the network that the stack sees this computer in


@pytest.fixture
def offline(stack: RunningStack, tmp_path: Path) -> OfflineComputer:
    return OfflineComputer(stack, tmp_path)


class Network:
    """This computer's network, and how many tickets it has opened."""

    def __init__(self, stack: RunningStack) -> None:
        self._dynamodb = client(stack, "dynamodb")
        self._table = stack.outputs["TicketsTable"]
        hour = int(time.time()) // HOUR_S
        self._rows = [f"network#{HERE}#{hour + later}" for later in (0, 1)]  # an hour may end

    def has_opened(self, tickets: int) -> None:
        """As so many calls would have left the counter."""
        for row in self._rows:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"pk": {"S": row}},
                UpdateExpression="SET ticket_count = :count",
                ExpressionAttributeValues={":count": {"N": str(tickets)}},
            )


@pytest.fixture
def network(stack: RunningStack) -> Iterator[Network]:
    this = Network(stack)
    yield this
    this.has_opened(0)


def open_one(stack: RunningStack) -> requests.Response:
    body = {"email": None, "language": "en"}
    return requests.post(f"{stack.api}/requests", json=body, timeout=60)


def test_the_last_ticket_of_an_hour_is_opened_and_the_next_is_told_when(
    stack: RunningStack, network: Network
) -> None:
    network.has_opened(TICKETS_PER_NETWORK - 1)
    first, *_, last = (open_one(stack) for _ in range(3))
    assert (first.status_code, last.status_code) == (201, 429)
    assert last.headers["Content-Type"] == "application/problem+json"
    problem = last.json()
    assert (problem["status"], problem["code"]) == (429, "too-many-requests")
    wait_s = int(last.headers["Retry-After"])
    assert 0 < wait_s <= HOUR_S
    assert problem["n"] == -(-wait_s // 60)


def test_the_page_of_a_full_network_keeps_the_file_and_names_the_minutes(
    page: Page, stack: RunningStack, network: Network, offline: OfflineComputer
) -> None:
    network.has_opened(TICKETS_PER_NETWORK)
    process(page, stack, offline.request(), "full@example.com")
    links = page.locator("#problems a")
    sentence = "Too many requests from your network. Try again in "
    expect(links).to_contain_text(sentence, timeout=60_000)
    expect(page.locator("#problems")).to_be_focused()
    expect(page.locator("#chosen h2")).to_contain_text(offline.shown_number)
    assert page.input_value("#email") == "full@example.com"
    network.has_opened(0)  # the hour is over
    with page.expect_download(timeout=60_000) as download:
        page.click("text=Process request file")
    offline.install(download.value.path().read_bytes())
    assert offline.check().ok


def test_a_bounced_mail_is_told_and_the_link_goes_to_another_address(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    saved(page, stack, offline.request(), f"bounce-{offline.number}@example.com")
    expect(page.locator("#mail")).to_contain_text("was also emailed", timeout=60_000)
    ticket = page.url.rpartition("#t=")[2]
    publish(stack, a_notice(stack, ticket))
    eventually(lambda: ticket_state(stack, ticket)["email"] == "bounced")
    page.reload()
    expect(page.locator("#mail")).to_have_text(
        "The email to the address you gave could not be delivered. "
        "You do not need it if you saved the file here."
    )
    other = f"other-{offline.number}@example.com"
    page.click("text=Send the link to another address")
    page.keyboard.type(other)
    page.keyboard.press("Enter")
    sent = f"The link was also emailed to {other}."
    expect(page.locator("#mail")).to_contain_text(sent, timeout=60_000)
    assert len(mails(stack, other)) == 1
    assert ticket_state(stack, ticket)["email"] == "sent"


def test_a_mail_to_an_address_that_bounced_before_is_told_as_withheld(
    page: Page, stack: RunningStack, offline: OfflineComputer
) -> None:
    address = f"gone-{offline.number}@example.com"
    client(stack, "dynamodb").put_item(
        TableName=stack.outputs["TicketsTable"],
        Item={"pk": {"S": f"suppressed#{hash_address(address)}"}},
    )
    saved(page, stack, offline.request(), address)
    expect(page.locator("#mail")).to_have_text(
        "No email was sent: this license or address has reached today's limit. Save the file here.",
        timeout=60_000,
    )
    assert ticket_state(stack, page.url.rpartition("#t=")[2])["email"] == "withheld"
    assert mails(stack, address) == []


def ticket_state(stack: RunningStack, ticket: str) -> dict[str, Any]:
    answer = requests.get(f"{stack.api}/requests/{ticket}", timeout=60)
    assert "Retry-After" not in answer.headers  # all is told
    document: dict[str, Any] = answer.json()
    return document
