"""The oldest browsers that the page works in (docs/browsers.md); none of them runs here."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.page.fake_service import SIGNED
from tests.browser.page.test_little_is_needed import carry_a_file
from tests.browser.page.test_site_files import CSS, MODULES

DOCUMENT = (Path(__file__).parents[3] / "docs" / "browsers.md").read_text("utf-8")
CODE = re.sub(r"^\s*(?://.*|/\*[\s\S]*?\*/)$", "", "\n".join(MODULES.values()), flags=re.M)
OLDEST = {"Chrome and Edge": 93.0, "Firefox": 92.0, "Safari": 15.4}

# What is newer than the oldest browser of one of the three makers, as far as such a page might
# come to use it.
NEWER = """
const newer = {
  Array: 'fromAsync', Object: 'groupBy', Map: 'groupBy', Promise: 'withResolvers try',
  URL: 'canParse parse', AbortSignal: 'timeout any', Uint8Array: 'fromBase64 fromHex',
  RegExp: 'escape', Response: 'json', ReadableStream: 'from',
  'Array.prototype': 'findLast findLastIndex toSorted toReversed toSpliced with',
  'Uint8Array.prototype': 'toBase64 toHex setFromBase64 findLast toSorted with',
  'String.prototype': 'isWellFormed toWellFormed',
  'Map.prototype': 'getOrInsert getOrInsertComputed',
  'Set.prototype': 'union intersection difference isSubsetOf isSupersetOf isDisjointFrom',
  'AbortSignal.prototype': 'reason throwIfAborted',
  'Response.prototype': 'bytes',
  'Blob.prototype': 'bytes',
  'ReadableStream.prototype': 'values pipeThrough',
  'Element.prototype': 'checkVisibility setHTML setHTMLUnsafe getHTML',
  'HTMLElement.prototype': 'popover showPopover hidePopover togglePopover inert',
  'Crypto.prototype': 'randomUUID',
  'Document.prototype': 'startViewTransition',
  'Navigator.prototype': 'share canShare userActivation locks storage',
};
for (const [path, names] of Object.entries(newer)) {
  const owner = path.split('.').reduce((object, name) => object?.[name], globalThis);
  for (const name of names.split(' ')) if (owner) delete owner[name];
}
for (const name of [
  'structuredClone', 'Iterator', 'DecompressionStream', 'CompressionStream', 'Temporal',
  'navigation', 'scheduler', 'requestIdleCallback', 'trustedTypes', 'CloseWatcher', 'URLPattern',
  'cookieStore', 'Highlight', 'reportError', 'HTMLDialogElement',
]) delete globalThis[name];
delete ReadableStream.prototype[Symbol.asyncIterator];
"""
NEWER_SYNTAX = {
    "a pattern that looks behind (Safari 16.4)": r"\(\?<[=!]",
    "await outside of a function (Safari 27)": r"^(?!async|\s|\}).*\bawait\b",
    "a static block (Chrome 94)": r"^\s*static \{",
    "a pattern with the flag v (Chrome 112)": r"[^/\s(]/[dgimsuy]*v[dgimsuy]*[;,.)]",
    "an import with a type (Chrome 123)": r"\bwith \{ type:",
    "using (Chrome 134)": r"^\s*(?:await )?using \w+ =",
}


def rows(heading: str) -> list[list[str]]:
    """The rows of the table below a heading row that begins so."""
    table = DOCUMENT.split(f"| {heading} |")[1].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def test_what_the_page_needs_is_used_and_decides_which_browser_is_the_oldest() -> None:
    needed = rows("needs")
    assert len(needed) > 10
    for feature, *_ in needed:
        quoted = feature.split("`")[1]
        assert quoted in CODE + CSS, f"nothing uses {quoted}"
    by_browser = zip(*(versions for _, *versions in needed), strict=True)
    assert [max(map(float, versions)) for versions in by_browser] == list(OLDEST.values())


def test_the_document_names_the_oldest_browsers() -> None:
    assert "Chrome and Edge 93, Firefox 92, and Safari 15.4" in DOCUMENT


@pytest.mark.parametrize("syntax", NEWER_SYNTAX)
def test_no_script_has_a_syntax_that_an_older_browser_cannot_read(syntax: str) -> None:
    """One such place, and the browser runs nothing of the module."""
    newer = re.findall(NEWER_SYNTAX[syntax], CODE, flags=re.M)
    assert newer == []


def test_the_whole_journey_works_without_anything_newer(page: Page, site: str) -> None:
    page.add_init_script(NEWER)
    assert carry_a_file(page, site) == SIGNED
    page.click("#again")
    page.click("#send-another")
    page.fill("#another-email", "lee@example.com")
    page.click("#another button")
    expect(page.locator("#another")).to_be_hidden()
