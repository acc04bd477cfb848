"""The decision: one proven request and the rows it names in, a grant or a refusal out.

Pure. docs/format.md has the rules ("The service's rules", "Refusals"), in the order of this file.
"""

from collections.abc import Sequence

from keyferry_protocol.components import ComponentHashes
from keyferry_protocol.matching import MIN_WEIGHT, hardware_weight, is_identifiable
from keyferry_protocol.request import Request
from keyferry_service.domain.allocate import Grant, grant, release
from keyferry_service.domain.license import LedgerEntry, LicenseRecord, Status
from keyferry_service.domain.refusals import Refusal, RefusalCode
from keyferry_service.domain.request_context import RequestContext, Snapshot
from keyferry_service.domain.signing_keys import SigningKey, are_too_old


def decide(
    request: Request,
    snapshot: Snapshot,
    keys: Sequence[SigningKey],
    now: int,
    chosen_seat: int | None = None,
) -> LedgerEntry | Grant | Refusal:
    """Answer one request whose signatures hold; the first rule that applies wins.

    `chosen_seat` is the seat that the person on the page wants where none is free.
    """
    if snapshot.license is None:
        return Refusal(RefusalCode.NOT_AUTHENTIC)
    context = RequestContext(request, snapshot, snapshot.license, now, chosen_seat)
    if snapshot.ledger_entry is not None:
        if (refusal := refuse_unknown_keys(request, context.license, keys)) is not None:
            return refusal
        if context.license.status is Status.REVOKED and request.kind != "deactivate":
            return Refusal(RefusalCode.LICENSE_REVOKED)
        return snapshot.ledger_entry
    if request.kind != "activate" and not context.is_known:
        return Refusal(RefusalCode.NOT_AUTHENTIC)
    if request.kind == "deactivate":
        seat = context.current_seat
        if seat is None or (seat.protection == "dongle") != (request.dongle is not None):
            return Refusal(RefusalCode.NOT_ACTIVATED)
        return release(context, seat)
    decision = _refuse(context, keys) or grant(context)
    if isinstance(decision, Refusal) and _may_choose_seat(context, decision):
        return decision.offering_seats()
    return decision


def refuse_unknown_keys(
    request: Request, license: LicenseRecord, keys: Sequence[SigningKey]
) -> Refusal | None:
    """Refuse an application that would call what these keys sign a forgery.

    Never a deactivation, whose seat is free: its computer has no key left for another request.
    """
    if request.kind == "deactivate" or not are_too_old(request.trusts, keys):
        return None
    return Refusal(RefusalCode.KEYS_TOO_OLD, facts={"product": license.product})


def _may_choose_seat(context: RequestContext, refusal: Refusal) -> bool:
    """Whether the person on the page may say which computer is lost: at first, or once more."""
    if refusal.code is RefusalCode.NO_SEATS_LEFT:
        return context.request.choose_seat and refusal.facts["moves_left"] > 0
    is_of_choice = refusal.code in (RefusalCode.NO_SUCH_SEAT, RefusalCode.MOVE_LIMIT)
    return is_of_choice and context.chosen_seat is not None


def _refuse(context: RequestContext, keys: Sequence[SigningKey]) -> Refusal | None:
    """What speaks against an activation or update whatever seat it is for."""
    request, license = context.request, context.license
    if (refusal := refuse_unknown_keys(request, license, keys)) is not None:
        return refusal
    if _is_not_activated(context):
        return Refusal(RefusalCode.NOT_ACTIVATED)
    unidentified = refuse_unidentified(license, request.protection, request.machine.components)
    if unidentified is not None:
        return unidentified
    if request.is_by_load_key and not context.is_as_recorded:
        return Refusal(RefusalCode.NEEDS_ADMINISTRATOR)
    stopped = refuse_any(license, context.now)
    if stopped is not None:
        return stopped
    if request.product.name != license.product:
        facts = {"licensed": license.product, "requested": request.product.name}
        return Refusal(RefusalCode.PRODUCT_MISMATCH, facts=facts)
    return _refuse_use(context)


def refuse_any(license: LicenseRecord, now: int) -> Refusal | None:
    """What speaks against every activation and update, whoever asks."""
    if license.status is Status.SUSPENDED:
        return Refusal(RefusalCode.LICENSE_SUSPENDED)
    if license.status is Status.REVOKED:
        return Refusal(RefusalCode.LICENSE_REVOKED)
    if license.has_ended(now):
        return Refusal(RefusalCode.LICENSE_EXPIRED, facts={"ended_at": license.ends_at})
    return None


def refuse_protection(license: LicenseRecord, protection: str) -> Refusal | None:
    """Refuse what the license does not allow a seat to be bound to."""
    if protection in license.protections:
        return None
    facts = {"chosen": protection, "allowed": list(license.protections)}
    return Refusal(RefusalCode.PROTECTION_NOT_ALLOWED, facts=facts)


def refuse_unidentified(
    license: LicenseRecord, protection: str, components: ComponentHashes
) -> Refusal | None:
    """Refuse a set that is too small to recognize its machine by."""
    # A guest's hardware is a file, like its system: there the whole set has to do.
    is_known = is_identifiable(components, protection) and (
        protection == "dongle"
        or not {"virtual", "container"}.isdisjoint(license.environments)
        or hardware_weight(components) >= MIN_WEIGHT
    )
    return None if is_known else Refusal(RefusalCode.MACHINE_NOT_IDENTIFIED)


def _refuse_use(context: RequestContext) -> Refusal | None:
    """What speaks against the way in which the license is to be used."""
    request, license = context.request, context.license
    if (refusal := refuse_protection(license, request.protection)) is not None:
        return refusal
    other = context.current_seat or context.key_seat
    if other and request.protection != other.protection and context.replaces_seat != other.number:
        # Only `replaces_seat` changes a seat's protection.
        facts = {"protection": other.protection}
        return Refusal(RefusalCode.PROTECTION_NOT_ALLOWED, "other-seat", facts)
    environment = request.machine.environment
    if environment != "unknown" and environment not in (*license.environments, "physical"):
        return Refusal(RefusalCode.ENVIRONMENT_NOT_ALLOWED, environment)
    if request.dongle is not None and context.dongle is None:
        return Refusal(RefusalCode.DONGLE_NOT_REGISTERED)
    return None


def _is_not_activated(context: RequestContext) -> bool:
    if context.request.kind == "update":
        return context.current_seat is None
    if context.request.dongle is not None:
        return False  # a dongle's deactivation may have been dated by another computer's clock
    key = context.snapshot.device_key
    ended_at = key.deactivated_at if key else None
    # An activation that was made before its own deactivation must not undo it.
    return ended_at is not None and context.request.created_at < ended_at
