"""Does many things at once, shows how far it is, and says what was done if it must stop."""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

import click
from botocore.exceptions import BotoCoreError, ClientError

from keyferry_admin.aws_failures import explain
from keyferry_admin.errors import AdminError, NotFinished

_T = TypeVar("_T")
AT_ONCE = 8  # boto3 keeps ten connections


def do_all(
    items: Sequence[_T], work: Callable[[_T], int], total: int, doing: str, again: str
) -> None:
    """Do the work for every item. `work` returns how many of the total it did.

    After an error or Ctrl-C no new work begins, and what is under way ends. Raises NotFinished.
    """
    stderr_is_terminal = sys.stderr is not None and sys.stderr.isatty()
    with (
        ThreadPoolExecutor(AT_ONCE) as pool,
        click.progressbar(
            length=total, label=doing, file=sys.stderr, hidden=not stderr_is_terminal
        ) as bar,
    ):
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in as_completed(futures):
                bar.update(future.result())
        except (KeyboardInterrupt, AdminError, BotoCoreError, ClientError) as error:
            pool.shutdown(cancel_futures=True)
            ended = [each for each in futures if each.done() and not each.cancelled()]
            done = sum(each.result() for each in ended if each.exception() is None)
            raise _not_finished(error, done, total, again) from error


def _not_finished(error: BaseException, done: int, total: int, again: str) -> NotFinished:
    so_far = f"{done:,} of {total:,} are done"
    facts = {"done": done, "total": total}
    if isinstance(error, KeyboardInterrupt):
        return NotFinished(f"Interrupted: {so_far}", again, 130, **facts)
    cause = explain(error) if isinstance(error, (BotoCoreError, ClientError)) else error
    assert isinstance(cause, AdminError)
    next_step = cause.next_step.removeprefix("Nothing was changed. ")
    return NotFinished(f"{cause}: {so_far}", f"{next_step} {again}", cause=cause.code, **facts)
