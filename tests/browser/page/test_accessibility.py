"""Accessibility: axe, small screens, text spacing, target sizes, forced colors, no JavaScript."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from keyferry_service.views.problem_document import Problem, problem_page
from tests.browser.page.fake_service import TICKET
from tests.browser.page.states import STATES
from tests.support.browser import open_context, open_page

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module", params=STATES)
def state(request: pytest.FixtureRequest, browser: Browser, site: str) -> Iterator[Page]:
    """The page in one of its states, entered once; each check leaves it as it found it."""
    with open_context(browser) as context, open_page(context) as page:
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        STATES[request.param](page, site)
        yield page


@contextmanager
def viewport(page: Page, width: int, height: int) -> Iterator[None]:
    """Give the page a window of this size for a while."""
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size({"width": width, "height": height})
    yield
    page.set_viewport_size(before)


def violations(page: Page, *rules: str) -> list[str]:
    """What axe finds on the page, best practices included, or by these rules alone."""
    page.evaluate(AXE)  # no script tag: the page's policy admits only its own
    result: Any = page.evaluate("(only) => axe.run(only)", {"runOnly": rules} if rules else {})
    return [f"{rule['id']}: {rule['nodes'][0]['html']}" for rule in result["violations"]]


def test_axe_finds_no_violation_in_light_and_dark(state: Page) -> None:
    assert violations(state) == []
    state.emulate_media(color_scheme="dark")
    in_the_dark = violations(state, "color-contrast")  # all else is the same in the dark
    state.emulate_media(color_scheme="light")
    assert in_the_dark == []


def test_axe_finds_no_violation_on_the_page_of_an_expired_link(page: Page, site: str) -> None:
    page.set_viewport_size({"width": 320, "height": 256})
    document = problem_page(Problem("link-not-found"))
    link = f"{site}api/responses/{TICKET}"
    page.route(link, lambda route: route.fulfill(body=document, content_type="text/html"))
    page.goto(link)
    page.wait_for_load_state("networkidle")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(page) == []
    assert page.evaluate(WIDTH) <= 320


def test_axe_finds_the_one_bad_label_of_a_page(page: Page) -> None:
    page.goto((Path(__file__).parent / "bad-label.html").as_uri())
    assert violations(page) == ['label: <input type="email" id="email">']


def test_axe_finds_low_contrast_in_both_color_schemes(page: Page, site: str) -> None:
    for scheme, color in (("light", "#999"), ("dark", "#555")):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(site)
        page.evaluate(f"document.querySelector('.lead').style.color = '{color}'")
        assert [violation.split(":")[0] for violation in violations(page)] == ["color-contrast"]


WIDTH = "document.documentElement.scrollWidth"
CLIPPED = """[...document.querySelectorAll('button, p, h1, h2, dt, dd, td, li, code')]
    .filter((e) => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1
        && getComputedStyle(e).display !== 'inline' && e.className !== 'unseen')
    .map((e) => e.outerHTML)"""


def test_at_320_pixels_or_400_percent_nothing_scrolls_sideways_or_is_clipped(state: Page) -> None:
    with viewport(state, 320, 256):  # what 1280 x 1024 is at 400 %
        width, clipped = state.evaluate(WIDTH), state.evaluate(CLIPPED)
    assert width <= 320
    assert clipped == []


def test_every_target_is_44_pixels_high_and_wide(state: Page) -> None:
    with viewport(state, 390, 800):
        state.focus("#skip")  # visible only then
        small = state.evaluate(
            """[...document.querySelectorAll(
                    'button, input, select, summary, footer a, #problems a, #skip')]
                .filter((target) => target.checkVisibility() && target.type !== 'file')
                .map((target) => [target.outerHTML, target.getBoundingClientRect()])
                .filter(([, { width, height }]) => width < 44 || height < 44)"""
        )
        state.evaluate("document.activeElement.blur()")
    assert small == []


WIDER_SPACING = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
        word-spacing: .16em !important; } p { margin-block-end: 2em !important; }`);
    document.adoptedStyleSheets = [sheet];
}"""


def test_wider_text_spacing_clips_nothing(state: Page) -> None:
    with viewport(state, 390, 800):
        state.evaluate(WIDER_SPACING)
        width, clipped = state.evaluate(WIDTH), state.evaluate(CLIPPED)
        state.evaluate("document.adoptedStyleSheets = []")
    assert width <= 390
    assert clipped == []


def test_reduced_motion_stops_every_animation(page: Page, site: str) -> None:
    STATES["waiting"](page, site)
    assert page.evaluate("document.getAnimations().length") == 1
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate("document.getAnimations().length") == 0


# Controls without a border, or with one in the color of the background.
BORDERLESS = """[...document.querySelectorAll('button:not(.link), input, .panel, #zone')]
    .filter((e) => e.checkVisibility())
    .filter((e) => {
        const { borderTopWidth, borderTopStyle, borderTopColor } = getComputedStyle(e);
        const background = getComputedStyle(document.body).backgroundColor;
        return parseFloat(borderTopWidth) < 1 || borderTopStyle === 'none'
            || borderTopColor === background;
    })
    .map((e) => e.outerHTML)"""
FOCUS = """(() => {
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(document.activeElement);
    const background = getComputedStyle(document.body).backgroundColor;
    return [document.activeElement.tagName,
        outlineStyle === 'solid' && outlineWidth === '3px' && outlineColor !== background];
})()"""


@pytest.mark.parametrize(
    "state", ["problems", "file chosen", "ready", "refused, and a seat is chosen", "down"]
)
def test_forced_colors_keep_focus_and_borders(page: Page, site: str, state: str) -> None:
    page.emulate_media(forced_colors="active")
    STATES[state](page, site)
    assert page.evaluate(BORDERLESS) == []
    stops = 0
    while True:
        page.keyboard.press("Tab")
        element, is_visible = page.evaluate(FOCUS)
        if element == "BODY":  # after the last stop
            break
        assert is_visible, element
        stops += 1
    assert stops >= 3


@pytest.mark.parametrize("state", ["ready", "several files done"])
def test_print_has_the_steps_and_no_button(page: Page, site: str, state: str) -> None:
    STATES[state](page, site)
    page.emulate_media(media="print")
    expect(page.locator("ol.steps")).to_be_visible()
    expect(page.locator("#help")).to_be_visible()
    expect(page.locator("#saving")).to_be_hidden()  # it speaks of a button
    for control in page.locator("button, input, select").all():
        expect(control).to_be_hidden()


def test_without_javascript_the_page_offers_email(browser: Browser, site: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site)
    expect(page.locator("noscript h2")).to_have_text("This page needs JavaScript to send your file")
    expect(page.locator("noscript p")).to_contain_text("to licensing@example.com.")
    expect(page.locator("form")).to_be_hidden()
    page.click("summary")
    expect(page.locator("details li")).to_have_count(3)
    context.close()
