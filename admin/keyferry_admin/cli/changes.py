"""What the commands print of the changes that were made to a license."""

from typing import Any

from keyferry_admin.cli.license_terms import NEVER, show_features
from keyferry_admin.cli.output import Column, Listing, day, minute
from keyferry_admin.cli.reach import reach, taken_seats
from keyferry_admin.use_cases.undo import takes_rights_away
from keyferry_protocol.encoding import format_time
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.change import CREATE, Change
from keyferry_service.domain.license import LicenseRecord

_TIMES = {"valid_from", "valid_until", "maintenance_until", "first_issued_at"}
_TITLES = {
    "activation_public": "Activation code",
    "valid_from": "Begins",
    "valid_until": "Ends",
    "protections": "Protection",
    "environments": "Environment",
}


def undo_warning(store: Licenses, before: LicenseRecord, change: Change, now: int) -> list[str]:
    """Whose change is undone, and how far that reaches if it takes rights away."""
    warning = [f"This undoes {change.what} by {_short(change.who)}, {minute(change.at)}."]
    if "activation_public" in change.before:
        warning.append("  The present code stops working, and the one before it works again.")
    if takes_rights_away(before, change, now):
        seats = taken_seats(store, before.number)
        warning += [f"  {line.strip()}" for line in reach(before, seats)]
    return warning


def changes_back(change: Change) -> list[tuple[str, str]]:
    """What undoing this change changes: each label, and `2 (was 5)`."""
    return _differences(change.after, change.before)


def _differences(before: Any, after: Any) -> list[tuple[str, str]]:
    """A label and `5 (was 2)` for each attribute."""
    return [
        (_title(name), "another one")
        if name == "activation_public"
        else (_title(name), f"{_text(name, after[name])} (was {_text(name, before[name])})")
        for name in after
    ]


def _title(name: str) -> str:
    return _TITLES.get(name, name.replace("_", " ").capitalize())


def _text(name: str, value: Any) -> str:
    if name == "valid_until" and value is None:
        return NEVER
    if name in _TIMES:
        return day(value, short=True)
    if name == "features":
        return show_features(value)
    if isinstance(value, tuple):
        return ", ".join(value) or "-"
    return "-" if value in (None, "") else str(value)


def _short(who: str) -> str:
    """An ARN without its account: `assumed-role/Desk/ada`."""
    return who.rpartition(":")[2] or "-"


def _summary(change: Change) -> str:
    if change.what == CREATE:
        changes = [
            (_title(name), _text(name, value))
            for name, value in change.after.items()
            if name != "activation_public"
        ]
    else:
        changes = _differences(change.before, change.after)
    texts = [f"{label}: {text}" for label, text in changes]
    return "; ".join([change.subject, *texts] if change.subject else texts)


def change_as_json(change: Change) -> dict[str, Any]:
    """The document of a change. Attributes have the names of the license's document."""
    return {
        "revision": change.revision,
        "at": format_time(change.at),
        "who": change.who,
        "what": change.what,
        "subject": change.subject,
        "before": {name: _value(name, value) for name, value in change.before.items()},
        "after": {name: _value(name, value) for name, value in change.after.items()},
        "undoes": change.undoes,
    }


def _value(name: str, value: Any) -> Any:
    if name in _TIMES and value is not None:
        return format_time(value)
    if isinstance(value, bytes):
        return value.hex()
    return list(value) if isinstance(value, tuple) else value


CHANGES: Listing[Change] = Listing(
    "changes",
    change_as_json,
    (
        Column("WHEN", lambda each: minute(each.at), ("at",)),
        Column("WHO", lambda each: _short(each.who), ("who",)),
        Column("WHAT", lambda each: each.what),
        Column("CHANGES", _summary),
    ),
)
