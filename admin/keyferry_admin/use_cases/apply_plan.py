"""What `apply` refuses to change in licenses that exist."""

from keyferry_admin.errors.licenses import BadTerms
from keyferry_admin.use_cases.license_columns import BY_NAME, BadCell
from keyferry_admin.use_cases.plan_licenses import Match, Plan
from keyferry_admin.use_cases.terms import check_agreement
from keyferry_service.domain.license import Status


def refused_changes(plan: Plan, now: int) -> list[BadCell]:
    """The changes of the plan that no one can make."""
    return [cell for match in plan.changes for cell in _refusal(match, now)]


def _refusal(match: Match, now: int) -> list[BadCell]:
    before, after = match.before, match.after
    if before.status is Status.REVOKED:
        text = f"License {before.number} was revoked for good. Leave it out, or as it was."
        return [BadCell(match.line, "status", text)]
    if after.status is Status.REVOKED:
        text = f"To revoke it for good: keyferry-admin license revoke {before.number}"
        return [BadCell(match.line, "status", text)]
    changed = [name for name in BY_NAME if getattr(before, name) != getattr(after, name)]
    try:
        check_agreement(after, changed, now)
    except BadTerms as error:
        return [BadCell(match.line, "", f"{error}. {error.next_step}")]
    return []
