"""Chromium for the tests of the page: Debian's own, quiet, one for the whole session."""

from collections.abc import Iterator
from shutil import which
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = next(filter(None, map(which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
# What the page must never do; kept by `watch` in a list of the page's own.
WATCH = """
window.violations = [];
addEventListener('securitypolicyviolation', (event) => violations.push(
  `${event.violatedDirective} ${event.blockedURI}`));
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    new_context = browser.new_context(
        accept_downloads=True, locale="en-US", timezone_id="Europe/Berlin"
    )
    new_context.set_default_timeout(15_000)
    yield new_context
    new_context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that fails its test for any script error or policy violation."""
    new_page = context.new_page()
    new_page.add_init_script(WATCH)
    errors: list[Any] = []
    new_page.on("pageerror", lambda error: errors.append(error))
    yield new_page
    assert errors == []
    assert new_page.evaluate("window.violations ?? []") == []
