"""Chromium for the tests of the page: Debian's own, quiet, one for the whole session."""

from collections.abc import Iterator
from contextlib import contextmanager
from shutil import which
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

# The first has no windows of its own, which cost a test more time than the page does.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(which, BROWSERS)), None)
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


@contextmanager
def open_context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(
        accept_downloads=True, locale="en-US", timezone_id="Europe/Berlin"
    )
    context.set_default_timeout(15_000)
    try:
        yield context
    finally:
        context.close()


@contextmanager
def open_page(context: BrowserContext) -> Iterator[Page]:
    """A page that fails its test for any script error or policy violation."""
    page = context.new_page()
    page.add_init_script(WATCH)
    errors: list[Any] = []
    page.on("pageerror", lambda error: errors.append(error))
    yield page
    assert errors == []
    assert page.evaluate("window.violations ?? []") == []


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with open_context(browser) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    with open_page(context) as page:
        yield page
