"""Addresses that get no more mail, and their way back."""

from contextlib import suppress

from keyferry_admin.errors import NotSuppressed
from keyferry_admin.stack import Stack
from keyferry_service.adapters.suppressions_dynamodb import Suppression


def suppressed(stack: Stack, now: int) -> list[Suppression]:
    """Every address that gets no mail, the latest first."""
    return sorted(stack.suppressions.all(now), key=lambda each: each.since, reverse=True)


def allow(stack: Stack, address: str, now: int) -> Suppression | None:
    """Let mail go to an address again; what was held against it here, if anything.

    SES keeps a list of its own and drops mail to it without a word. That list comes first: cut off
    between the two, the same command finishes. Raises NotSuppressed where neither has the address.
    """
    was_in_ses = False
    with suppress(stack.ses.exceptions.NotFoundException):
        stack.ses.delete_suppressed_destination(EmailAddress=address)
        was_in_ses = True
    lifted = stack.suppressions.lift(address, now)
    if lifted is None and not was_in_ses:
        raise NotSuppressed(f"No mail to {address} is held back")
    return lifted
