"""Changes the terms of a license, and says which changes take rights away."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from keyferry_admin.errors.licenses import BadTerms, LicenseChanged
from keyferry_admin.use_cases.change_license import change
from keyferry_admin.use_cases.terms import DATES, check_agreement, check_terms, date_of, end_if_used
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.change import CHANGE
from keyferry_service.domain.license import LicenseRecord, Status


def with_terms(before: LicenseRecord, terms: Mapping[str, Any], now: int) -> LicenseRecord:
    """The license with these terms; a feature that is None is removed. Raises BadTerms."""
    changed = dict(terms)
    for name in DATES:
        if name in terms:
            changed[name] = date_of(terms[name], getattr(before, name), now)
    if "features" in terms:
        changed["features"] = _merged(before.features, terms["features"])
    after = replace(before, **changed)
    check_agreement(after, terms, now)
    check_terms(after)
    return after


def reduces_rights(before: LicenseRecord, after: LicenseRecord, now: int) -> bool:
    """Whether the changed license grants less of anything than before, or another product."""
    return (
        after.status not in (before.status, Status.ACTIVE)
        or after.moves_left(now) < before.moves_left(now)
        or after.product != before.product
        or after.seats < before.seats
        or after.moves_per_year < before.moves_per_year
        or _is_less(end_if_used(after, now), end_if_used(before, now))
        or _is_less(after.maintenance_until, before.maintenance_until)
        or _is_less(after.lease_days, before.lease_days)
        or (after.lease_days is not None and after.grace_days < before.grace_days)
        or any(int(after.features.get(name, 0)) < int(v) for name, v in before.features.items())
        or not set(before.protections) <= set(after.protections)
        or not set(before.environments) <= set(after.environments)
    )


def write_terms(
    licenses: Licenses, before: LicenseRecord, after: LicenseRecord, what: str = CHANGE
) -> LicenseRecord:
    """Write what differs, also if the license was used since it was read.

    Raises LicenseChanged if someone else changed the same terms: what was confirmed is not what
    would then be written.
    """
    names = [each.name for each in fields(before)]
    changed = {
        name: value for name in names if (value := getattr(after, name)) != getattr(before, name)
    }
    if not changed:
        return before

    def with_changes(current: LicenseRecord) -> LicenseRecord:
        if any(getattr(current, name) != getattr(before, name) for name in changed):
            raise LicenseChanged(f"Someone else changed license {before.number} at the same time")
        return replace(current, **changed)

    return change(licenses, before.number, with_changes, what)


def _merged(
    before: Mapping[str, bool | int], changed: Mapping[str, bool | int | None]
) -> dict[str, bool | int]:
    for name, value in changed.items():
        if value is None and name not in before:
            raise BadTerms(
                f"The license has no feature {name}",
                f"It has: {', '.join(before) or 'none'}.",
            )
    merged = {**before, **changed}
    return {name: value for name, value in merged.items() if value is not None}


def _is_less(after: int | None, before: int | None) -> bool:
    return after is not None and (before is None or after < before)
