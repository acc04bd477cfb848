"""Limits how long an AWS call may take, and when in a function's time the last one may start."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from botocore.config import Config

from keyferry_service.adapters.retries import HasDeadline

CONNECT_S, READ_S, TRIES = 1, 2, 2
CLIENT_CONFIG = Config(
    connect_timeout=CONNECT_S,
    read_timeout=READ_S,
    retries={"mode": "standard", "total_max_attempts": TRIES},
)
FINISH_MS = 500  # to log, to count, and to say which messages come again
LAST_TRY_MS = 1000 * (CONNECT_S + READ_S) + FINISH_MS

Reply = TypeVar("Reply")
Handler = Callable[[dict[str, Any], Any], Reply]


class CallTooLate(Exception):
    """AWS was so slow that the function's time could end in the middle of the next call."""


class CallDeadline:
    """Lets no AWS call, and no second try, start in the last seconds of a function's time.

    Such a call fails, and only its message with it. A killed function fails its whole batch.
    """

    def __init__(self, *clients: Any) -> None:
        """Watch the calls of these boto3 clients."""
        self._context: HasDeadline | None = None
        for client in clients:
            client.meta.events.register("request-created", self._check)  # once for each try

    def kept_by(self, handler: Handler[Reply]) -> Handler[Reply]:
        """The same handler, whose AWS calls end before its time does."""

        @wraps(handler)
        def lambda_handler(event: dict[str, Any], context: HasDeadline) -> Reply:
            self._context = context
            try:
                return handler(event, context)
            finally:
                self._context = None

        return lambda_handler

    def _check(self, **_: Any) -> None:
        context = self._context
        if context is not None and context.get_remaining_time_in_millis() < LAST_TRY_MS:
            raise CallTooLate("The function's time is nearly over, because AWS was slow.")
