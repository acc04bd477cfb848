"""The base of every command: --stack, --json, and errors that say what to do next."""

import sys
import time
from dataclasses import dataclass, field
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from keyferry_admin.cli.output import Output
from keyferry_admin.errors import AdminError
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
            click.Option(
                ["--stack"],
                default="keyferry",
                show_default=True,
                envvar="KEYFERRY_STACK",
                help="Name of the deployed stack.",
            ),
            click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON document."),
        ]

    def invoke(self, ctx: click.Context) -> Any:
        output = Output(ctx.params.pop("as_json"), sys.stdout.isatty())
        ctx.obj = Settings(Stack(ctx.params.pop("stack")), output)
        try:
            return super().invoke(ctx)
        except (AdminError, KeyferryError) as error:
            problem = {"code": error.code, "title": str(error).rstrip("."), "exit": error.exit}
            output.error(problem | {"next_step": error.next_step} | error.facts)
            ctx.exit(error.exit)
        except (BotoCoreError, ClientError) as error:
            step = "Check region, credentials and endpoint (AWS_REGION, AWS_PROFILE)."
            output.error({"code": "aws", "title": str(error), "next_step": step, "exit": 1})
            ctx.exit(1)


class AdminGroup(click.Group):
    """A group of `AdminCommand`s."""

    command_class = AdminCommand
