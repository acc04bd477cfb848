"""A room of computers without a network: one zip out, one zip back, on the real stack."""

import time
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import keyferry
from keyferry.cli.main import main
from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.support.customer import Customer
from tests.support.journeys import client
from tests.support.running_stack import RunningStack

OLD = 11
NEW = range(1, 11)


def test_ten_computers_need_one_zip_each_way_and_the_seat_of_an_old_one(
    page: Page, stack: RunningStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The license has ten seats: the deactivation in the same zip must be answered first."""
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    customer = Customer(stack, table, tmp_path / "room", seats=10)
    customer.activate(OLD)
    monkeypatch.setenv("KEYFERRY_ACTIVATION_CODE", customer.code)
    requests, responses = tmp_path / "requests.zip", tmp_path / "keyferry-responses.zip"

    def command(computer: int, *arguments: str) -> int:
        place = customer.place(computer)
        where = ("--keys", str(stack.run / "keys.json"), "--state-dir", str(place["state_dir"]))
        return main([*arguments, *where, "--product", customer.product], machine=place["machine"])

    for computer in NEW:
        assert command(computer, "request", customer.number, "--output", str(requests)) == 0
    assert command(OLD, "deactivate", customer.number, "--yes", "--output", str(requests)) == 0

    page.goto(stack.page)
    page.set_input_files("#file", requests)
    expect(page.locator("caption")).to_have_text("11 request files")
    with page.expect_download(timeout=120_000) as saved:
        page.click("text=Process 11 request files")
    expect(page.locator("h1")).to_have_text("Your response files are ready")
    assert saved.value.suggested_filename == responses.name
    saved.value.save_as(responses)
    with zipfile.ZipFile(responses) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 11

    for computer in (*NEW, OLD):
        assert command(computer, "install", str(responses)) == 0
    for computer in NEW:
        assert keyferry.load(keys=customer.keys, **customer.place(computer)).check().ok
    with pytest.raises(keyferry.KeyferryError, match="deactivated"):
        keyferry.load(keys=customer.keys, **customer.place(OLD))


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_two_hundred_computers_are_answered_within_ten_minutes_and_none_is_turned_away(
    page: Page, stack: RunningStack, tmp_path: Path
) -> None:
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    customer = Customer(stack, table, tmp_path / "room", seats=200)
    requests = tmp_path / "requests.zip"
    with zipfile.ZipFile(requests, "w") as archive:
        for computer in range(1, 201):
            archive.writestr(f"{computer}.request", customer.file(computer))
    answers: list[int] = []
    page.on("response", lambda answer: answers.append(answer.status))
    page.goto(stack.page)
    page.set_input_files("#file", requests)
    expect(page.locator("caption")).to_have_text("200 request files")
    began = time.monotonic()
    with page.expect_download(timeout=600_000) as saved:
        page.click("text=Process 200 request files")
    took_s = time.monotonic() - began
    waits = answers.count(429)
    print(f"200 computers: {took_s:.0f} s, {len(answers)} calls, {waits} of them told to wait")
    expect(page.locator("h1")).to_have_text("Your response files are ready")
    with zipfile.ZipFile(saved.value.path()) as responses:
        assert len(responses.namelist()) == 200
