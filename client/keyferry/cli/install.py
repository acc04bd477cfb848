"""`keyferry install`: take in the response that came back."""

from typing import Any

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.read_files import Found, genuine, is_collection, read_one, read_response
from keyferry.cli.settings import Settings
from keyferry.dongle.signer import token_for
from keyferry.install import answers_here, install
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
    """Install a response file; of a folder or zip archive the one that this computer waits for.

    Example: keyferry install 015120020093-7f3a.response
    """
    documents = [_install(settings, data) for data in _choose(settings, source)]
    one = len(documents) == 1
    settings.terminal.document(documents[0] if one else {"ok": True, "installed": documents})


def _choose(settings: Settings, source: str) -> list[bytes]:
    """The files to install. One file alone is tried whatever it is, so that its error is told."""
    if not is_collection(source):
        return [read_one(source)]
    found = genuine(source, settings.keys)
    fitting = [one.data for one in found if answers_here(one.response, settings.where)]
    if len(found) > 1 and not fitting:
        fitting = _for_dongles_here(found, settings)
    if len(found) == 1 or fitting:
        return fitting or [found[0].data]
    raise NotRequested(message("terminal.none-fits", n=len(found), path=source))


def _for_dongles_here(found: list[Found], settings: Settings) -> list[bytes]:
    """The newest response of each license whose dongle is plugged in: it needs no request here."""
    newest: dict[str, bytes] = {}
    for one in sorted(found, key=lambda one: one.response.serial):
        named = one.response.bound_to.dongle
        if named and not one.response.is_receipt and token_for(settings.dongle, named):
            newest[one.response.license.number] = one.data
    return list(newest.values())


def _install(settings: Settings, data: bytes) -> dict[str, Any]:
    response = read_response(data, settings.keys)
    seen = settings.seen()
    installed = install(
        response,
        data,
        settings.where,
        settings.keys,
        settings.product,
        seen,
        settings.dongle,
        settings.now,
    )
    number = show_license_number(response.license.number)
    if installed.license is None:
        settings.terminal.good(message("terminal.receipt-installed", number=number))
        return _document(response, "deactivated")
    computer = seen.machine().name or message("terminal.this-computer")
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
