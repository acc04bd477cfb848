"""`keyferry install`: install the response that came back."""

from collections.abc import Iterable
from typing import Any

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.settings import Settings
from keyferry.dongle.signer import signer_for
from keyferry.files.read_responses import (
    ResponseFile,
    genuine_responses,
    is_collection,
    read_response,
)
from keyferry.install import Installed, install, is_expected
from keyferry.installation import Installation
from keyferry.request import PendingRequest, find_pending
from keyferry.times import local_time, long_date
from keyferry.views.repair_note import repair_note
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_protocol.errors import KeyferryError, NotRequested
from keyferry_protocol.messages import message
from keyferry_protocol.response import Response


@click.command("install", cls=KeyferryCommand)
@click.argument(
    "source", metavar="FILE|FOLDER|ZIP|-", type=click.Path(exists=True, allow_dash=True)
)
@click.pass_obj
def command(settings: Settings, source: str) -> None:
    """Install a response file; of a folder or zip archive those that this computer waits for."""
    installation = settings.installation()
    documents: list[dict[str, Any]] = []
    errors: dict[str, KeyferryError] = {}
    for file in _choose(source, installation):
        number = file.response.license.number
        try:
            documents.append(_install(settings, file, installation))
            errors.pop(number, None)  # of an older file for the same license
        except KeyferryError as error:
            errors[number] = error
    for reported in errors.values():
        raise reported
    one = len(documents) == 1
    settings.terminal.document(documents[0] if one else {"ok": True, "installed": documents})


def _choose(source: str, installation: Installation) -> list[ResponseFile]:
    """The files to install, the lowest serial first.

    A single file is always tried, so that its own error is reported.
    """
    if not is_collection(source):
        return [read_response(source, installation.keys)]
    files = genuine_responses(source, installation.keys)
    files = sorted(_each_once(files), key=lambda file: file.response.serial)
    fitting = [file for file in files if is_expected(file.response, installation.state_dirs)]
    if len(files) > 1 and not fitting:
        fitting = _for_plugged_dongles(files, installation)
    if len(files) == 1 or fitting:
        return fitting or files[:1]
    raise NotRequested(message("terminal.none-fits", n=len(files), path=source))


def _each_once(files: list[ResponseFile]) -> Iterable[ResponseFile]:
    """Of copies, such as a file and the archive it came in, only the first."""
    return {file.response.envelope.sha256: file for file in reversed(files)}.values()


def _for_plugged_dongles(
    files: list[ResponseFile], installation: Installation
) -> list[ResponseFile]:
    """The newest response for each plugged-in dongle, which needs no request on this machine."""
    newest: dict[str, ResponseFile] = {}
    for file in files:
        named = file.response.bound_to.dongle
        if named and not file.response.is_receipt and signer_for(installation.dongle, named):
            newest[file.response.license.number] = file
    return list(newest.values())


def _install(settings: Settings, file: ResponseFile, installation: Installation) -> dict[str, Any]:
    response, terminal = file.response, settings.terminal
    if file.repairs:
        terminal.line(repair_note(file.repairs))
    installed = install(response, file.data, installation)
    number = show_license_number(response.license.number)
    waiting = find_pending(response.license.number, installation.state_dirs)
    if installed.license is None:
        terminal.good(message("terminal.receipt-installed", number=number))
    else:
        name = "terminal.already-installed" if installed.already else "terminal.active-on"
        computer = installation.machine.machine().name or message("terminal.this-computer")
        terminal.good(message(name, number=number, computer=computer))
        terminal.line(f"  {_terms(response)}")
    if waiting is not None:
        moment = local_time(waiting.request.created_at)
        terminal.line(f"  {message('terminal.still-waits', moment=moment)}")
    return _document(installed, response, waiting) | {"repaired": list(file.repairs)}


def _terms(response: Response) -> str:
    terms = response.license
    facts = {"product": f"{terms.product} {terms.edition}".rstrip(), "licensee": terms.licensee}
    if terms.valid_until is None:
        return message("terminal.terms", **facts)
    return message("terminal.terms-until", date=long_date(terms.valid_until), **facts)


def _document(
    installed: Installed, response: Response, waiting: PendingRequest | None
) -> dict[str, Any]:
    terms = response.license
    return {
        "ok": True,
        "license_number": terms.number,
        "state": "deactivated" if installed.license is None else "active",
        "serial": response.serial,
        "edition": terms.edition,
        "features": dict(terms.features),
        "valid_until": None if terms.valid_until is None else format_time(terms.valid_until),
        "already": installed.already,
        "waiting_request": None if waiting is None else waiting.request.id,
    }
