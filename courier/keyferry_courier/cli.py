"""`keyferry-courier`: the command of a service laptop, and of scripts."""

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from keyferry_courier.carry import FAILED, READY, REFUSED, UNREADABLE, WAITING, Outcome, carry
from keyferry_courier.errors import CourierError
from keyferry_courier.exchange import exchange, is_safe
from keyferry_courier.folder import Folder
from keyferry_courier.service import Service
from keyferry_protocol import __version__
from keyferry_protocol.encoding import escape_controls
from keyferry_protocol.messages import language_in_use, message, use_language

# The first of these that applies to any request; 0 if every request has its response.
EXITS = {FAILED: 1, WAITING: 4, REFUSED: 3, UNREADABLE: 3}
USAGE_EXIT = 2
_LANG = "--lang"
_LOCALE = ("KEYFERRY_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


def _page(context: click.Context, option: click.Parameter, url: str) -> str:
    """The page's address without its fragment. Raises UsageError."""
    page = url.partition("#")[0]
    if not is_safe(page) or "?" in page:
        raise click.UsageError(message("courier.usage.page"), context)
    return page.rstrip("/") + "/"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(__version__, message="keyferry-courier %(version)s")
def cli() -> None:
    """Take request files to the vendor's page, and bring the response files back."""


@cli.command(short_help="Send every request file in a folder, and save the responses.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option(
    "--page",
    required=True,
    callback=_page,
    metavar="URL",
    envvar="KEYFERRY_PAGE",
    help="The vendor's page, or KEYFERRY_PAGE.",
)
@click.option(
    "--email",
    metavar="ADDRESS",
    envvar="KEYFERRY_COURIER_EMAIL",
    help="Email address for the link to each response, or KEYFERRY_COURIER_EMAIL, which other"
    " users of this computer cannot see in the list of processes.",
)
@click.option(_LANG, metavar="TAG", expose_value=False, help="Language, for example en.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def send(folder: str, page: str, email: str | None, as_json: bool) -> int:
    """Send every request file in a folder, and save the responses next to them.

    Run it again to continue after an interruption.

    Example: keyferry-courier send requests --page https://activate.example.com

    \b
    Exit codes:
      0  every request has its response, or there is none to send
      1  a file could not be sent or saved, or the command was stopped
      2  the command cannot be run as typed
      3  a request was refused, or a file could not be read
      4  a response was not ready after 15 minutes
    """

    def report(outcome: Outcome) -> None:
        click.echo(_line(outcome), err=True)

    def pausing(seconds: float) -> None:
        minutes = math.ceil(seconds / 60)
        click.echo(message("courier.pausing", n=minutes), err=True)

    service = Service(page, language_in_use(), email, exchange=exchange, pausing=pausing)
    outcomes = carry(Folder(folder, page), service, report)
    if as_json:
        click.echo(json.dumps(_document(folder, page, outcomes)))
    else:
        for line in _summary(folder, outcomes):
            click.echo(line)
    states = {outcome.state for outcome in outcomes}
    return next((code for state, code in EXITS.items() if state in states), 0)


def _line(outcome: Outcome) -> str:
    """One line about one file. Names and sentences of others are made safe for a terminal."""
    facts: dict[str, object] = {
        "state": message(f"courier.state.{outcome.state}"),
        "file": outcome.file.name,
    }
    if outcome.error is not None:
        name, error = "other", outcome.error
        facts |= {"title": error.title, "next_step": error.next_step}
    elif outcome.response is None:
        name = "freed"
    else:
        name = "there" if outcome.was_there else "ready"
        facts |= {"response": outcome.response}
    return escape_controls(message(f"courier.line.{name}", **facts))


def _summary(folder: str, outcomes: Sequence[Outcome]) -> list[str]:
    if not outcomes:
        return [message("courier.none", folder=escape_controls(folder))]
    counts = {state: sum(o.state == state for o in outcomes) for state in (READY, *EXITS)}
    lines = [
        message(f"courier.count.{state}", n=n, folder=escape_controls(folder))
        for state, n in counts.items()
        if n
    ]
    if not counts[READY]:
        return [message("courier.none-answered"), *lines]
    return [lines[0], message("courier.not-verified"), *lines[1:]]


def _document(folder: str, page: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "ok": all(outcome.state == READY for outcome in outcomes),
        "folder": os.path.abspath(folder),
        "page": page,
        "files": [_file_document(outcome) for outcome in outcomes],
    }


def _file_document(outcome: Outcome) -> Mapping[str, Any]:
    request, error = outcome.file.request, outcome.error
    return {
        "file": outcome.file.name,
        "state": outcome.state,
        "kind": request and request.kind,
        "license_number": request and request.license_number,
        "computer": request and request.machine.name,
        "request_sha256": request and request.sha256,
        "response": outcome.response,
        "error": error and {"code": error.code, "title": error.title, "next_step": error.next_step},
    }


def _language(typed: Sequence[str], environ: Mapping[str, str]) -> str:
    """The language of `--lang`, of KEYFERRY_LANG, or of the system, also for usage errors."""
    for word, following in zip(typed, [*typed[1:], ""], strict=True):
        if word == _LANG or word.startswith(f"{_LANG}="):
            return word.partition("=")[2] or following
    return next((environ[name] for name in _LOCALE if environ.get(name)), "")


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; every error is reported here."""
    with use_language(_language(arguments, os.environ)):
        try:
            code = cli.main(list(arguments), prog_name="keyferry-courier", standalone_mode=False)
            return code if isinstance(code, int) else 0
        except click.ClickException as error:
            title = error.format_message()
            return _fail(arguments, "usage", title, message("courier.usage.next"), USAGE_EXIT)
        except CourierError as error:
            return _fail(arguments, error.code, error.title, error.next_step, 1)
        except (click.Abort, KeyboardInterrupt):
            return _fail(arguments, "stopped", message("courier.stopped"), "", 1)


def _fail(arguments: Sequence[str], code: str, title: str, next_step: str, exit: int) -> int:
    if "--json" in arguments:
        error = {"code": code, "title": title, "next_step": next_step, "exit": exit}
        click.echo(json.dumps({"ok": False, "error": error}))
    else:
        click.echo(escape_controls(f"{title} {next_step}".strip()), err=True)
    return exit


def run() -> None:
    """Run the console script."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))
