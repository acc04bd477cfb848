"""The page of `inspect --report` in a browser: readable by everyone, still, and on two sheets."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.page.test_accessibility import violations
from tests.support.offline import VENDOR, VENDOR_PQ
from tests.support.samples import NUMBER
from tests.support.terminal import Shell, shell_in

SHEETS = 2


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Of a request, and of its response with both signatures."""
    with shell_in(tmp_path, monkeypatch) as shell:
        return {kind: report(shell, kind) for kind in ("request", "response")}


def report(shell: Shell, kind: str) -> Path:
    shell.room.signers = (VENDOR, VENDOR_PQ)
    shell("request", NUMBER, "--output", "a.request")
    shell.carried("a.request", "a.response")
    page = Path(f"{kind}.html").absolute()
    assert shell("inspect", f"a.{kind}", "--report", str(page)).exit == 0
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
def test_it_prints_on_two_sheets(page: Page, reports: dict[str, Path], paper: str) -> None:
    for file in reports.values():
        page.goto(file.as_uri())
        assert len(re.findall(rb"/Type /Page\b(?!s)", page.pdf(format=paper))) <= SHEETS


def test_it_loads_nothing(page: Page, reports: dict[str, Path]) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(reports["request"].as_uri())
    page.wait_for_load_state("networkidle")
    assert loaded == [reports["request"].as_uri()]
