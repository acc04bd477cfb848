"""The page of `inspect --report` in a browser: readable by everyone, still, and on two sheets."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.page.test_accessibility import violations
from tests.support.offline import VENDOR, VENDOR_PQ
from tests.support.samples import NUMBER
from tests.support.terminal import Shell, shell_in

SHEETS = {"request": 2, "response": 2, "folder": 3}
TEN = 10


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Of a request, of its response with both signatures, and of ten requests and a photo."""
    with shell_in(tmp_path, monkeypatch) as shell:
        reports = {kind: report(shell, kind) for kind in ("request", "response")}
        return reports | {"folder": report_of_ten(shell)}


def report(shell: Shell, kind: str) -> Path:
    shell.room.signers = (VENDOR, VENDOR_PQ)
    shell("request", NUMBER, "--output", "a.request")
    shell.carried("a.request", "a.response")
    page = Path(f"{kind}.html").absolute()
    assert shell("inspect", f"a.{kind}", "--report", str(page)).exit == 0
    return page


def report_of_ten(shell: Shell) -> Path:
    os.mkdir("stick")
    for number in range(TEN):
        shell("request", NUMBER, "--output", f"stick/{number}.request")
    Path("stick/photo.jpg").write_bytes(b"\xff\xd8\xff")
    page = Path("folder.html").absolute()
    assert shell("inspect", "stick", "--report", str(page)).exit == 0
    return page


def test_axe_finds_no_violation_in_light_and_dark(page: Page, reports: dict[str, Path]) -> None:
    for file in reports.values():
        page.goto(file.as_uri())
        page.emulate_media(color_scheme="light")
        assert violations(page) == []
        page.emulate_media(color_scheme="dark")
        assert violations(page, "color-contrast") == []


def test_it_needs_no_sideways_scroll_on_the_smallest_screen(
    page: Page, reports: dict[str, Path]
) -> None:
    page.set_viewport_size({"width": 320, "height": 600})
    for file in reports.values():
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 320


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_it_prints_on_two_sheets_and_ten_files_on_three(
    page: Page, reports: dict[str, Path], paper: str
) -> None:
    for kind, file in reports.items():
        page.goto(file.as_uri())
        assert len(re.findall(rb"/Type /Page\b(?!s)", page.pdf(format=paper))) <= SHEETS[kind]


def test_it_loads_nothing(page: Page, reports: dict[str, Path]) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(reports["request"].as_uri())
    page.wait_for_load_state("networkidle")
    assert loaded == [reports["request"].as_uri()]
