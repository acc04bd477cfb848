"""`keyferry-admin`: one file for each group of commands; `admin_command` has what they share."""

import json
import sys

import click

from keyferry_admin import __version__
from keyferry_admin.cli.lazy_group import LazyGroup
from keyferry_admin.cli.output import discard_stdout

_COMMANDS = (
    "license",
    "apply",
    "seat",
    "dongle",
    "request",
    "mail",
    "keys",
    "origin-secret",
    "events",
    "stats",
    "desk",
    "doctor",
)
_MODULES = {"desk": ".desk.command"}  # the desk says what the commands here say, so it imports them


@click.group(
    cls=LazyGroup,
    modules={name: _MODULES.get(name, name.replace("-", "_")) for name in _COMMANDS},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(__version__, prog_name="keyferry-admin")
def cli() -> None:
    """Manage one Keyferry stack.

    Every command has --json, and --stack, --region, and --profile. Without these, it uses what
    `sam deploy --guided` saved in samconfig.toml in the current folder, then the settings of
    other AWS tools (AWS_REGION, AWS_PROFILE).
    """


def main() -> None:
    """Run the command line. With --json, a usage error is a JSON document too."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as after `>&-`
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        sys.exit(cli.main(prog_name="keyferry-admin", standalone_mode=False))
    except click.ClickException as error:
        if "--json" in sys.argv:
            problem = {"code": "usage", "title": error.format_message(), "next_step": "", "exit": 2}
            print(json.dumps({"ok": False, "error": problem}, ensure_ascii=False))
        else:
            error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:  # the reader closed the pipe, as `| head` does
        discard_stdout()
        sys.exit(0)
