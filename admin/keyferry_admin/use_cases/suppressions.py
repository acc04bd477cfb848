"""Addresses that get no mail, and how to allow one again."""

from contextlib import suppress

from keyferry_admin.errors import NotSuppressed
from keyferry_admin.stack import Stack
from keyferry_service.adapters.suppressions_dynamodb import Suppression


def newest_first(stack: Stack, now: int) -> list[Suppression]:
    """Every suppressed address, the newest first."""
    return sorted(stack.suppressions.all(now), key=lambda each: each.since, reverse=True)


def lift(stack: Stack, address: str, now: int) -> Suppression | None:
    """Allow mail to an address again; return our suppression of it, if there was one.

    SES has a suppression list of its own and silently drops mail to it. That list comes first, so
    the same command finishes the job if it is interrupted between the two. Raises NotSuppressed if
    the address is on neither.
    """
    was_in_ses = False
    with suppress(stack.ses.exceptions.NotFoundException):
        stack.ses.delete_suppressed_destination(EmailAddress=address)
        was_in_ses = True
    suppression = stack.suppressions.lift(address, now)
    if suppression is None and not was_in_ses:
        raise NotSuppressed(f"No mail to {address} is held back")
    return suppression
