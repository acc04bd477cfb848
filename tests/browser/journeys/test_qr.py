"""Where no USB drive may be plugged in, a request leaves by a phone's camera."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from keyferry.cli.main import main
from tests.support.codes import read_screen
from tests.support.offline_computer import OfflineComputer
from tests.support.running_stack import RunningStack


def test_a_request_goes_out_by_qr_code_and_its_license_is_installed(
    page: Page,
    stack: RunningStack,
    offline: OfflineComputer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = offline.request()
    saved, picture = tmp_path / file["name"], tmp_path / "code.svg"
    saved.write_bytes(file["buffer"])
    options = ["--keys", str(stack.run / "keys.json"), "--output", str(picture)]
    assert main(["qr", str(saved), "--json", *options]) == 0
    document = json.loads(capsys.readouterr().out)
    page.goto(picture.as_uri())
    link = read_screen(page)
    assert link == document["link"]

    page.goto(link)
    expect(page.locator("#chosen h2")).to_contain_text(offline.shown_number)
    expect(page.locator("#chosen")).to_contain_text("LAB-07, Debian GNU/Linux 12")
    assert page.url == stack.page
    with page.expect_download(timeout=60_000) as download:
        page.click("text=Process request file")
    name = download.value.suggested_filename
    assert re.fullmatch(rf"{Path(file['name']).stem}-\d+\.response", name)
    assert re.search("#t=[A-Za-z0-9_-]{43}$", page.url)
    offline.install(download.value.path().read_bytes())
    assert offline.check().ok
