"""The licenses on this computer as the document of `list --json` and `status --json`."""

import os
from typing import Any

from keyferry.list_licenses import Row
from keyferry_protocol.encoding import format_time


def licenses_document(rows: list[Row]) -> dict[str, Any]:
    """The document of `list` and `status`."""
    return {"ok": True, "licenses": [_row_as_json(n, row) for n, row in enumerate(rows, 1)]}


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
