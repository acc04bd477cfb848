"""`keyferry inspect`: what a file contains, in plain words, before it leaves the room."""

from typing import Any

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.settings import Settings
from keyferry.files.kinds import kind_of
from keyferry.files.read_responses import read_file
from keyferry.times import local_time_with_zone, long_date
from keyferry.views.repair_note import repair_note
from keyferry.views.request_summary import request_lines
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope
from keyferry_protocol.errors import UnreadableRequest, WrongType
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list
from keyferry_protocol.repair import repair_file
from keyferry_protocol.request import Request, parse_request
from keyferry_protocol.response import Response, parse_response


@click.command("inspect", cls=KeyferryCommand)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.pass_obj
def command(settings: Settings, file: str) -> None:
    """Show what a request or response file holds, in plain words."""
    original = read_file(file)
    data, repairs = repair_file(original, REQUEST)
    try:
        contents: Request | Response = parse_request(data)
    except WrongType:
        contents = parse_response(open_envelope(data, RESPONSE))
    except UnreadableRequest as error:
        kind = kind_of(original)
        if kind in ("cut", "editor"):
            raise  # it is one of ours, and the error says what is wrong in it
        raise UnreadableRequest(message(f"terminal.kind.{kind}")) from error
    if isinstance(contents, Request):
        lines, document = request_lines(contents), _request_document(contents)
    else:
        lines, document = _response_lines(contents), _response_document(contents)
    if repairs:
        settings.terminal.line(repair_note(repairs))
    for line in lines:
        settings.terminal.line(line)
    settings.terminal.document(document | {"repaired": list(repairs)})


def _request_document(request: Request) -> dict[str, Any]:
    components = {name: len(hashes) for name, hashes in request.machine.components.items()}
    return {
        "ok": True,
        "type": "request",
        "kind": request.kind,
        "license_number": request.license_number,
        "machine": {
            "name": request.machine.name,
            "os": request.machine.os,
            "environment": request.machine.environment,
            "components": components,
        },
        "signatures": len(request.envelope.signatures),
        "activation_code_in_file": False,
        "id": request.id,
        "created_at": format_time(request.created_at),
        "product": {"name": request.product.name, "version": request.product.version},
        "protection": request.protection,
        "replaces_seat": request.replaces_seat,
        "choose_seat": request.choose_seat,
        "client": request.client,
        "sha256": request.sha256,
    }


def _response_lines(response: Response) -> list[str]:
    terms = response.license
    name = "inspect.gives-back" if response.is_receipt else "inspect.grants"
    facts = {
        "number": show_license_number(terms.number),
        "product": terms.product,
        "edition": terms.edition,
        "licensee": terms.licensee,
        "seat": response.seat,
    }
    lines = [
        message("inspect.response", moment=local_time_with_zone(response.issued_at)),
        message(name, **facts),
    ]
    if response.is_receipt:
        return lines
    if terms.features:
        lines.append(message("inspect.features", features=_features(response)))
    lines.append(message("inspect.from", date=long_date(terms.valid_from)))
    if terms.valid_until is None:
        lines.append(message("inspect.endless"))
    else:
        lines.append(message("inspect.until", date=long_date(terms.valid_until)))
    protection = message(f"inspect.protection.{response.bound_to.protection}")
    return [*lines, message("inspect.bound", protection=protection)]


def _features(response: Response) -> str:
    features = response.license.features.items()
    return comma_list(name if value is True else f"{name} {value}" for name, value in features)


def _response_document(response: Response) -> dict[str, Any]:
    terms = response.license.as_json()
    return {
        "ok": True,
        "type": "response",
        "kind": response.kind,
        "license_number": response.license.number,
        "seat": response.seat,
        "serial": response.serial,
        "issued_at": format_time(response.issued_at),
        "license": terms,
        "protection": response.bound_to.protection,
        "request_sha256": response.request_sha256,
        "signatures": len(response.envelope.signatures),
        "verified": False,
    }
