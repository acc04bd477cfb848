"""The report that goes to the vendor's boss: alone, still, safe, and readable by everyone."""

from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Page

from keyferry_admin.use_cases.figures.count import (
    Answer,
    Figure,
    Figures,
    Period,
    count_figures,
)
from keyferry_admin.use_cases.figures.report import MAX_ENDING, html_report
from keyferry_service.domain.refusals import Refusal, RefusalCode, RefusalRecord
from tests.browser.page.test_accessibility import violations
from tests.support.builders import a_license
from tests.support.hostile_texts import FORGING, MARKUP
from tests.support.samples import DAY, NOW

PERIOD = Period.last_days(date(2026, 11, 24))
PRODUCTS = ("Example Modeler", "Example Viewer", "Example Solver")
HOSTILE = [*MARKUP, *FORGING.values(), "</style><script>alert(4)</script>"]


def busy(licensees: list[str], *, days: int = 90) -> Figures:
    """A license and three answers for each licensee, of three products."""
    licenses = [
        a_license(
            number=f"{number:012}",
            licensee=licensee,
            product=PRODUCTS[number % 3],
            reference=licensee[:20],
            seats=5,
            seats_used=number % 6,
            valid_until=NOW + (number + 1) * DAY,
            moves={"2026-11-20": 1},
        )
        for number, licensee in enumerate(licensees)
    ]
    answers = [
        Answer(license.number, kind, NOW - (place * 7 + age) * DAY)
        for place, license in enumerate(licenses)
        for kind, age in (("activate", 0), ("activate", 3), ("update", 5))
    ]
    refused = RefusalRecord(
        licenses[0].number, NOW, "activate", "", "", Refusal(RefusalCode.NO_SEATS_LEFT)
    )
    return count_figures(licenses, answers, [refused], Period.last_days(PERIOD.until, days), NOW)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


def open_report(page: Page, file: Path, figures: Figures, vendor: str = "Example Software") -> None:
    file.write_text(html_report(figures, vendor), "utf-8")
    page.goto(file.as_uri())


def test_axe_finds_no_violation_in_light_and_dark(page: Page, report: Path) -> None:
    open_report(page, report, busy(["Nordhaven Pilot Plant", "Acme", "Universität " * 10]))
    page.locator("summary").click()
    assert violations(page) == []
    page.emulate_media(color_scheme="dark")
    assert violations(page, "color-contrast") == []  # all else is the same in the dark


@pytest.mark.parametrize("width", [1280, 390])
def test_each_screen_has_a_chart_of_its_own_and_nothing_is_cut_off(
    page: Page, report: Path, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    open_report(page, report, busy(["Nordhaven Pilot Plant", "Acme", "Universität " * 10] * 5))
    page.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    tables = page.locator("section > table")
    beyond = "(all) => all.map((table) => table.offsetWidth - table.parentElement.offsetWidth)"
    assert max(tables.evaluate_all(beyond)) <= 0
    (chart,) = [each for each in page.get_by_role("img").all() if each.is_visible()]
    assert "Activations by day: 26 in all" in (chart.get_attribute("aria-label") or "")
    widths = "(bars) => bars.map((bar) => bar.getBoundingClientRect().width)"
    bars: list[float] = chart.locator(".bar rect").evaluate_all(widths)
    assert len(bars) == 26
    assert min(bars) > 1


@pytest.mark.attack
@pytest.mark.parametrize("vendor", ["Example", "<script>alert(5)</script>"])
def test_what_customers_wrote_is_text_and_nothing_else(
    page: Page, report: Path, vendor: str
) -> None:
    """The fixture fails for any script that runs and for what the policy refuses."""
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    open_report(page, report, busy(HOSTILE), vendor)
    assert urls == [report.as_uri()]
    names = page.locator("tbody th > bdi:first-child").all_text_contents()
    for text in HOSTILE:
        assert text.strip() in [name.strip() for name in names]
    assert page.locator("img, script, a, link, iframe").count() == 0


def test_the_policy_refuses_whatever_a_page_could_load(page: Page, report: Path) -> None:
    open_report(page, report, busy(["Acme"]))
    policy = page.locator("meta[http-equiv]").get_attribute("content") or ""
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert page.evaluate("getComputedStyle(document.querySelector('.number')).fontWeight") == "650"


def test_on_paper_it_is_black_on_white_and_has_no_buttons(page: Page, report: Path) -> None:
    open_report(page, report, busy(["Acme"]))
    page.emulate_media(media="print", color_scheme="dark")
    color = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert color == "rgb(255, 255, 255)"
    assert not page.locator("summary").is_visible()


class Tags(HTMLParser):
    """What a document has of elements and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes |= {name for name, _ in attrs}


def test_it_has_no_style_or_event_in_any_attribute() -> None:
    tags = Tags()
    tags.feed(html_report(busy(HOSTILE), "Example"))
    assert tags.attributes == {
        *("lang", "charset", "http-equiv", "content", "name", "class", "role", "scope"),
        *(
            "aria-label",
            "aria-hidden",
            "tabindex",
            "viewbox",
            "x",
            "y",
            "rx",
            "ry",
            "width",
            "height",
            "d",
        ),
        "transform",
    }


def test_a_stack_without_licenses_has_a_report_too(page: Page, report: Path) -> None:
    open_report(page, report, count_figures([], [], [], PERIOD, NOW))
    assert violations(page) == []
    assert page.get_by_text("None.", exact=True).count() == 5


def test_a_long_list_is_cut_and_says_so(page: Page, report: Path) -> None:
    licenses = [
        a_license(number=f"{number:012}", valid_until=NOW + DAY) for number in range(MAX_ENDING + 7)
    ]
    open_report(page, report, count_figures(licenses, [], [], PERIOD, NOW))
    assert page.get_by_text("And 7 more: the CSV file has all of them.").is_visible()


def test_a_long_period_is_drawn_by_month(page: Page, report: Path) -> None:
    figures = busy(["Acme"], days=400)
    assert figures.total(Figure.ACTIVATIONS) == 2
    open_report(page, report, figures)
    assert page.get_by_role("heading", name="Activations by month").is_visible()
