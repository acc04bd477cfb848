"""Writes the figures as one HTML page, which loads nothing and runs no script.

It is built from elements, so that no text of a customer is ever read as markup.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from keyferry_admin.use_cases.figures.chart import Bars, activations, draw
from keyferry_admin.use_cases.figures.count import DAYS_KNOWN, ENDING_DAYS, Ending, Figure, Figures
from keyferry_admin.use_cases.figures.words import REASONS, TITLES, change_in_words, period_in_words
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.messages.formats import long_date, short_date
from keyferry_service.adapters.refusals_dynamodb import KEPT_DAYS
from keyferry_service.domain.refusals import RefusalCode

MAX_ENDING = 200  # rows; the CSV file has all
_PRODUCT_COLUMNS = (Figure.ACTIVATIONS, Figure.UPDATES, Figure.MOVES, Figure.REFUSALS)


Cell = str | Element | list[Element | str]
Row = list[Cell]


def html_report(figures: Figures, vendor: str, notes: Sequence[str] = ()) -> str:
    """The complete page; `notes` say what was not counted."""
    style = (files(__package__) / "figures.css").read_text("utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = f"Licenses, {period_in_words(figures.period)}"
    page = _element(
        "html",
        _element(
            "head",
            _element("meta", charset="utf-8"),
            _element("meta", http_equiv="Content-Security-Policy", content=policy),
            _element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            _element("meta", name="color-scheme", content="light dark"),
            _element("title", f"{title} - {vendor}"),
            _element("style", style),
        ),
        _element(
            "body",
            _header(figures, vendor, title, notes),
            _element("main", *_sections(figures)),
            _footer(figures),
        ),
        lang="en",
    )
    return f"<!doctype html>\n{ElementTree.tostring(page, encoding='unicode', method='html')}\n"


def _header(figures: Figures, vendor: str, title: str, notes: Sequence[str]) -> Element:
    created = datetime.fromtimestamp(figures.now, UTC)
    days = len(figures.period)
    compared = f"{days} days, compared with the {days} days before." if days > 1 else "One day."
    return _element(
        "header",
        _element("p", vendor, class_="vendor"),
        _element("h1", title),
        *(_element("p", _element("bdi", note), class_="only") for note in notes),
        _element(
            "p", f"{compared} Made on {long_date(created)} at {created:%H:%M} UTC.", class_="muted"
        ),
    )


def _sections(figures: Figures) -> Iterable[Element]:
    yield _headlines(figures)
    yield _activations(activations(figures))
    yield _seats(figures)
    yield _by_product(figures)
    yield _refusals(figures)
    yield _ending(figures)


def _headlines(figures: Figures) -> Element:
    used, sold = figures.seats_in_use, figures.seats_sold
    share = f"{used / sold:.0%} of {sold:,} sold" if sold else "none sold"
    soonest, latest = ENDING_DAYS[0], ENDING_DAYS[-1]
    soon = f"{len(figures.ending_within(soonest)):,} of them within {soonest} days"
    cards = [_counted(figures, figure) for figure in (Figure.ACTIVATIONS, Figure.UPDATES)]
    cards += [_card("Seats in use", used, share)]
    cards += [_counted(figures, figure) for figure in (Figure.MOVES, Figure.REFUSALS)]
    cards += [_card(f"Licenses that end within {latest} days", len(figures.ending), soon)]
    return _element("dl", *cards, class_="headlines")


def _counted(figures: Figures, figure: Figure) -> Element:
    now, before = figures.total(figure), figures.total_before(figure)
    if figures.is_known(figure, figures.period):
        return _card(TITLES[figure], now, change_in_words(now, before))
    return _card(TITLES[figure], now, f"of the last {DAYS_KNOWN[figure] + 1} days")


def _card(title: str, number: int, note: str) -> Element:
    return _element(
        "div",
        _element("dt", title),
        _element("dd", f"{number:,}", class_="number"),
        _element("dd", note),
    )


def _activations(bars: Bars) -> Element:
    wide, narrow = draw(bars, 960, 300, 8), draw(bars, 400, 260, 3)
    wide.set("class", "chart wide")
    narrow.set("class", "chart narrow")
    return _section(
        bars.title,
        "",
        _element("figure", wide, narrow, *_legend(bars)),
        _element(
            "details", _element("summary", "The numbers"), _scrolled(_numbers(bars), bars.title)
        ),
    )


def _legend(bars: Bars) -> list[Element]:
    if len(bars.series) < 2:
        return []
    items = [
        _element("li", _swatch(number), _element("bdi", name))
        for number, (name, _) in enumerate(bars.series)
    ]
    return [_element("ul", *items, class_="legend")]


def _swatch(number: int) -> Element:
    square = _element("rect", width="100%", height="100%", class_=f"color-{number}")
    return _element("svg", square, class_="chart swatch", aria_hidden="true")


def _numbers(bars: Bars) -> Element:
    names = [name for name, _ in bars.series if name]
    rows: list[Row] = [
        [label, *(f"{values[place]:,}" for name, values in bars.series if name), f"{height:,}"]
        for place, (label, height) in enumerate(zip(bars.labels, bars.heights, strict=True))
        if height
    ]
    return _table(["Date", *names, "All"], rows)


def _scrolled(table: Element, name: str) -> Element:
    """A table that may be wider than the screen, which a keyboard can scroll."""
    label = {"role": "region", "aria_label": name, "tabindex": "0"}
    return _element("div", table, class_="scrolled", **label)


def _seats(figures: Figures) -> Element:
    rows: list[Row] = [
        [
            _element("bdi", seats.product),
            _bar(seats.in_use, seats.sold),
            f"{seats.in_use:,} of {seats.sold:,}",
            f"{seats.in_use / seats.sold:.0%}" if seats.sold else "-",
            f"{seats.licenses:,}",
        ]
        for seats in figures.seats
    ]
    return _section(
        "Seats in use, by product",
        "Of all licenses that can be used today, so without revoked and ended ones.",
        _table(["Product", "", "Seats", "Share", "Licenses"], rows),
    )


def _by_product(figures: Figures) -> Element:
    rows: list[Row] = [
        [
            _element("bdi", product),
            *(f"{figures.total(figure, product):,}" for figure in _PRODUCT_COLUMNS),
        ]
        for product in figures.products
    ]
    titles = ["Product", *(TITLES[figure] for figure in _PRODUCT_COLUMNS)]
    return _section("By product", "", _table(titles, rows))


def _refusals(figures: Figures) -> Element:
    total = figures.total(Figure.REFUSALS)
    rows: list[Row] = [
        [
            [REASONS[RefusalCode(code)], _element("small", code)],
            _bar(count, total),
            f"{count:,}",
            f"{count / total:.0%}",
        ]
        for code, count in figures.reasons
    ]
    return _section(
        "Refusals, by reason",
        f"Refusals are stored for {KEPT_DAYS} days. Files that did not prove that they come from a "
        "customer are not among them.",
        _table(["Reason", "", "Refusals", "Share"], rows),
    )


def _ending(figures: Figures) -> Element:
    counts = [f"{len(figures.ending_within(days)):,} within {days} days" for days in ENDING_DAYS]
    shown = figures.ending[:MAX_ENDING]
    rows: list[Row] = [[_license(each), _end(each), _seats_of(each)] for each in shown]
    more = len(figures.ending) - len(shown)
    return _section(
        "Licenses that end soon",
        f"{', '.join(counts)}.",
        _table(["Customer", "Ends", "Seats"], rows),
        *(
            [_element("p", f"And {more:,} more: the CSV file has all of them.", class_="note")]
            if more
            else []
        ),
    )


def _license(ending: Ending) -> list[Element | str]:
    license = ending.license
    product = " ".join(filter(None, (license.product, license.edition)))
    trial = ["trial"] if license.trial_days is not None else []
    number = [show_license_number(license.number), license.reference]
    return [
        _element("bdi", license.licensee or "No customer"),
        _element("small", _element("bdi", product), *(f", {each}" for each in trial)),
        _element("small", _element("bdi", " · ".join(filter(None, number)))),
    ]


def _end(ending: Ending) -> list[Element | str]:
    left = {0: "today", 1: "tomorrow"}.get(ending.days_left, f"in {ending.days_left} days")
    day = short_date(datetime.fromtimestamp(ending.ends_at, UTC))
    soon = {"class_": "soon"} if ending.days_left <= ENDING_DAYS[0] else {}
    return [day, _element("small", left, **soon)]


def _seats_of(ending: Ending) -> str:
    return f"{ending.license.seats_used:,} of {ending.license.seats:,}"


def _footer(figures: Figures) -> Element:
    notes = [
        "Days begin and end at midnight UTC.",
        "A request file counts once, however often it is uploaded.",
        "A move is a change of computers that counts against a license's yearly limit. A license "
        "remembers the moves of 365 days.",
    ]
    return _element(
        "footer",
        _element("ul", *(_element("li", note) for note in notes), class_="note"),
    )


def _section(title: str, note: str, *content: Element) -> Element:
    lead = [_element("p", note, class_="note")] if note else []
    return _element("section", _element("h2", title), *lead, *content)


def _table(titles: Sequence[str], rows: Sequence[Row]) -> Element:
    """A table whose first column names its rows; the others are numbers, at the end of the line."""
    if not rows:
        return _element("p", "None.", class_="muted")
    head = [
        _element("th" if title else "td", title, **_cell(title, n))
        for n, title in enumerate(titles)
    ]
    body = []
    for row in rows:
        first, *others = (cell if isinstance(cell, list) else [cell] for cell in row)
        name = _element("th", *first, scope="row")
        cells = [
            _element("td", *cell, **_cell(title, n))
            for n, (title, cell) in enumerate(zip(titles[1:], others, strict=True), 1)
        ]
        body.append(_element("tr", name, *cells))
    return _element("table", _element("thead", _element("tr", *head)), _element("tbody", *body))


def _cell(title: str, number: int) -> dict[str, str]:
    if not title:
        return {"class_": "shares"}
    return {"class_": "n"} if number else {}


def _bar(part: int, whole: int) -> Element:
    """How much of the whole it is: the numbers beside it say so too."""
    width = f"{min(part / whole, 1):.1%}" if whole else "0"
    return _element(
        "svg", _element("rect", width=width, height="100%"), class_="share", aria_hidden="true"
    )


def _element(tag: str, *children: Element | str, **attributes: str) -> Element:
    """An element with these children; `class_` and `http_equiv` are attributes of HTML."""
    names = {name: name.rstrip("_").replace("_", "-") for name in attributes}
    element = Element(tag, {names[name]: value for name, value in attributes.items()})
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            element.append(child)
            last = child
        elif last is None:
            element.text = (element.text or "") + child
        else:
            last.tail = (last.tail or "") + child
    return element
