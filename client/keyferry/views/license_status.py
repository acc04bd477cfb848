"""The status of a license as people read it."""

from keyferry.license import License
from keyferry.list_licenses import ACTIVE, Row
from keyferry.times import local_time, long_date, seconds, short_date
from keyferry_protocol.messages import has_message, message


def short_status(row: Row) -> str:
    """The status in a few words, for a table that also shows the end date."""
    if row.state == ACTIVE and row.license is not None:
        return (
            message("terminal.status.active") if _has_no_deadline(row.license) else long_status(row)
        )
    return message("terminal.status.pending") if row.state == "pending" else long_status(row)


def long_status(row: Row) -> str:
    """The status as a complete sentence."""
    if row.license is not None:
        return _active(row.license)
    if row.state == "pending" and row.request is not None:
        return message("terminal.status.pending-since", moment=local_time(row.request.created_at))
    name = f"terminal.status.{row.state}"
    if has_message(name):
        return message(name, date=_date(row))
    return row.error.title if row.error else row.state


def end_date(row: Row) -> str:
    """The end date of the license; `-` if it has none."""
    response = row.response
    if response is None or response.is_receipt or response.license.valid_until is None:
        return "-"
    return short_date(response.license.valid_until)


def _has_no_deadline(license: License) -> bool:
    return license.check_in_by is None and not license.ends_soon


def _active(license: License) -> str:
    days = license.days_left
    if license.is_in_grace:
        return message("terminal.status.grace", n=days)
    if license.check_in_by is not None:
        return message("terminal.status.check-in", date=long_date(seconds(license.check_in_by)))
    if license.valid_until is None or days is None:
        return message("terminal.status.active")
    if license.ends_soon:
        return message("terminal.status.ends-soon", n=days)
    return message("terminal.status.active-until", date=long_date(seconds(license.valid_until)))


def _date(row: Row) -> str:
    return str(row.error.facts.get("date", "")) if row.error else ""
