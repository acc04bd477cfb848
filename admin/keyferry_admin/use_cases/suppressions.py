"""Lists the addresses that get no email, and allows an address again."""

from contextlib import suppress

from keyferry_admin.errors.licenses import NotSuppressed
from keyferry_admin.stack import Stack
from keyferry_service.adapters.suppressions_dynamodb import Suppression


def newest_first(stack: Stack, now: int) -> list[Suppression]:
    """Every suppressed address, the newest first."""
    return sorted(stack.suppressions.all(now), key=lambda each: each.since, reverse=True)


def lift(stack: Stack, address: str, now: int) -> Suppression | None:
    """Allow email to an address again, and return its suppression in this stack, if any.

    SES has its own suppression list and silently drops email to those addresses. The address is
    removed from that list first, so a repeated command completes an interrupted one. Raises
    NotSuppressed if the address is on neither list.
    """
    was_in_ses = False
    with suppress(stack.ses.exceptions.NotFoundException):
        stack.ses.delete_suppressed_destination(EmailAddress=address)
        was_in_ses = True
    suppression = stack.suppressions.lift(address, now)
    if suppression is None and not was_in_ses:
        raise NotSuppressed(f"{address} is not blocked")
    return suppression
