"""A command for many licenses: its progress bar, and what it says at the end."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from keyferry_admin.aws_failures import explain
from keyferry_admin.cli.output import Output, mark, tell
from keyferry_admin.errors import AdminError
from keyferry_admin.errors.commands import Interrupted, SomeFailed
from keyferry_admin.errors.stack import MissingRight
from keyferry_admin.use_cases.find import Watch
from keyferry_admin.use_cases.run_many import AT_ONCE, ENDS_THE_RUN, Run, run_many

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

T = TypeVar("T")
_SEATS_A_STEP = 100  # for each time that the bar is drawn


def progress_bar(
    output: Output,
    label: str,
    rows: Iterable[T],
    length: int | None = None,
    steps: int = 1,
) -> "ProgressBar[T]":
    """A bar on a terminal's stderr; hidden elsewhere, with --json, and where there is nothing."""
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    return click.progressbar(
        rows,
        length=length,
        label=label,
        file=sys.stderr,
        hidden=output.as_json or length == 0 or not is_terminal,
        show_pos=length is None,
        update_min_steps=steps,
    )


def watch_seats(output: Output) -> Watch:
    """A bar for the seats that a search reads."""

    def watch(rows: Iterator[T], count: int) -> Iterator[T]:
        with progress_bar(output, "Reading seats", rows, count, _SEATS_A_STEP) as bar:
            yield from bar

    return watch


def run_with_progress(
    output: Output,
    items: Sequence[T],
    action: Callable[[T], bool],
    label: str,
    at_once: int = AT_ONCE,
) -> Run[T]:
    """`run_many` with a progress bar on a terminal's stderr.

    Raises MissingRight if that is why nothing was done.
    """
    with progress_bar(output, label, items, len(items)) as bar:
        run = run_many(items, action, explain, bar.update, at_once)
    for _, error in run.failed:
        if isinstance(error, MissingRight) and not run.done:
            raise error
    return run


def report(
    output: Output, run: Run[T], done: str, name: Callable[[T], str], **members: Any
) -> None:
    """Say how many items were `done`, unchanged and failed, and why each one failed.

    Raises SomeFailed or Interrupted, with the same facts, unless every item succeeded.
    """
    counts = f"{len(run.done):,} {done}, {len(run.unchanged):,} unchanged"
    document = members | {
        "done": [name(item) for item in run.done],
        "unchanged": [name(item) for item in run.unchanged],
        "failed": [_failure(name(item), error) for item, error in run.failed],
        "not_tried": [name(item) for item in run.not_tried],
    }
    if not run.failed and not run.not_tried:
        output.result([f"{mark('ok')} {counts}"], document)
        return
    if not output.as_json:
        for item, error in run.failed:
            tell(f"{name(item)}: {error} ({error.code})")
    counts += f", {len(run.failed):,} failed"
    if run.not_tried:
        counts += f", {len(run.not_tried):,} not tried"
    if run.is_cut_off:
        raise Interrupted(f"Interrupted: {counts}", **document)
    raise SomeFailed(counts, _next_step(run), **document)


def _next_step(run: Run[Any]) -> str:
    for _, error in run.failed:
        if run.not_tried and isinstance(error, ENDS_THE_RUN):
            return f"{error}. Once that is solved, run the same command again to go on."
    return SomeFailed.next_step


def _failure(name: str, error: AdminError) -> dict[str, Any]:
    failure = {"name": name, "code": error.code, "title": str(error).rstrip(".")}
    return failure | {"next_step": error.next_step}
