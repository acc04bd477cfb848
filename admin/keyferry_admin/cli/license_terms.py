"""What the commands print of a license: its terms, what changes in them, its document."""

from collections.abc import Mapping
from typing import Any

from keyferry_admin.cli.output import count_of, day
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_service.domain.license import LicenseRecord, Status

NEVER = "never"  # as it is entered: --until never


def terms_of(license: LicenseRecord) -> dict[str, str]:
    """Each term under its label, in the order in which `license show` prints them."""
    return {
        "Status": license.status.value,
        "Licensee": license.licensee or "-",
        "Contact": license.contact or "-",
        "Reference": license.reference or "-",
        "Labels": ", ".join(license.labels) or "-",
        "Note": license.note or "-",
        "Product": _product(license),
        "Features": show_features(license.features),
        "Seats": str(license.seats),
        "Moves": f"{license.moves_per_year} a year",
        "Ends": show_end(license),
        "Updates until": day(license.maintenance_until),
        "Check in": _lease(license),
        "Protection": ", ".join(license.protections),
        "Environment": ", ".join(license.environments),
    }


def differences(before: LicenseRecord, after: LicenseRecord) -> list[tuple[str, str]]:
    """Each term that changes: its label, and `5 (was 2)`."""
    was = terms_of(before)
    return [
        (label, f"{text} (was {was[label]})")
        for label, text in terms_of(after).items()
        if text != was[label]
    ]


def changes_as_json(before: LicenseRecord, after: LicenseRecord) -> dict[str, Any]:
    """Each changed member of the document: `{"seats": {"before": 2, "after": 5}}`."""
    was, now = as_json(before), as_json(after)
    return {
        name: {"before": was[name], "after": value}
        for name, value in now.items()
        if value != was[name] and name != "revision"
    }


def licensee_warnings(license: LicenseRecord) -> list[str]:
    """What files say of a licensee that is too long for them."""
    short = license.licensee_in_files
    if short == license.licensee:
        return []
    return [f"Files have room for 64 characters of the licensee: {short}"]


def heading(license: LicenseRecord) -> str:
    """`License 015.120.020.093, Acme, Example Modeler Professional`."""
    names = [f"License {show_license_number(license.number)}", license.licensee, _product(license)]
    return ", ".join(name for name in names if name)


def summary(license: LicenseRecord) -> str:
    """`License 015.120.020.093: 2 seats, ends 30 November 2027`, and the status unless active."""
    end = show_end(license)
    ends = "does not end" if end == NEVER else f"ends {end}"
    status = "" if license.status is Status.ACTIVE else f", {license.status.value}"
    number = show_license_number(license.number)
    return f"License {number}: {count_of(license.seats, 'seat')}, {ends}{status}"


def show_features(features: Mapping[str, bool | int]) -> str:
    """`solver, threads=16`, or `-`."""
    return ", ".join(n if v is True else f"{n}={v}" for n, v in features.items()) or "-"


def moves(license: LicenseRecord, now: int) -> str:
    """`1 of 4 in the last 365 days, 5 left (2 of them from seats never used)`."""
    recent = sum(license.recent_moves(now).values())
    left = license.moves_left(now)
    extra = left - max(0, license.moves_per_year - recent)
    more = f" ({extra} of them from seats never used)" if extra else ""
    return f"{recent} of {license.moves_per_year} in the last 365 days, {left} left{more}"


def show_end(license: LicenseRecord, *, short: bool = False) -> str:
    """`30 November 2027`, `30 days after its first activation`, or `never`."""
    if license.trial_days is None or license.first_issued_at is not None:
        return NEVER if license.ends_at is None else day(license.ends_at, short=short)
    term = count_of(license.trial_days, "day")
    if short:
        return f"in {term}"
    latest = "" if license.valid_until is None else f", by {day(license.valid_until)}"
    return f"{term} after its first activation{latest}"


def as_json(license: LicenseRecord) -> dict[str, Any]:
    """The document of a license, which contains no secret."""
    return {
        "license_number": license.number,
        "status": license.status.value,
        "licensee": license.licensee,
        "contact": license.contact,
        "reference": license.reference,
        "note": license.note,
        "labels": list(license.labels),
        "product": license.product,
        "edition": license.edition,
        "features": dict(license.features),
        "trial_days": license.trial_days,
        "valid_from": format_time(license.valid_from),
        "valid_until": _time(license.ends_at),
        "maintenance_until": _time(license.maintenance_until),
        "lease_days": license.lease_days,
        "grace_days": license.grace_days,
        "protections": list(license.protections),
        "environments": list(license.environments),
        "seats": license.seats,
        "seats_used": license.seats_used,
        "opened": license.seats_ever_used,
        "moves_per_year": license.moves_per_year,
        "moves": dict(license.moves),
        "first_issued_at": _time(license.first_issued_at),
        "revision": license.revision,
    }


def _product(license: LicenseRecord) -> str:
    return f"{license.product} {license.edition}".strip()


def _lease(license: LicenseRecord) -> str:
    if license.lease_days is None:
        return "-"
    grace = count_of(license.grace_days, "day")
    return f"every {count_of(license.lease_days, 'day')}, then {grace} of grace"


def _time(seconds: int | None) -> str | None:
    return None if seconds is None else format_time(seconds)
