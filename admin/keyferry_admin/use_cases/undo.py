"""Takes back the vendor's last change to a license."""

from keyferry_admin.errors.licenses import AlreadyRevoked, CannotUndo, LicenseChanged
from keyferry_admin.use_cases.change_license import next_revision, retry_on_conflict
from keyferry_admin.use_cases.change_terms import reduces_rights
from keyferry_admin.use_cases.licenses import find
from keyferry_admin.use_cases.terms import check_terms
from keyferry_service.adapters.licenses_dynamodb import Licenses
from keyferry_service.domain.change import UNDO, UNDOABLE, Change, next_to_undo
from keyferry_service.domain.license import LicenseRecord, Status


def find_undoable(licenses: Licenses, license: LicenseRecord) -> Change:
    """The change that `undo` would take back. Raises CannotUndo or AlreadyRevoked."""
    if license.status is Status.REVOKED:
        raise AlreadyRevoked(f"The license {license.number} was revoked for good")
    change = next_to_undo(licenses.changes(license.number))
    if change is None:
        raise CannotUndo(f"There is no change of license {license.number} that could be undone")
    if change.what not in UNDOABLE:
        raise CannotUndo(f"The last change of license {license.number} was {change.what}")
    if not change.still_holds(license):
        raise CannotUndo(f"What {change.what} wrote into license {license.number} changed again")
    return change


def takes_rights_away(license: LicenseRecord, change: Change, now: int) -> bool:
    """Whether undoing this change takes anything from the customer, such as the present code."""
    return "activation_public" in change.before or reduces_rights(
        license, change.undone(license), now
    )


def undo(licenses: Licenses, number: str, change: Change) -> LicenseRecord:
    """Take back this change, as long as it is the last one.

    Raises CannotUndo, AlreadyRevoked, BadTerms, or LicenseChanged.
    """

    def attempt() -> LicenseRecord:
        before = find(licenses, number)
        if find_undoable(licenses, before) != change:
            raise LicenseChanged("Someone changed the license at the same moment")
        after = next_revision(before, change.undone(before))
        check_terms(after)
        licenses.change(before, after, UNDO, change.revision)
        return after

    return retry_on_conflict(attempt)
