"""The licenses on this computer as the document of `list --json` and `status --json`."""

import os
from typing import Any

from keyferry.journey import WaitingFile
from keyferry.list_licenses import Row
from keyferry.views.license_status import details, long_status
from keyferry_protocol.encoding import format_time


def licenses_document(rows: list[Row], page: str) -> dict[str, Any]:
    """The document of `list` and `status`. `page` is the address of the vendor's page."""
    return {"ok": True, "licenses": [_row_as_json(n, row, page) for n, row in enumerate(rows, 1)]}


def _row_as_json(order: int, row: Row, page: str) -> dict[str, Any]:
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
    waiting = [_waiting_as_json(file) for file in row.journey.waiting]
    if waiting:
        current = next((one for one in waiting if one["kind"] != "deactivate"), waiting[0])
        members["since"] = current["since"]
        members["request"] = {name: current[name] for name in ("id", "kind", "path")}
    members["journey"] = {
        "step": row.journey.step,
        "waiting": waiting,
        "void_path": row.journey.void_path or None,
        "text": [long_status(row), *details(row, page)],
    }
    if row.error is not None:
        members["error"] = row.error.facts | {
            "code": row.error.code,
            "title": row.error.title,
            "detail": str(row.error),
            "next_step": row.error.next_step,
        }
    return members


def _waiting_as_json(file: WaitingFile) -> dict[str, Any]:
    return {
        "kind": file.request.kind,
        "id": file.request.id,
        "since": format_time(file.request.created_at),
        "path": file.path if os.path.exists(file.path) else None,
    }


def _time(moment: int | None) -> str | None:
    return None if moment is None else format_time(moment)
