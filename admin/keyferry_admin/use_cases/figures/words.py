"""How figures, periods, and changes are named to a reader."""

from keyferry_admin.use_cases.figures.count import Figure, Period
from keyferry_protocol.messages.formats import long_date

TITLES = {
    Figure.ACTIVATIONS: "Activations",
    Figure.UPDATES: "Updates",
    Figure.DEACTIVATIONS: "Deactivations",
    Figure.RENEWALS: "Renewals",
    Figure.MOVES: "Moves",
}


def period_in_words(period: Period) -> str:
    """`2 September to 30 November 2026`; a single day is named once."""
    since, until = long_date(period.since), long_date(period.until)
    if period.since.year == period.until.year:
        since = since.removesuffix(f" {period.since.year}")
    return until if len(period) == 1 else f"{since} to {until}"


def change_in_words(now: int, before: int | None) -> str:
    """`+19% from 1,010`, of a number and the one of the period before."""
    if before is None:
        return "before: not known"
    if before == 0:
        return "before: none"
    if now == before:
        return "the same as before"
    return f"{change(now, before)} from {before:,}"


def change(now: int, before: int | None) -> str:
    """`+19%` or `−5%`; `-` if there is nothing to compare with."""
    if not before:
        return "-"
    return f"{(now - before) / before:+.0%}".replace("-", "−")
