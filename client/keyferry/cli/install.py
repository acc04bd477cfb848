"""`keyferry install`: install the response that came back."""

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
from keyferry.install import install, is_expected
from keyferry.installation import Installation
from keyferry.times import long_date
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_protocol.errors import NotRequested
from keyferry_protocol.messages import message
from keyferry_protocol.response import Response


@click.command("install", cls=KeyferryCommand)
@click.argument(
    "source", metavar="FILE|FOLDER|ZIP|-", type=click.Path(exists=True, allow_dash=True)
)
@click.pass_obj
def command(settings: Settings, source: str) -> None:
    """Install a response file; of a folder or zip archive the one that this computer waits for."""
    installation = settings.installation()
    files = _choose(source, installation)
    documents = [_install(settings, file, installation) for file in files]
    one = len(documents) == 1
    settings.terminal.document(documents[0] if one else {"ok": True, "installed": documents})


def _choose(source: str, installation: Installation) -> list[ResponseFile]:
    """The files to install. A single file is always tried, so that its own error is reported."""
    if not is_collection(source):
        return [read_response(source, installation.keys)]
    files = genuine_responses(source, installation.keys)
    fitting = [file for file in files if is_expected(file.response, installation.state_dirs)]
    if len(files) > 1 and not fitting:
        fitting = _for_plugged_dongles(files, installation)
    if len(files) == 1 or fitting:
        return fitting or files[:1]
    raise NotRequested(message("terminal.none-fits", n=len(files), path=source))


def _for_plugged_dongles(
    files: list[ResponseFile], installation: Installation
) -> list[ResponseFile]:
    """The newest response for each plugged-in dongle, which needs no request on this machine."""
    newest: dict[str, ResponseFile] = {}
    for file in sorted(files, key=lambda file: file.response.serial):
        named = file.response.bound_to.dongle
        if named and not file.response.is_receipt and signer_for(installation.dongle, named):
            newest[file.response.license.number] = file
    return list(newest.values())


def _install(settings: Settings, file: ResponseFile, installation: Installation) -> dict[str, Any]:
    response = file.response
    installed = install(response, file.data, installation)
    number = show_license_number(response.license.number)
    if installed.license is None:
        settings.terminal.good(message("terminal.receipt-installed", number=number))
        return _document(response, "deactivated")
    computer = installation.machine.machine().name or message("terminal.this-computer")
    settings.terminal.good(message("terminal.active-on", number=number, computer=computer))
    settings.terminal.line(f"  {_terms(response)}")
    return _document(response, "active")


def _terms(response: Response) -> str:
    terms = response.license
    facts = {"product": f"{terms.product} {terms.edition}".rstrip(), "licensee": terms.licensee}
    if terms.valid_until is None:
        return message("terminal.terms", **facts)
    return message("terminal.terms-until", date=long_date(terms.valid_until), **facts)


def _document(response: Response, state: str) -> dict[str, Any]:
    terms = response.license
    return {
        "ok": True,
        "license_number": terms.number,
        "state": state,
        "serial": response.serial,
        "edition": terms.edition,
        "features": dict(terms.features),
        "valid_until": None if terms.valid_until is None else format_time(terms.valid_until),
    }
