"""The base of every command: the stack, --json, and errors that say what to do next."""

import sys
import time
from dataclasses import dataclass, field
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from keyferry_admin.aws_failures import explain
from keyferry_admin.cli.lazy_group import LazyGroup
from keyferry_admin.cli.output import Output
from keyferry_admin.cli.roles import with_policy
from keyferry_admin.connection import find_connection
from keyferry_admin.errors import AdminError
from keyferry_admin.errors.commands import OutputNotWritten
from keyferry_admin.stack import Stack
from keyferry_protocol.errors import KeyferryError


@dataclass(frozen=True)
class Settings:
    """The settings of one command. The clock is read once, here."""

    stack: Stack
    output: Output
    now: int = field(default_factory=lambda: int(time.time()))


class AdminCommand(click.Command):
    """A command whose context object is its `Settings`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += [
            click.Option(["--stack"], help="Name of the deployed stack."),
            click.Option(["--region"], help="AWS region of the stack."),
            click.Option(["--profile"], help="Profile of the AWS settings."),
            click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document."),
        ]

    def invoke(self, ctx: click.Context) -> Any:
        output = Output(ctx.params.pop("as_json"), sys.stdout is not None and sys.stdout.isatty())
        place = {name: ctx.params.pop(name) for name in ("stack", "region", "profile")}
        try:
            ctx.obj = Settings(find_connection(**place).open(), output)
            return super().invoke(ctx)
        except OutputNotWritten as error:
            _print_error(Output(), error)  # in words, because the document would go to stdout
            ctx.exit(error.exit)
        except (AdminError, KeyferryError) as error:
            _print_error(output, with_policy(error, _name(ctx)))
            ctx.exit(error.exit)
        except (BotoCoreError, ClientError) as error:
            _print_error(output, with_policy(explain(error), _name(ctx)))
            ctx.exit(1)


def _name(ctx: click.Context) -> str:
    """`license show`: the command's words."""
    return ctx.command_path.partition(" ")[2]


def _print_error(output: Output, error: AdminError | KeyferryError) -> None:
    problem = {"code": error.code, "title": str(error).rstrip("."), "exit": error.exit}
    output.error(problem | {"next_step": error.next_step} | error.facts)


class AdminGroup(LazyGroup):
    """A group of `AdminCommand`s."""

    command_class = AdminCommand
