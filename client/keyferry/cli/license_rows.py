"""A license as `list` and `status` show it: its words, and its part of the document."""

import os
from typing import Any

from keyferry.cli.settings import Settings
from keyferry.license import License
from keyferry.list_licenses import ACTIVE, Row, survey
from keyferry.times import local_time, long_date, seconds, short_date
from keyferry_protocol.encoding import format_time
from keyferry_protocol.messages import has_message, message


def all_rows(settings: Settings) -> list[Row]:
    return survey(
        settings.where,
        settings.keys,
        settings.product,
        settings.seen(),
        settings.now,
        settings.dongle,
    )


def short_status(row: Row) -> str:
    """A few words for the table; how long it lasts stands beside them."""
    if row.state == ACTIVE and row.license is not None:
        return message("terminal.status.active") if _is_plain(row.license) else long_status(row)
    return message("terminal.status.pending") if row.state == "pending" else long_status(row)


def long_status(row: Row) -> str:
    """The whole sentence of one license."""
    if row.license is not None:
        return _active(row.license)
    if row.state == "pending" and row.request is not None:
        return message("terminal.status.pending-since", moment=local_time(row.request.created_at))
    name = f"terminal.status.{row.state}"
    if has_message(name):
        return message(name, date=_date(row))
    return row.error.title if row.error else row.state


def ends(row: Row) -> str:
    response = row.response
    if response is None or response.is_receipt or response.license.valid_until is None:
        return "-"
    return short_date(response.license.valid_until)


def as_json(rows: list[Row]) -> dict[str, Any]:
    """The document of `list` and `status`."""
    return {"ok": True, "licenses": [_row_as_json(n, row) for n, row in enumerate(rows, 1)]}


def _is_plain(license: License) -> bool:
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


def _row_as_json(order: int, row: Row) -> dict[str, Any]:
    members: dict[str, Any] = {
        "order": order,
        "license_number": row.number,
        "product": row.product,
        "state": row.state,
    }
    if row.response is not None and not row.response.is_receipt:
        terms = row.response.license
        members["valid_until"] = _time(terms.valid_until)
        members |= {
            "licensee": terms.licensee,
            "edition": terms.edition,
            "features": dict(terms.features),
            "check_in_by": _time(row.response.check_in_by),
            "maintenance_until": _time(terms.maintenance_until),
            "seat": row.response.seat,
            "serial": row.response.serial,
            "protection": row.response.bound_to.protection,
        }
    if row.license is not None and row.license.is_in_grace:
        members["reason"] = "grace"
    if row.request is not None:
        members["since"] = format_time(row.request.created_at)
        path = row.request_path if os.path.exists(row.request_path) else None
        members["request"] = {"id": row.request.id, "kind": row.request.kind, "path": path}
    if row.error is not None:
        members["error"] = {"code": row.error.code, "title": row.error.title}
    return members


def _time(moment: int | None) -> str | None:
    return None if moment is None else format_time(moment)
