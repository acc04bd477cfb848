"""Every state of the page in a made-up language: no English is left but names."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from keyferry_admin.use_cases.site import site_files
from keyferry_protocol import messages
from keyferry_protocol.messages import sentences, use_language
from tests.browser.page.check_vendor import SITE
from tests.browser.page.states import STATES
from tests.support.pseudo import PSEUDO, english_in, write_pseudo

NAMES = (
    *(
        "Example Modeler",
        "Example",
        "LAB-07",
        "LAB-7",
        "OLD-1",
        "Windows 11 Pro",
        "Professional",
        "English",
        PSEUDO,
    ),
    *("licensing@example.com", "kim@example.com", "keyferry install"),
    # A refusal comes from the service, in the language of its ticket.
    *("All seats are in use", "Choose one.", "Ask.", "Not together", "Compare."),
)
FILES = re.compile(r"\b[\w-]+\.(request|response|zip)\b|W{64}")
# The text that is seen, and what is heard without being seen.
READ = """() => [
  document.title,
  document.body.innerText,
  ...[...document.querySelectorAll('[aria-label], [title], [placeholder], [alt]')].flatMap(
    (element) => ['aria-label', 'title', 'placeholder', 'alt'].map(
      (name) => element.getAttribute(name) ?? ''),
  ),
].join('\\n')"""


@pytest.fixture(scope="module")
def translations(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The sentences by the name of the file that the page loads."""
    folder = tmp_path_factory.mktemp("messages")
    write_pseudo(folder)
    with pytest.MonkeyPatch.context() as patched, use_language(PSEUDO):
        patched.setattr(messages, "FOLDER", str(folder))
        with use_language(PSEUDO):
            parts = ("choice", "responses", "room")
            rooms = {"": "page"} | {f".{part}": f"page-{part}" for part in parts}
            return {f"{PSEUDO}{part}.json": dict(sentences(room)) for part, room in rooms.items()}


@pytest.fixture
def pseudo_page(
    browser: Browser, site: str, translations: dict[str, dict[str, Any]]
) -> Iterator[Page]:
    """The page in the language `qps`; dates are Japanese, which has no Latin letters."""
    context = browser.new_context(locale="ja-JP", timezone_id="Europe/Berlin")
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.add_init_script(f"localStorage.setItem('language', '{PSEUDO}')")
    option = f'<option value="{PSEUDO}">{PSEUDO}</option></select>'
    index = site_files(SITE)["index.html"].decode().replace("</select>", option)
    page.route(site, lambda route: route.fulfill(body=index, content_type="text/html"))
    page.route(
        f"**/languages/{PSEUDO}*",
        lambda route: route.fulfill(json=translations[route.request.url.rpartition("/")[2]]),
    )
    yield page
    context.close()


@pytest.mark.parametrize("state", STATES)
def test_states(pseudo_page: Page, site: str, state: str) -> None:
    STATES[state](pseudo_page, site)
    expect(pseudo_page.locator("body")).to_contain_text("[!!")  # its language is loaded
    text = pseudo_page.evaluate(READ)
    assert english_in(FILES.sub("", without_names(text))) == []


def without_names(text: str) -> str:
    for name in sorted(NAMES, key=len, reverse=True):
        text = text.replace(name, "")
    return text
