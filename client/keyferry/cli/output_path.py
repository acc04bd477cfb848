"""Where a command can write: to no file that it reads, and in no folder that it reads."""

import os
from contextlib import suppress
from pathlib import Path

import click

from keyferry.cli.settings import Settings
from keyferry_protocol.messages import message


def check_not_read(settings: Settings, output: str, *sources: str) -> None:
    """Raises UsageError for an output that is one of the command's sources or of its settings."""
    if any(_is_read(output, source) for source in (*sources, *settings.sources)):
        detail = message("terminal.usage.output-is-input", path=output)
        raise click.UsageError(detail, click.get_current_context())


def check_can_write(path: str) -> None:
    """Raises OSError if no file can be written there, before the command changes anything.

    The content of a file that is there is kept; a new one is removed again.
    """
    is_new = not os.path.lexists(path)
    with open(path, "ab"):
        pass
    if is_new:
        os.unlink(path)


def _is_read(output: str, source: str) -> bool:
    with suppress(OSError):  # one of them does not exist
        if os.path.isdir(source):
            folders = Path(os.path.realpath(output)).parents
            return any(os.path.samefile(folder, source) for folder in folders)
        return os.path.samefile(output, source)
    return False
