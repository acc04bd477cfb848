"""Plans one change for many licenses, so that a run that was interrupted can be repeated."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keyferry_admin.errors import AdminError
from keyferry_admin.errors.commands import NotRepeatable
from keyferry_admin.use_cases.change_terms import reduces_rights, with_terms
from keyferry_admin.use_cases.find import Filters
from keyferry_admin.use_cases.terms import Period
from keyferry_service.domain.license import LicenseRecord, Status

Pair = tuple[LicenseRecord, LicenseRecord]  # before and after


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change would do to each license; nothing is written yet."""

    changes: list[Pair]
    unchanged: list[LicenseRecord]  # as intended already, or revoked, which never changes
    refused: list[tuple[LicenseRecord, AdminError]]

    def reductions(self, now: int) -> list[Pair]:
        """The changes that take rights away."""
        return [pair for pair in self.changes if reduces_rights(*pair, now)]


def plan_changes(
    licenses: Sequence[LicenseRecord], changed: Callable[[LicenseRecord], LicenseRecord]
) -> Plan:
    """What `changed` makes of each license; one for which it raises an AdminError is refused."""
    plan = Plan([], [], [])
    for before in licenses:
        if before.status is Status.REVOKED:
            plan.unchanged.append(before)
            continue
        try:
            after = changed(before)
        except AdminError as error:
            plan.refused.append((before, error))
            continue
        if after == before:
            plan.unchanged.append(before)
        else:
            plan.changes.append((before, after))
    return plan


def plan_terms(
    licenses: Sequence[LicenseRecord], terms: Mapping[str, Any], filters: Filters, now: int
) -> Plan:
    """The plan for new terms. Raises NotRepeatable if a second run would apply them again."""

    def changed(before: LicenseRecord) -> LicenseRecord:
        return with_terms(before, _without_missing_features(terms, before), now)

    if isinstance(terms.get("maintenance_until"), Period):
        raise NotRepeatable(
            "A second run would add the same period again to licenses that have it already",
            "Nothing was changed. Use a date with --maintenance-until.",
        )
    plan = plan_changes(licenses, changed)
    if isinstance(terms.get("valid_until"), Period):
        _require_repeatable(plan, filters)
    return plan


def _require_repeatable(plan: Plan, filters: Filters) -> None:
    """After its extension, the filters must not find a license again."""
    if filters.ends_before is None:
        raise NotRepeatable(
            "A second run would extend licenses again that it has extended already",
            "Nothing was changed. Add the filter for licenses that end before a day, which finds"
            " none of them again, or use a date with --until.",
        )
    for before, after in plan.changes:
        if after.valid_until is not None and after.valid_until < filters.ends_before:
            raise NotRepeatable(
                f"License {before.number} would still end before that day, so a second run would"
                " extend it again",
                "Nothing was changed. Use an earlier day in the filter, or a date with --until.",
            )


def _without_missing_features(terms: Mapping[str, Any], license: LicenseRecord) -> dict[str, Any]:
    """To remove a feature that a license does not have is nothing to do, as in a second run."""
    if "features" not in terms:
        return dict(terms)
    features = terms["features"].items()
    kept = {
        name: value for name, value in features if value is not None or name in license.features
    }
    return {**terms, "features": kept}
