"""No drive is allowed: a request leaves by a phone's camera, and its response is scanned in."""

import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from keyferry.cli.main import main
from tests.support.codes import read_all, read_screen
from tests.support.offline_computer import OfflineComputer
from tests.support.running_stack import RunningStack
from tests.support.terminal import Keyboard


def test_no_drive_allowed_1_trip_with_a_phone(
    page: Page,
    stack: RunningStack,
    offline: OfflineComputer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The stack signs with ML-DSA-65 too, which is too long to type: a scanner types the codes."""
    file = offline.request()
    saved, picture = tmp_path / file["name"], tmp_path / "code.svg"
    saved.write_bytes(file["buffer"])
    keys = ["--keys", str(stack.run / "keys.json")]
    assert main(["qr", str(saved), "--output", str(picture), *keys]) == 0
    page.goto(picture.as_uri())
    page.goto(read_screen(page))  # what the phone's camera saw
    page.click("text=Process request file")
    expect(page.locator("h1")).to_have_text("Your response file is ready", timeout=60_000)
    page.click("text=No way to carry a file back?")
    expect(page.locator("#by-hand")).to_contain_text("Scan all 7 codes, in any order")
    codes = []
    for picture_on_page in reversed(page.locator("figure img").all()):
        picture_on_page.scroll_into_view_if_needed()
        picture_on_page.evaluate("(one) => one.decode()")
        codes += read_all(page, picture_on_page.screenshot())

    place = offline.place()
    options = [*keys, "--product", place["product"], "--state-dir", str(place["state_dir"])]
    capsys.readouterr()
    monkeypatch.setattr(sys, "stdin", Keyboard([*codes[:2], codes[0][:-9], *codes[2:]]))
    assert main(["install", "-", *options], machine=place["machine"]) == 0
    printed = capsys.readouterr()
    assert "2 of 7 codes received" in printed.err
    assert "This code was not scanned correctly. Scan it again." in printed.err
    assert f"License {offline.shown_number} is active" in printed.out
    assert offline.check().ok
