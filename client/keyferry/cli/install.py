"""`keyferry install`: install the responses that came back."""

import sys
from typing import Any

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.settings import Settings
from keyferry.cli.typed_lines import ask_lines
from keyferry.files.install_files import (
    FileReport,
    install_file,
    install_files,
    worst_error,
)
from keyferry.files.install_report import report_lines
from keyferry.files.read_responses import (
    ResponseFile,
    is_collection,
    parse_response_file,
    read_all,
    read_collection,
    read_file,
    read_response,
)
from keyferry.files.typed import unpack, unpack_text
from keyferry.install import Installed
from keyferry.installation import Installation
from keyferry.request import PendingRequest, find_pending
from keyferry.times import local_time
from keyferry.views.clock_warning import clock_warning
from keyferry.views.features import feature_changes
from keyferry.views.license_status import terms_line
from keyferry.views.repair_note import repair_note
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_protocol.messages import message
from keyferry_protocol.response import Response


@click.command("install", cls=KeyferryCommand)
@click.argument(
    "sources",
    metavar="FILE|FOLDER|ZIP|-...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, allow_dash=True),
)
@click.pass_obj
def command(settings: Settings, sources: tuple[str, ...]) -> None:
    """Install a response file; of several files those that this computer waits for."""
    installation = settings.installation()
    reports = _install(sources, installation, settings)
    documents = []
    for one in reports:
        if one.file is not None and one.installed is not None:
            documents.append(_show(settings, one, one.file, one.installed, installation))
    files = [_file_document(one) for one in reports]
    error = worst_error(reports, ", ".join(sources))
    failing = next((one for one in reports if error is not None and one.error is error), None)
    if failing is not None and failing.file is not None and failing.file.repairs:
        settings.terminal.line(repair_note(failing.file.repairs))
    rest = [one for one in reports if one.installed is None and one is not failing]
    for line in report_lines(rest):
        settings.terminal.line(f"  {line}")
    if error is not None:
        error.facts |= {"installed": documents, "files": files}
        raise error
    one_document = documents[0] if len(documents) == 1 else {"ok": True, "installed": documents}
    settings.terminal.document(one_document | {"files": files})


def _install(
    sources: tuple[str, ...], installation: Installation, settings: Settings
) -> list[FileReport]:
    """Install a single file whether or not it fits, so that its own error is reported."""
    if len(sources) > 1:
        if "-" in sources:
            raise click.UsageError(message("terminal.usage.input-alone"))
        return install_files(read_all(sources, installation.keys), installation)
    [source] = sources
    if is_collection(source):
        return install_files(read_collection(source, installation.keys), installation)
    if source == "-":
        data = _read_input(installation, settings)
        file = parse_response_file(data, installation.keys, source)
    else:
        file = read_response(source, installation.keys)
    return [install_file(file, installation)]


def _read_input(installation: Installation, settings: Settings) -> bytes:
    """The response file in standard input: its bytes, or lines or codes that were typed."""
    if sys.stdin.isatty() and settings.is_interactive:
        settings.terminal.note(message("terminal.typed.start"))
        return unpack(ask_lines(settings.terminal), installation.state_dirs)
    return unpack_text(read_file("-"), installation.state_dirs)


def _show(
    settings: Settings,
    report: FileReport,
    file: ResponseFile,
    installed: Installed,
    installation: Installation,
) -> dict[str, Any]:
    """Print what was installed, and return its document."""
    response, terminal = file.response, settings.terminal
    if file.repairs:
        terminal.line(repair_note(file.repairs))
    number = show_license_number(response.license.number)
    waiting = find_pending(response.license.number, installation.state_dirs)
    if installed.license is None:
        terminal.good(message("terminal.receipt-installed", number=number))
    else:
        name = "renewed-on" if response.is_renewal else "active-on"
        name = "already-installed" if installed.already else name
        computer = report.computer
        if computer is None:
            computer = installation.machine.machine().name
        computer = computer or message("terminal.this-computer")
        terminal.good(message(f"terminal.{name}", number=number, computer=computer))
        terminal.line(f"  {terms_line(response, report.previous)}")
        if report.previous is not None:
            for line in feature_changes(
                report.previous.license.features, response.license.features
            ):
                terminal.line(f"  {line}")
        warning = clock_warning(response, installation.clock())
        if warning and not installed.already:
            terminal.warn(warning)
        terminal.line(f"  {message('terminal.seat-to-note', n=response.seat)}")
    if waiting is not None:
        moment = local_time(waiting.request.created_at)
        terminal.line(f"  {message('terminal.still-waits', moment=moment)}")
    return _document(installed, response, waiting) | {"repaired": list(file.repairs)}


def _file_document(report: FileReport) -> dict[str, Any]:
    """One file of the report; `code` is that of the error that belongs to it."""
    members: dict[str, Any] = {"name": report.name, "outcome": report.outcome}
    if report.file is not None:
        response = report.file.response
        members |= {
            "license_number": response.license.number,
            "kind": response.kind,
            "serial": response.serial,
            "seat": response.seat,
        }
    return members | {"code": None if report.error is None else report.error.code}


def _document(
    installed: Installed, response: Response, waiting: PendingRequest | None
) -> dict[str, Any]:
    terms = response.license
    return {
        "ok": True,
        "license_number": terms.number,
        "state": "deactivated" if installed.license is None else "active",
        "serial": response.serial,
        "seat": response.seat,
        "edition": terms.edition,
        "features": dict(terms.features),
        "valid_until": None if terms.valid_until is None else format_time(terms.valid_until),
        "already": installed.already,
        "waiting_request": None if waiting is None else waiting.request.id,
    }
