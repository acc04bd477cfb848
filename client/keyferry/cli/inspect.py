"""`keyferry inspect`: what a file contains, in plain words, before it leaves the room."""

import os
from typing import Any

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.confirm import confirm, yes_option
from keyferry.cli.output_path import check_not_read
from keyferry.cli.request_output import check_folder
from keyferry.cli.settings import Settings
from keyferry.files.kinds import kind_of
from keyferry.files.read_responses import read_file
from keyferry.files.save_request import save_whole
from keyferry.views.file_report import file_report
from keyferry.views.repair_note import repair_note
from keyferry.views.request_summary import request_lines
from keyferry.views.response_summary import response_lines
from keyferry_protocol.encoding import format_time
from keyferry_protocol.envelope import REQUEST, RESPONSE, open_envelope
from keyferry_protocol.errors import UnreadableRequest, WrongType
from keyferry_protocol.messages import message
from keyferry_protocol.repair import repair_file
from keyferry_protocol.request import Request, parse_request
from keyferry_protocol.response import Response, parse_response


@click.command("inspect", cls=KeyferryCommand)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--report", metavar="FILE.html")
@yes_option
@click.pass_obj
def command(settings: Settings, file: str, report: str | None, yes: bool) -> None:
    """Show what a request or response file holds, in plain words."""
    if report is not None:
        _check_report(report)
        check_not_read(settings, report, file)
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
        lines, document = response_lines(contents), _response_document(contents)
    if repairs:
        settings.terminal.line(repair_note(repairs))
    for line in lines:
        settings.terminal.line(line)
    document |= {"repaired": list(repairs)}
    if report is not None:
        name = "" if file == "-" else os.path.basename(file)
        page = file_report(name, original, data, contents, repairs, settings.now())
        document["report"] = _save_report(settings, page, report, yes)
    settings.terminal.document(document)


def _check_report(path: str) -> None:
    if not path.lower().endswith(".html"):
        raise click.UsageError(message("terminal.usage.html"), click.get_current_context())
    check_folder(os.path.dirname(path))


def _save_report(settings: Settings, page: str, path: str, yes: bool) -> str | None:
    """Save the page, and return its full path; None if the file that is there is to be kept."""
    question = message("inspect.report.replace-asks", path=path)
    if os.path.lexists(path) and not confirm(settings, question, yes):
        return None
    save_whole(page.encode(), path)
    settings.terminal.good(message("inspect.report.saved", path=path))
    return os.path.abspath(path)


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
