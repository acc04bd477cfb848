"""Conflicts between two writers in DynamoDB, and retries until the deadline."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from botocore.exceptions import ClientError

LAST_START_MS = 5000  # enough for a wait, and then for a call that tells the queue of it
FIRST_WAIT_S = 0.02
MAX_WAIT_S = 1.0

# Why DynamoDB cancels a transaction that may succeed when it is tried again.
_CONDITION_FAILED = "ConditionalCheckFailed"
_CONTENTION = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}

T = TypeVar("T")


class Conflict(Exception):
    """Another writer came first, and nothing was written: read and decide again."""


class ConditionFailed(Conflict):
    """A row no longer stands as the write requires."""


class TransactionConflict(Conflict):
    """Another transaction was writing to the same rows, which may be as they were."""


class OutOfTime(Exception):
    """The function's time ends before the conflicts do."""


class HasDeadline(Protocol):
    """The part of Lambda's context that tells the time left."""

    def get_remaining_time_in_millis(self) -> int: ...


@contextmanager
def translate_conflicts() -> Iterator[None]:
    """Raise ConditionFailed or TransactionConflict for the errors by which DynamoDB says so.

    A transaction that was canceled for any other reason would be canceled again: that is an error.
    """
    try:
        yield
    except ClientError as error:
        reasons = _reasons(error)
        if not reasons or reasons - _CONTENTION - {_CONDITION_FAILED}:
            raise
        if _CONDITION_FAILED in reasons:
            raise ConditionFailed("The rows changed after they were read.") from error
        raise TransactionConflict("Another transaction was writing these rows.") from error


def _reasons(error: ClientError) -> set[str]:
    """Why a write was refused, for a transaction by every item that was."""
    match error.response["Error"]["Code"]:
        case "ConditionalCheckFailedException":
            return {_CONDITION_FAILED}
        case "TransactionConflictException":
            return {"TransactionConflict"}
        case "TransactionCanceledException":
            codes = {
                item.get("Code", "None") for item in error.response.get("CancellationReasons", [])
            }
            return codes - {"None"}
    return set()


def retry_until_deadline(context: HasDeadline, attempt: Callable[[], T]) -> T:
    """Repeat `attempt` after each Conflict, with growing random waits. Raises OutOfTime."""
    wait_s = FIRST_WAIT_S
    while context.get_remaining_time_in_millis() > LAST_START_MS:
        try:
            return attempt()
        except Conflict:
            time.sleep(random.uniform(0, wait_s))
            wait_s = min(2 * wait_s, MAX_WAIT_S)
    raise OutOfTime("Other writers had these rows until the function's time was over.")
