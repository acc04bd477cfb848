"""`keyferry`: the offline machine's commands. It never opens a network connection."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

import click

from keyferry.cli.command import KeyferryGroup, shared_options
from keyferry.cli.language import chosen_language
from keyferry.cli.settings import Settings
from keyferry.dongle.signer import AnyDongle
from keyferry.store.order import in_trying_order
from keyferry.times import Moment, seconds
from keyferry_protocol import __version__
from keyferry_protocol.components import Machine
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.messages import message, use_language

COMMANDS = (
    "request",
    "install",
    "update",
    "deactivate",
    "cancel",
    "list",
    "prefer",
    "status",
    "check",
    "remove",
    "inspect",
    "verify",
    "doctor",
    "qr",
    "dongle",
    "wizard",
)


class AllCommands(KeyferryGroup):
    """All commands, each imported only when it runs."""

    @property
    def path(self) -> str:
        return "keyferry"

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def after_help(self, ctx: click.Context) -> list[str]:
        """On a computer without a license, what to do first."""
        settings = ctx.ensure_object(Settings)
        for option in shared_options():
            settings.options[str(option.name)] = option.resolve_envvar_value(ctx)
        with suppress(click.UsageError, KeyferryError):
            if not in_trying_order(settings.state_dirs):
                return ["", message("terminal.first-step", none=message("terminal.none"))]
        return []

    def find_command(self, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"keyferry.cli.{name}")
        command: click.Command = module.command
        return command


@click.group(cls=AllCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="keyferry %(version)s")
def cli() -> None:
    """Activate software on this computer without the internet."""


def main(
    args: Sequence[str] | None = None,
    *,
    machine: Machine | None = None,
    now: Moment = None,
    dongle: AnyDongle = None,
) -> int:
    """Run one command and return its exit code; every error is reported here, without a traceback.

    `machine`, `now` and `dongle` replace this computer's own. They are for callers in Python, such
    as a demonstration with a recorded Machine: no option sets them.
    """
    typed = list(sys.argv[1:] if args is None else args)
    settings = Settings(machine, None if now is None else seconds(now), dongle, "--json" in typed)
    with use_language(chosen_language(typed, os.environ)):
        return _run(typed, settings)


def _run(typed: list[str], settings: Settings) -> int:
    terminal = settings.terminal
    cli.help = message("help.keyferry")
    try:
        code = cli.main(typed, prog_name="keyferry", standalone_mode=False, obj=settings)
        return code if isinstance(code, int) else 0
    except KeyferryError as error:
        return terminal.fail(error, **settings.names())
    except click.UsageError as error:
        return terminal.usage(error)
    except click.ClickException as error:
        return terminal.problem(
            "file", 1, message("terminal.file.title"), error.message, message("terminal.file.next")
        )
    except click.Abort:
        click.echo(err=True)  # end the line of the prompt
        return terminal.problem("stopped", 1, message("terminal.stopped"), "", "")
    except BrokenPipeError:  # the reader closed the pipe, so nobody can see an error
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 Python closes it at exit
        return 1
    except OSError as error:
        detail = f"{error.filename or ''}: {error.strerror or error}".removeprefix(": ")
        return terminal.problem(
            "file", 1, message("terminal.file.title"), detail, message("terminal.file.next")
        )


def run() -> None:
    """Run the console script."""
    sys.exit(main())
