"""How figures, periods, and changes are named to a reader."""

from keyferry_admin.use_cases.figures.count import Figure, Period
from keyferry_protocol.messages.formats import long_date
from keyferry_service.domain.refusals import RefusalCode

TITLES = {
    Figure.ACTIVATIONS: "Activations",
    Figure.UPDATES: "Updates",
    Figure.DEACTIVATIONS: "Deactivations",
    Figure.RENEWALS: "Renewals",
    Figure.MOVES: "Moves",
    Figure.REFUSALS: "Refusals",
}
# A refusal before the proof is not kept, because anyone could have sent the file.
REASONS = {
    RefusalCode.KEYS_TOO_OLD: "The application is too old for today's signing keys",
    RefusalCode.NOT_ACTIVATED: "The computer has no seat to update or deactivate",
    RefusalCode.MACHINE_NOT_IDENTIFIED: "Too little of the computer can be recognized",
    RefusalCode.NEEDS_ADMINISTRATOR: "The computer has changed and needs an administrator",
    RefusalCode.LICENSE_SUSPENDED: "The license is suspended",
    RefusalCode.LICENSE_REVOKED: "The license was revoked",
    RefusalCode.LICENSE_EXPIRED: "The license has ended",
    RefusalCode.PRODUCT_MISMATCH: "The license is for another product",
    RefusalCode.PROTECTION_NOT_ALLOWED: "The license does not allow this protection",
    RefusalCode.ENVIRONMENT_NOT_ALLOWED: "Virtual machines or containers are not allowed",
    RefusalCode.DONGLE_NOT_REGISTERED: "The dongle is not registered for the license",
    RefusalCode.NO_SUCH_SEAT: "The seat to replace does not exist",
    RefusalCode.NO_SEATS_LEFT: "All seats are in use",
    RefusalCode.MOVE_LIMIT: "No move is left this year",
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
