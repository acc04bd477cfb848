"""`keyferry-admin stats`: what happened in a period, for the vendor and the vendor's boss."""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import click

from keyferry_admin.cli import cli
from keyferry_admin.cli.admin_command import AdminCommand, Settings
from keyferry_admin.cli.license_filters import filter_options
from keyferry_admin.cli.output import aligned, count_of, mark
from keyferry_admin.cli.output import day as show_day
from keyferry_admin.cli.progress import progress_bar, watch_seats
from keyferry_admin.errors.licenses import NothingMatches
from keyferry_admin.use_cases.figures.chart import activations, svg_picture
from keyferry_admin.use_cases.figures.count import (
    DEFAULT_DAYS,
    ENDING_DAYS,
    Answer,
    Ending,
    Figure,
    Figures,
    Period,
    count_figures,
    day_of,
)
from keyferry_admin.use_cases.figures.files import write_csv, write_text
from keyferry_admin.use_cases.figures.report import html_report
from keyferry_admin.use_cases.figures.rows import rows_of
from keyferry_admin.use_cases.figures.words import REASONS, TITLES, change, period_in_words
from keyferry_admin.use_cases.find import Filters, find_sold
from keyferry_admin.use_cases.spreadsheet import tsv_line
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_protocol.messages.formats import short_date
from keyferry_service.domain.license import LicenseRecord
from keyferry_service.domain.refusals import RefusalCode

_FIRST_DAY = date(1970, 1, 1)
_COUNTED = ("seats_used", "moves", "first_issued_at")  # of what was used
_NAMED = 3  # licenses in a sentence
_STEP = 1000  # responses for each time that the bar is drawn
_FILE = click.Path(dir_okay=False, path_type=Path)


class Day(click.ParamType[date]):
    """A day in UTC."""

    name = "date"

    def convert(self, value: Any, param: Any, ctx: Any) -> date:
        try:
            converted = date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no day like 2026-11-30", param, ctx)
        if converted < _FIRST_DAY:
            self.fail(f"{value} is before {_FIRST_DAY}", param, ctx)
        return converted


@cli.command(cls=AdminCommand)
@click.option("--since", type=Day(), help=f"First day. Default: {DEFAULT_DAYS} days in all.")
@click.option("--until", type=Day(), help="Last day. Default: today.")
@filter_options()
@click.option("--csv", "csv_file", type=_FILE, metavar="FILE", help="Also write every number.")
@click.option("--report", type=_FILE, metavar="FILE", help="Also write a page (HTML) to print.")
@click.option("--plot", type=_FILE, metavar="FILE", help="Also draw activations (SVG).")
@click.pass_obj
def stats(
    settings: Settings,
    since: date | None,
    until: date | None,
    filters: Filters,
    csv_file: Path | None,
    report: Path | None,
    plot: Path | None,
) -> None:
    """Count activations, moves, seats in use, and licenses that end soon.

    Days are in UTC. A period is compared with as many days before it.

    Example: keyferry-admin stats --since 2026-09-01 --report licenses.html
    """
    period = _period(since, until, day_of(settings.now))
    watch = watch_seats(settings.output)
    sold = find_sold(settings.stack.licenses, filters, settings.now, watch=watch)
    if not sold and filters != Filters():
        raise NothingMatches(f"There is no license with {_in_words(filters)}")
    figures = _read(settings, sold, period)
    not_counted = _not_counted(figures)
    written = {"csv": csv_file, "report": report, "plot": plot}
    if csv_file is not None:
        write_csv(csv_file, figures)
    if report is not None:
        only = f"Only licenses with {_in_words(filters)}" if filters != Filters() else ""
        notes = [each for each in (only, not_counted) if each]
        write_text(report, html_report(figures, settings.stack.output("VendorName"), notes))
    if plot is not None:
        write_text(plot, svg_picture(activations(figures)))
    paths = {name: None if path is None else str(path.resolve()) for name, path in written.items()}
    warnings = [f"{mark('warning')} {not_counted}"] if not_counted else []
    ready = [f"{mark('ok')} {path}" for path in paths.values() if path]
    lines = [*_lines(figures), *warnings, *ready]
    if not settings.output.is_terminal:
        lines = [tsv_line(row) for row in rows_of(figures)]
        if not settings.output.as_json:
            print("".join(f"{each}\n" for each in warnings), end="", file=sys.stderr)
    settings.output.result(lines, _document(figures) | {"files": paths})


def _in_words(filters: Filters) -> str:
    """`product Example Modeler, labels emea and oem`."""
    used = {each.name.replace("_", " "): getattr(filters, each.name) for each in fields(filters)}
    texts = []
    for name, value in used.items():
        if isinstance(value, int):
            texts.append(f"{name} {show_day(value)}")
        elif value:
            texts.append(f"{name} {value if isinstance(value, str) else ' and '.join(value)}")
    return ", ".join(texts)


def _period(since: date | None, until: date | None, today: date) -> Period:
    last = until or today
    if last > today:
        raise click.BadParameter(f"{last} is in the future", param_hint="--until")
    if since is None:
        return Period.last_days(last)
    if since > last:
        raise click.BadParameter(f"{since} is after the last day, {last}", param_hint="--since")
    return Period(since, last)


