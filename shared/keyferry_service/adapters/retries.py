"""What two requests at once do to each other in DynamoDB, and how often to try again."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from botocore.exceptions import ClientError

LAST_START_MS = 3000  # of the function's time: what is started later may be killed half done
MAX_WAIT_S = 1.0


class ConditionFailed(Exception):
    """What was read no longer stands: read and decide again."""


class TransactionConflict(ConditionFailed):
    """Another transaction was writing; nothing is known to have changed."""


class HasDeadline(Protocol):
    """Lambda's context, as far as it tells the time that is left."""

    def get_remaining_time_in_millis(self) -> int: ...


@contextmanager
def translate_conflicts() -> Iterator[None]:
    """Raise Changed for a condition that failed, Contended for a transaction that met another."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        reasons = error.response.get("CancellationReasons", [])
        if code == "ConditionalCheckFailedException" or any(
            reason.get("Code") == "ConditionalCheckFailed" for reason in reasons
        ):
            raise ConditionFailed("The rows changed while they were read.") from error
        if code in ("TransactionCanceledException", "TransactionConflictException"):
            raise TransactionConflict("Another transaction was writing these rows.") from error
        raise


def attempts(context: HasDeadline) -> Iterator[None]:
    """One more try, and after a growing wait of random length one more, while there is time."""
    wait_s = 0.02
    while context.get_remaining_time_in_millis() > LAST_START_MS:
        yield
        time.sleep(random.uniform(0, wait_s))
        wait_s = min(2 * wait_s, MAX_WAIT_S)
