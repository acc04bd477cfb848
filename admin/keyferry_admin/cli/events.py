"""`keyferry-admin events`: put the events of a day on the bus again."""

import sys
from datetime import date

import click
from botocore.exceptions import BotoCoreError, ClientError

from keyferry_admin.aws_failures import explain
from keyferry_admin.cli import cli
from keyferry_admin.cli.admin_command import AdminGroup, Settings
from keyferry_admin.cli.output import count_of, mark
from keyferry_admin.cli.parameters import LicenseNumber
from keyferry_admin.cli.stats import Day
from keyferry_admin.errors import AdminError
from keyferry_admin.errors.commands import Interrupted
from keyferry_admin.errors.stack import EventsNotTaken, MissingRight, ReplayStopped
from keyferry_admin.use_cases.figures.count import Period, day_of
from keyferry_admin.use_cases.replay_events import Progress, replay
from keyferry_protocol.messages.formats import long_date


@cli.group(cls=AdminGroup)
def events() -> None:
    """Replay what happened to licenses, for your other systems."""


@events.command(name="replay")
@click.argument("day", type=Day())
@click.option("--from", "from_number", type=LicenseNumber(), help="License to go on with.")
@click.pass_obj
def replay_(settings: Settings, day: date, from_number: str | None) -> None:
    """Put the events of a day (UTC) on the event bus again.

    Each has the same id as before, and every subscriber gets it. It reads both tables. Ctrl-C stops
    it at any time.

    Example: keyferry-admin events replay 2026-11-24
    """
    if day > day_of(settings.now):
        raise click.BadParameter(f"{day} is in the future", param_hint="DAY")
    stored, bus, only = settings.stack.stored_events, settings.stack.bus, Period(day, day)
    progress = Progress(next_number=from_number)
    is_hidden = settings.output.as_json or sys.stderr is None or not sys.stderr.isatty()
    try:
        with click.progressbar(
            length=0 if is_hidden else stored.count_rows(),
            label="Rows",
            file=sys.stderr,
            hidden=is_hidden,
        ) as bar:
            for now in replay(stored, bus, only.starts_at, only.ends_at + 1, from_number):
                bar.update(now.rows - progress.rows)
                progress = now
    except KeyboardInterrupt as error:
        raise _stopped(Interrupted, "Interrupted", "", day, progress) from error
    except EventsNotTaken as error:
        raise _stopped(ReplayStopped, str(error), error.next_step, day, progress) from error
    except (BotoCoreError, ClientError) as error:
        reason = explain(error)
        if isinstance(reason, MissingRight):
            raise reason from error
        raise _stopped(ReplayStopped, str(reason), reason.next_step, day, progress) from error
    sent = count_of(progress.events, "event")
    settings.output.result(
        [f"{mark('ok')} {sent} of {long_date(day)} put on the bus again"],
        {"day": day.isoformat(), "events": progress.events, "rows": progress.rows},
    )


def _stopped(
    kind: type[AdminError], reason: str, next_step: str, day: date, progress: Progress
) -> AdminError:
    """What was done so far, and the command that goes on from there."""
    command = f"keyferry-admin events replay {day}"
    if progress.next_number is not None:
        command += f" --from {progress.next_number}"
    so_far = f"{count_of(progress.events, 'event')} of {day} put on the bus so far"
    return kind(
        f"{reason}: {so_far}",
        f"{next_step} To go on, run {command}".strip(),
        day=day.isoformat(),
        events=progress.events,
        rows=progress.rows,
        next_license_number=progress.next_number,
    )
