"""The status of a license as people read it, in the list, the status, and the wizard."""

import os

from keyferry.journey import ACTIVE, DEACTIVATION_WAITING, UPDATE_WAITING
from keyferry.license import License
from keyferry.list_licenses import Row
from keyferry.times import local_time, long_date, seconds, short_date
from keyferry_protocol.messages import has_message, message
from keyferry_protocol.response import Response


def short_status(row: Row) -> str:
    """The status in a few words, for a table that also shows the end date."""
    status = _short_status(row)
    if row.journey.step == UPDATE_WAITING and row.state != "pending":
        return message("terminal.status.and-update", status=status)
    return status


def _short_status(row: Row) -> str:
    if row.journey.step == DEACTIVATION_WAITING:
        return message("terminal.status.seat-not-free")
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
    if row.journey.step == DEACTIVATION_WAITING:
        moment = local_time(row.journey.waiting[0].request.created_at)
        return message("terminal.status.deactivated-since", moment=moment)
    name = f"terminal.status.{row.state}"
    if has_message(name):
        return message(name, date=_date(row))
    return row.error.title if row.error else row.state


def details(row: Row, page: str) -> list[str]:
    """The seat, what is waiting, since when, and where its file is; then what to do next.

    `page` is the address of the vendor's page.
    """
    sentences = []
    if row.journey.seat is not None:
        sentences.append(message("terminal.seat", n=row.journey.seat))
    for file in row.journey.waiting:
        is_headline = file.request.kind != "update" and row.state in ("pending", "deactivated")
        if not is_headline or len(row.journey.waiting) > 1:
            moment = local_time(file.request.created_at)
            sentences.append(message(f"terminal.waiting.{file.request.kind}", moment=moment))
        if file.path:
            name = "request-file" if os.path.exists(file.path) else "request-file-gone"
            sentences.append(message(f"terminal.{name}", path=file.path))
    if row.journey.waiting:
        kind = row.journey.waiting[0].request.kind
        name = "deactivation" if kind == "deactivate" else "request"
        sentences.append(message(f"terminal.waiting.next-{name}", page=page))
    if row.journey.void_path:
        sentences.append(message("terminal.void-file", path=row.journey.void_path))
    if row.error is not None:
        sentences += [str(row.error)] if str(row.error) != row.error.title else []
        sentences.append(row.error.next_step)
    return sentences


def names_path(row: Row, sentence: str) -> bool:
    """Whether a sentence of `details` holds a path, which is copied and so never broken."""
    paths = (row.journey.void_path, *(file.path for file in row.journey.waiting))
    return any(path and path in sentence for path in paths)


def terms_line(response: Response, previous: Response | None = None) -> str:
    """What a response grants, to whom, and until when; and until when it was, if that changed."""
    terms = response.license
    facts = {"product": f"{terms.product} {terms.edition}".rstrip(), "licensee": terms.licensee}
    date = _end(response)
    before = date if previous is None else _end(previous)
    name = "terms-until" if date else "terms"
    if before != date:
        name += "-changed" if before else "-new"
    return message(f"terminal.{name}", date=date, before=before, **facts)


def _end(response: Response) -> str:
    until = response.license.valid_until
    return "" if until is None else long_date(until)


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
