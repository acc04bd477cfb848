"""What the commands print of the refusals that are kept."""

from typing import Any

from keyferry_admin.cli.output import Column, Listing, count_of, minute
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_service.adapters.refusals_dynamodb import KEPT_DAYS
from keyferry_service.domain.refusals import RefusalRecord

UNPROVEN = (
    "Not listed: files that prove nothing, as with a wrong code. To explain one:\n"
    "keyferry-admin request explain FILE"
)


def footer(shown: int, total: int) -> str:
    """Below the list: how many there are, how to see more, and what is not among them."""
    counted = f"{shown} of {count_of(total, 'refusal')}" if total else "No refusal"
    rest = "" if shown == total else " All of them: --all."
    return f"{counted} in the last {KEPT_DAYS} days.{rest}\n{UNPROVEN}"


def as_json(record: RefusalRecord) -> dict[str, Any]:
    return {
        "at": format_time(record.at),
        "license_number": record.license_number,
        "machine_name": record.machine_name,
        "kind": record.kind,
        "code": record.refusal.code.value,
        "variant": record.refusal.variant,
        "facts": dict(record.refusal.facts),
        "ticket": record.ticket,
    }


REFUSALS: Listing[RefusalRecord] = Listing(
    "refusals",
    as_json,
    (
        Column("REFUSED (UTC)", lambda each: minute(each.at), ("at",)),
        Column("LICENSE", lambda e: show_license_number(e.license_number), ("license_number",)),
        Column("COMPUTER", lambda each: each.machine_name or "-", ("machine_name",)),
        Column("WHY", lambda each: each.refusal.code.value, ("code",)),
        Column("TICKET", lambda each: each.ticket),
    ),
)