def _read(settings: Settings, sold: list[LicenseRecord], period: Period) -> Figures:
    """Count what the tables say, with a bar while the ledger is read, which takes longest."""
    licenses, now = settings.stack.licenses, settings.now
    responses = licenses.responses_between(period.before.starts_at, period.ends_at)
    bar = progress_bar(settings.output, "Reading the ledger", responses, steps=_STEP)
    with ThreadPoolExecutor() as pool, bar:
        used = pool.submit(lambda: list(licenses.with_use(sold, _COUNTED)))
        refusals = pool.submit(settings.stack.refusals.all, now)
        answers = [Answer(*each) for each in bar]
        return count_figures(used.result(), answers, refusals.result(), period, now)


def _lines(figures: Figures) -> list[str]:
    shown = [f for f in Figure if f is not Figure.RENEWALS or figures.total(f)]
    days = f"{len(figures.period)} days" if len(figures.period) > 1 else "1 day"
    ends = [f"{len(figures.ending_within(days)):,} within {days} days" for days in ENDING_DAYS]
    return [
        *_by_day(figures, shown),
        f"{period_in_words(figures.period)} ({days})",
        "",
        *_compared(figures, shown),
        "",
        *_by_product(figures, shown),
        *_reasons(figures),
        f"Licenses that end: {', '.join(ends)}",
    ]


def _not_counted(figures: Figures) -> str:
    """What is missing in the figures; "" if nothing is."""
    if not figures.unreadable:
        return ""
    count = sum(figures.unreadable.values())
    verb = "is" if count == 1 else "are"
    numbers = [show_license_number(number) for number in sorted(figures.unreadable)]
    more = f", and {len(numbers) - _NAMED} more" if len(numbers) > _NAMED else ""
    return (
        f"{count_of(count, 'response')} from this period cannot be read, and {verb} not counted"
        f" ({', '.join(numbers[:_NAMED])}{more})."
    )


def _by_day(figures: Figures, shown: Sequence[Figure]) -> list[str]:
    rows = []
    for day in figures.period:
        counts = [
            sum(figures.of_day(figure, day, product) for product in figures.products)
            for figure in shown
        ]
        if any(counts):
            rows.append([short_date(day), *(f"{count:,}" for count in counts)])
    if not rows:
        return []
    return [*aligned([["DAY (UTC)", *_titles(shown)], *rows]), ""]


def _compared(figures: Figures, shown: Sequence[Figure]) -> list[str]:
    rows = [["", "IN ALL", "BEFORE", "CHANGE"]]
    for figure in shown:
        now, before = figures.total(figure), figures.total_before(figure)
        text = "not known" if before is None else f"{before:,}"
        rows.append([TITLES[figure], f"{now:,}", text, change(now, before)])
    return aligned(rows)


def _by_product(figures: Figures, shown: Sequence[Figure]) -> list[str]:
    if not figures.seats:
        return ["No license yet. Make one:  keyferry-admin license create --help"]
    rows = [["PRODUCT", *_titles(shown), "SEATS IN USE", "LICENSES"]]
    for seats in figures.seats:
        counts = [f"{figures.total(figure, seats.product):,}" for figure in shown]
        in_use = f"{seats.in_use:,} of {seats.sold:,}"
        rows.append([seats.product, *counts, in_use, f"{seats.licenses:,}"])
    return [*aligned(rows), ""]


def _reasons(figures: Figures) -> list[str]:
    if not figures.reasons:
        return []
    rows = [["REFUSALS", "CODE", "REASON"]]
    rows += [[f"{n:,}", code, REASONS[RefusalCode(code)]] for code, n in figures.reasons]
    return [*aligned(rows), ""]


def _titles(shown: Sequence[Figure]) -> list[str]:
    return [TITLES[figure].upper() for figure in shown]


def _document(figures: Figures) -> dict[str, Any]:
    period = figures.period
    return {
        "period": _dates(period),
        "period_before": _dates(period.before),
        "figures": {
            figure: {"count": figures.total(figure), "before": figures.total_before(figure)}
            for figure in Figure
        },
        "refusals": [
            {"code": code, "reason": REASONS[RefusalCode(code)], "count": count}
            for code, count in figures.reasons
        ],
        "days": _days(figures),
        "products": [
            {
                "product": seats.product,
                "licenses": seats.licenses,
                "seats_used": seats.in_use,
                "seats": seats.sold,
            }
            for seats in figures.seats
        ],
        "ending": [_ending(each) for each in figures.ending],
        "unreadable": [
            {"license_number": number, "count": count}
            for number, count in sorted(figures.unreadable.items())
        ],
    }


def _days(figures: Figures) -> list[dict[str, Any]]:
    """What was counted by day and product; a number that is missing is 0."""
    days: dict[tuple[date, str], dict[str, Any]] = {}
    for (figure, day, product, _), count in sorted(figures.cells.items()):
        if day in figures.period:
            empty = {"day": day.isoformat(), "product": product}
            row = days.setdefault((day, product), empty)
            row[figure] = row.get(figure, 0) + count
    return [days[key] for key in sorted(days)]


def _dates(period: Period) -> dict[str, str]:
    return {"since": period.since.isoformat(), "until": period.until.isoformat()}


def _ending(ending: Ending) -> dict[str, Any]:
    license = ending.license
    return {
        "license_number": license.number,
        "licensee": license.licensee,
        "product": license.product,
        "reference": license.reference,
        "ends_at": format_time(ending.ends_at),
        "days_left": ending.days_left,
        "seats_used": license.seats_used,
        "seats": license.seats,
    }
