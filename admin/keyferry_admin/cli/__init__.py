"""`keyferry-admin`: one file for each group of commands; `admin_command` has what they share."""

import json
import sys

import click

from keyferry_admin import __version__
from keyferry_admin.cli.apply import apply
from keyferry_admin.cli.desk import desk
from keyferry_admin.cli.doctor import doctor
from keyferry_admin.cli.dongle import dongle
from keyferry_admin.cli.events import events
from keyferry_admin.cli.keys import keys
from keyferry_admin.cli.license_letter import license
from keyferry_admin.cli.license_renew import renew
from keyferry_admin.cli.mail_preview import mail
from keyferry_admin.cli.origin_secret import origin_secret
from keyferry_admin.cli.output import discard_stdout
from keyferry_admin.cli.request_explain import request
from keyferry_admin.cli.seat import seat
from keyferry_admin.cli.stats import stats


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(__version__, prog_name="keyferry-admin")
def cli() -> None:
    """Manage one Keyferry stack.

    Every command has --json, and --stack, --region, and --profile. Without these, it uses what
    `sam deploy --guided` saved in samconfig.toml in the current folder, then the settings of
    other AWS tools (AWS_REGION, AWS_PROFILE).
    """


license.add_command(renew)
cli.add_command(license)
cli.add_command(apply)
cli.add_command(seat)
cli.add_command(dongle)
cli.add_command(request)
cli.add_command(mail)
cli.add_command(keys)
cli.add_command(origin_secret)
cli.add_command(events)
cli.add_command(stats)
cli.add_command(desk)
cli.add_command(doctor)


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
