"""Asks for confirmation before something is removed."""

import click

from keyferry.cli.settings import Settings
from keyferry_protocol.messages import message

yes_option = click.option("--yes", is_flag=True)


def confirm(settings: Settings, question: str, yes: bool) -> bool:
    """Whether to continue. Raises UsageError without `--yes` if it cannot prompt."""
    if yes:
        return True
    if not settings.is_interactive or settings.terminal.as_json:
        raise click.UsageError(message("terminal.usage.yes"), click.get_current_context())
    if click.confirm(question, prompt_suffix=" ", err=True):
        return True
    settings.terminal.line(message("terminal.kept"))
    return False
