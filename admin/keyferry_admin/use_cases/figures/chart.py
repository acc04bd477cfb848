"""Draws activations as a chart: static SVG, without script or style, that a page can color."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from keyferry_admin.use_cases.figures.count import Figure, Figures
from keyferry_protocol.messages.formats import short_date

MAX_SERIES = 5  # as many as colors in figures.css
MAX_DAYS = 186  # a chart of more has a bar for each month
OTHERS = "Other products"
# All but the characters of XML 1.0, https://www.w3.org/TR/xml/#charsets
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SVG = "{http://www.w3.org/2000/svg}"
_TEXT_PX = 13  # as in figures.css


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of a chart, one for each label; `series` stacks them by product."""

    title: str
    labels: Sequence[str]
    series: Sequence[tuple[str, Sequence[int]]]

    @property
    def heights(self) -> list[int]:
        return [sum(column) for column in zip(*(values for _, values in self.series), strict=True)]

    @property
    def summary(self) -> str:
        """What someone reads who does not see the chart."""
        total = sum(self.heights)
        if not total:
            return f"{self.title}: none."
        most = max(self.heights)
        when = self.labels[self.heights.index(most)]
        return f"{self.title}: {total:,} in all, at most {most:,} ({when})."


def activations(figures: Figures) -> Bars:
    """Activations by day, or by month in a long period; products with few are put together."""
    by_size = sorted(figures.products, key=lambda each: -figures.total(Figure.ACTIVATIONS, each))
    shown = [each for each in by_size if figures.total(Figure.ACTIVATIONS, each)]
    if len(shown) > MAX_SERIES:
        shown = shown[: MAX_SERIES - 1]
    others = [each for each in by_size if each not in shown]
    is_daily = len(figures.period) <= MAX_DAYS
    columns: dict[str, list[date]] = {}
    for day in figures.period:
        columns.setdefault(_day(day) if is_daily else f"{day:%b %Y}", []).append(day)

    def counts(products: Sequence[str]) -> list[int]:
        return [
            sum(
                figures.of_day(Figure.ACTIVATIONS, day, product)
                for day in days
                for product in products
            )
            for days in columns.values()
        ]

    series = [(_NOT_IN_XML.sub("\ufffd", each), counts([each])) for each in shown]
    if not series or any(counts(others)):
        series.append((OTHERS if shown else "", counts(others)))
    return Bars(f"Activations by {'day' if is_daily else 'month'}", list(columns), series)


def draw(bars: Bars, width: int, height: int, labels: int) -> Element:
    """The chart as an element of an HTML page, with about so many labels below it."""
    import pygal  # takes as long as all other modules of a command
    from pygal.style import Style

    chart = pygal.StackedBar(
        css=(),
        js=(),
        style=Style(label_font_size=_TEXT_PX, major_label_font_size=_TEXT_PX),
        width=width,
        height=height,
        margin=1,
        spacing=8,
        show_legend=False,
        show_minor_x_labels=False,
        truncate_label=-1,
        disable_xml_declaration=True,
    )
    chart.x_labels = list(bars.labels)
    chart.x_labels_major_every = -(-len(bars.labels) // labels)
    chart.y_labels = _ticks(max(bars.heights))
    chart.formatter = lambda value: f"{value:,.0f}"
    for name, values in bars.series:
        chart.add(name, values)
    return _still(ElementTree.fromstring(chart.render()), bars)


def svg_picture(bars: Bars) -> str:
    """The chart as the text of a file of its own."""
    root = draw(bars, 960, 320, 8)
    root.set("xmlns", _SVG[1:-1])
    root.set("font-family", "system-ui, sans-serif")
    style = Element("style")
    style.text = (files(__package__) / "figures.css").read_text("utf-8").partition("/* page */")[0]
    root.insert(0, style)
    return f"{ElementTree.tostring(root, encoding='unicode')}\n"


def _still(root: Element, bars: Bars) -> Element:
    """What pygal drew, without the parts that only its script uses; a bar's number is its title."""
    for parent in list(root.iter()):
        for child in list(parent):
            kind = child.get("class", "")
            if child.tag in (f"{_SVG}defs", f"{_SVG}title", f"{_SVG}desc") or "overlay" in kind:
                parent.remove(child)
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
    for (name, values), group in zip(
        bars.series, root.iterfind(".//g[@class='bars']"), strict=True
    ):
        for label, value, bar in zip(bars.labels, values, list(group), strict=True):
            if value:
                SubElement(bar[0], "title").text = ", ".join(
                    filter(None, (label, name, f"{value:,}"))
                )
            else:
                group.remove(bar)
    box = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib |= {"viewBox": box, "class": "chart", "role": "img", "aria-label": bars.summary}
    return root


def _ticks(highest: int) -> list[int]:
    """Whole numbers from 0 to the highest bar, four steps or fewer."""
    step = next(
        factor * 10**power
        for power in range(12)
        for factor in (1, 2, 5)
        if factor * 10**power * 4 >= highest
    )
    return list(range(0, max(highest, 1) + step, step))


def _day(day: date) -> str:
    return short_date(day).removesuffix(f" {day.year}")
