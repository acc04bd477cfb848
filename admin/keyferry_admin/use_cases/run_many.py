"""Runs one action for many licenses: a failure of one stops none of the others."""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from keyferry_admin.errors import AdminError
from keyferry_admin.errors.commands import RenewalNotWritten
from keyferry_admin.errors.stack import (
    AwsUnreachable,
    ExpiredCredentials,
    MissingRight,
    NoCredentials,
    RefusedCredentials,
)

T = TypeVar("T")
AT_ONCE = 8  # boto3 keeps ten connections
# What fails for every other item, too.
ENDS_THE_RUN = (
    AwsUnreachable,
    ExpiredCredentials,
    MissingRight,
    NoCredentials,
    RefusedCredentials,
    RenewalNotWritten,
)


@dataclass(frozen=True, slots=True)
class Run(Generic[T]):
    """What became of the items, each in the order in which they were given."""

    done: list[T]
    unchanged: list[T]  # they were already as intended
    failed: list[tuple[T, AdminError]]
    not_tried: list[T]  # the run was interrupted, or could not go on
    is_interrupted: bool  # by Ctrl-C, which may have come after the last item had begun

    @property
    def is_cut_off(self) -> bool:
        """Whether Ctrl-C is why some items were not tried."""
        return self.is_interrupted and bool(self.not_tried)


def run_many(
    items: Sequence[T],
    action: Callable[[T], bool],
    explain: Callable[[BotoCoreError | ClientError], AdminError],
    on_finished: Callable[[int], None] = lambda count: None,
    at_once: int = AT_ONCE,
) -> Run[T]:
    """Run the action for each item, a few at once.

    It returns whether it changed anything, runs in threads, and must be safe to repeat for an item
    that it has changed already. `explain` says what AWS's errors mean. `on_finished` is called in
    this thread with the number of items that have just been finished. After Ctrl-C no action
    begins, and those that have begun end; a second Ctrl-C is a KeyboardInterrupt.
    """
    outcomes: dict[int, bool | AdminError] = {}
    running: dict[Future[bool], int] = {}
    rest = iter(range(len(items)))
    with _until_interrupted() as interrupted, ThreadPoolExecutor(at_once) as pool:
        stops = False
        while True:
            while not stops and len(running) < at_once and (index := next(rest, None)) is not None:
                running[pool.submit(action, items[index])] = index
            if not running:
                break
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                outcome = outcomes[running.pop(future)] = _outcome(future, explain)
                stops = stops or isinstance(outcome, ENDS_THE_RUN)
            stops = stops or interrupted.is_set()
            on_finished(len(finished))
    each = [(item, outcomes.get(index)) for index, item in enumerate(items)]
    return Run(
        done=[item for item, outcome in each if outcome is True],
        unchanged=[item for item, outcome in each if outcome is False],
        failed=[(item, outcome) for item, outcome in each if isinstance(outcome, AdminError)],
        not_tried=[item for item, outcome in each if outcome is None],
        is_interrupted=interrupted.is_set(),
    )


def _outcome(
    future: Future[bool], explain: Callable[[BotoCoreError | ClientError], AdminError]
) -> bool | AdminError:
    try:
        return future.result()
    except AdminError as error:
        return error
    except (BotoCoreError, ClientError) as error:
        return explain(error)


@contextmanager
def _until_interrupted() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, so that it cannot come between a write and its note."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event  # signals reach the main thread only
        return
    previous = signal.getsignal(signal.SIGINT)

    def interrupt(*_: object) -> None:
        event.set()
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, previous)
