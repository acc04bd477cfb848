"""The pages of the desk: what `license list`, `show`, `history` and `request explain` print."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import click

from keyferry_admin.cli import license_support, request_explain
from keyferry_admin.cli.changes import CHANGES
from keyferry_admin.cli.license_list import DEFAULT_COLUMNS, SORTS, columns_of_list, no_match
from keyferry_admin.cli.license_terms import heading
from keyferry_admin.cli.output import count_of
from keyferry_admin.cli.parameters import FirstSecond
from keyferry_admin.cli.refusals import REFUSALS
from keyferry_admin.cli.seat import SEATS
from keyferry_admin.desk import html
from keyferry_admin.desk.actions import UNTIL_HINT, Plan
from keyferry_admin.errors.licenses import BadTerms
from keyferry_admin.stack import Stack
from keyferry_admin.use_cases import licenses
from keyferry_admin.use_cases.explain import Explanation
from keyferry_admin.use_cases.find import STATES, Filters, find_sold
from keyferry_admin.use_cases.support import find_support
from keyferry_protocol.activation import show_license_number
from keyferry_service.adapters.refusals_dynamodb import KEPT_DAYS
from keyferry_service.domain.license import LicenseRecord, Status
from keyferry_service.views.refusal_text import Vendor, say_refusal

ROWS = 50  # licenses on a page of the list
_MAX_PAGE = 100_000
_TEXTS = {
    "words": "Search",
    "licensee": "Licensee",
    "product": "Product",
    "reference": "Reference",
    "label": "Label",
    "ends-before": "Ends before",
    "unused-since": "Unused since",
}
_DAYS = ("ends-before", "unused-since")


@dataclass(frozen=True, slots=True)
class Content:
    """A page without what all pages share."""

    title: str
    main: str


def address_of(number: str, action: str = "") -> str:
    return f"/license/{number}/{action}" if action else f"/license/{number}"


def list_page(stack: Stack, query: Mapping[str, str], now: int) -> Content:
    """The licenses that the filters find. Raises BadTerms."""
    filters = _filters(query)
    sort = query.get("sort", "license")
    matches = find_sold(stack.licenses, filters, now)
    matches.sort(key=SORTS.get(sort, SORTS["license"]))
    pages = max(1, ceil(len(matches) / ROWS))
    page = min(_page(query), pages)
    shown = matches[(page - 1) * ROWS : page * ROWS]
    whole = {each.number: each for each in stack.licenses.with_use(shown)} if shown else {}
    listed = [whole[each.number] for each in shown if each.number in whole]
    parts = [_filter_form(query)]
    if listed:
        counted = count_of(len(matches), "license")
        caption = f"{counted}, page {page} of {pages}" if pages > 1 else counted
        parts += [_license_table(caption, listed, now), _page_links(query, page, pages)]
    else:
        parts.append(html.paragraph(no_match(filters)))
    return Content("Licenses", "".join(parts))


def search_page(query: Mapping[str, str]) -> Content:
    """The search alone, where nothing could be read."""
    return Content("Licenses", _filter_form(query))


def _filters(query: Mapping[str, str]) -> Filters:
    days = {name: _first_second(query.get(name, "").strip()) for name in _DAYS}
    status = query.get("status", "")
    return Filters(
        words=tuple(query.get("words", "").split()),
        licensee=query.get("licensee", "").strip(),
        product=query.get("product", "").strip(),
        reference=query.get("reference", "").strip(),
        labels=tuple(query.get("label", "").split()),
        status=status if status in STATES else "",
        ends_before=days["ends-before"],
        unused_since=days["unused-since"],
    )


def _first_second(text: str) -> int | None:
    if not text:
        return None
    try:
        return FirstSecond().convert(text, None, None)
    except click.BadParameter as error:
        raise BadTerms(error.message, "Enter another day, or leave it empty.") from error


def _page(query: Mapping[str, str]) -> int:
    text = query.get("page", "")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1
    return min(max(1, number), _MAX_PAGE)


def _filter_form(query: Mapping[str, str]) -> str:
    texts = {name: query.get(name, "") for name in _TEXTS}
    states = {"": "All", **{state: state for state in STATES}}
    more = [
        html.text_field(name, label, texts[name])
        for name, label in _TEXTS.items()
        if name != "words"
    ]
    more.append(html.choice("status", "Status", states, query.get("status", "")))
    more.append(
        html.choice("sort", "Sorted by", {name: name for name in SORTS}, query.get("sort", ""))
    )
    hint = "Parts of a number, licensee, contact, reference, product, edition, or label."
    search = html.text_field("words", _TEXTS["words"], texts["words"], hint)
    return html.get_form(
        "/licenses", search, html.group("filters", *more), html.button("Find", "primary")
    )


def _license_table(caption: str, listed: Sequence[LicenseRecord], now: int) -> str:
    columns = columns_of_list(now)
    chosen = [columns[name] for name in DEFAULT_COLUMNS]
    rows = [
        [
            html.link(address_of(license.number), chosen[0].text(license)),
            *(html.cell(column.text(license)) for column in chosen[1:]),
        ]
        for license in listed
    ]
    return html.table(caption, [_sentence(column.title) for column in chosen], rows)


def _page_links(query: Mapping[str, str], page: int, pages: int) -> str:
    links = [
        html.link("/licenses", text, {**query, "page": str(number)})
        for text, number in (("Previous page", page - 1), ("Next page", page + 1))
        if 1 <= number <= pages
    ]
    return html.navigation("Pages", *links) if links else ""


def license_page(stack: Stack, number: str, now: int) -> Content:
    """What `license show` says, with what can be done about it. Raises NoSuchLicense."""
    support = find_support(stack, number, now)
    license = support.license
    parts = [
        html.pairs(license_support.facts(support, now)),
        html.panel(
            html.paragraph("To say to a customer who wants one more computer:"),
            *map(html.paragraph, support.next_steps),
        ),
    ]
    if support.seats:
        seats = [
            [
                *(html.cell(column.text(seat)) for column in SEATS.columns),
                html.link(
                    address_of(number, "release"),
                    f"Free seat {seat.number}",
                    {"seat": str(seat.number)},
                ),
            ]
            for seat in support.seats
        ]
        titles = [*(_sentence(column.title) for column in SEATS.columns), "Change"]
        parts.append(html.table("In use by", titles, seats))
    if support.refusals:
        caption = f"Refused in the last {KEPT_DAYS} days"
        columns = [each for each in REFUSALS.columns if each.title != "LICENSE"]
        refused = [
            [html.cell(column.text(record)) for column in columns] for record in support.refusals
        ]
        titles = [_sentence(column.title) for column in columns]
        parts.append(html.table(caption, titles, refused))
    parts += [
        _actions(license),
        html.navigation("More", html.link(address_of(number, "history"), "History")),
    ]
    return Content(heading(license), "".join(parts))


def _actions(license: LicenseRecord) -> str:
    if license.status is Status.REVOKED:
        return html.paragraph("It was revoked for good: nothing about it can change.")
    names = {"suspend": "Suspend…"} if license.status is Status.ACTIVE else {"resume": "Resume…"}
    names |= {"allow-move": "Allow one more move…", "undo": "Undo the last change…"}
    buttons = [
        html.get_form(address_of(license.number, action), html.button(text))
        for action, text in names.items()
    ]
    extend = html.get_form(
        address_of(license.number, "extend"),
        html.text_field("until", "New last day", hint=UNTIL_HINT),
        html.button("Extend…", "primary"),
    )
    return html.section("Change the license", extend, html.group("actions", *buttons))


def history_page(stack: Stack, number: str) -> Content:
    """Every change that the vendor made. Raises NoSuchLicense."""
    license = licenses.find(stack.licenses, number)
    changes = stack.licenses.changes(number)
    rows = [[html.cell(column.text(change)) for column in CHANGES.columns] for change in changes]
    titles = [_sentence(column.title) for column in CHANGES.columns]
    drawn = (
        html.table("Your changes, times in UTC", titles, rows)
        if rows
        else html.paragraph("No change is recorded. Releases up to 0.9 recorded none.")
    )
    return Content(f"History of {_of(license)}", drawn + _back(number))


def confirm_page(plan: Plan, action: str, fields: Mapping[str, str]) -> Content:
    """What would change; who takes rights away types the license number."""
    license = plan.before
    changes = html.pairs(plan.changes) if plan.changes else html.paragraph("Nothing would change.")
    parts = [html.paragraph(heading(license)), html.panel(changes)]
    form = [html.hidden({**fields, "revision": str(license.revision)})]
    if plan.warning:
        lines = map(html.paragraph, _sentences(plan.warning))
        name = "This takes rights away" if plan.takes_rights else "Check what you undo"
        mood = "bad" if plan.takes_rights else ""
        parts.append(html.panel(html.title(name), *lines, mood=mood))
    if plan.takes_rights:
        shown = show_license_number(license.number)
        hint = f"To confirm it, type the number of this license: {shown}"
        form.append(html.text_field("typed", "License number", hint=hint))
    form.append(html.button(plan.title, "primary"))
    parts.append(html.post_form(address_of(license.number, action), *form))
    return Content(plan.title, "".join(parts) + _back(license.number))


def explain_page() -> Content:
    """Where a request file or a ticket is chosen."""
    form = html.post_form(
        "/explain",
        html.file_field("file", "Request file"),
        html.text_field(
            "ticket", "Or its ticket", hint="The first 8 characters are enough. Kept for 30 days."
        ),
        html.button("Explain", "primary"),
        has_file=True,
    )
    purpose = "What the service answers to it now, and what would change that. Nothing is written."
    return Content("Explain a request", html.paragraph(purpose) + form)


def explanation_page(explanation: Explanation, vendor: Vendor) -> Content:
    """What `request explain` prints."""
    refusal = explanation.refusal
    outcome = "Answered" if refusal is None else "Refused"
    verdict = [html.paragraph(explanation.why)]
    if explanation.moves_left is not None:
        left = count_of(explanation.moves_left, "move")
        verdict.append(html.paragraph(f"{left} left after that."))
    parts = [
        html.panel(*verdict, mood="good" if refusal is None else "bad"),
        html.pairs(request_explain.facts(explanation)),
    ]
    if explanation.remedies:
        remedies = [
            html.item(
                html.paragraph(each.text),
                html.command(each.command) if each.command else "",
                html.paragraph(then) if (then := request_explain.outcome(each)) else "",
            )
            for each in explanation.remedies
        ]
        parts.append(html.section("What would change it", html.items(remedies)))
    if refusal is not None:
        words = say_refusal(refusal, "en", vendor)
        customer_reads = html.paragraph(f"{words.title}. {words.next_step}")
        parts.append(html.section("The customer reads", customer_reads))
    links = [html.link("/explain", "Explain another request")]
    if explanation.license is not None:
        links.insert(0, html.link(address_of(explanation.license.number), "Open the license"))
    more = html.navigation("More", *links)
    return Content(f"{outcome} now: {explanation.rule}", "".join(parts) + more)


def _sentences(lines: Sequence[str]) -> list[str]:
    """The lines of a terminal, those that go on in the next one joined."""
    sentences = [""]
    for line in lines:
        if sentences[-1].endswith((",", ":")):
            sentences[-1] += f" {line.strip()}"
        else:
            sentences.append(line.strip())
    return sentences[1:]


def _of(license: LicenseRecord) -> str:
    text = heading(license)
    return text[0].lower() + text[1:]


def _back(number: str) -> str:
    return html.navigation("Back", html.link(address_of(number), "Back to the license"))


def _sentence(title: str) -> str:
    """`LAST FILE` as the title of a column on a page: `Last file`."""
    return title.capitalize().replace("(utc)", "(UTC)")
