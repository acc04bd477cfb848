"""`keyferry inspect`: what files contain, in plain words, before they leave the room."""

import os
from itertools import islice
from typing import Any

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.confirm import confirm, yes_option
from keyferry.cli.output_path import check_not_read
from keyferry.cli.request_output import check_folder
from keyferry.cli.settings import Settings
from keyferry.files.inspect_bytes import inspect_any, inspect_bytes
from keyferry.files.list_files import MAX_LISTED, list_files
from keyferry.files.read_responses import is_collection, read_file
from keyferry.files.save_request import save_whole
from keyferry.inspected import Inspected
from keyferry.views.file_facts import summary_lines
from keyferry.views.file_report import file_report
from keyferry.views.folder_report import (
    Entry,
    entry_lines,
    entry_of,
    folder_report,
    overview,
)
from keyferry.views.repair_note import repair_note
from keyferry_protocol.encoding import format_time
from keyferry_protocol.messages import message
from keyferry_protocol.request import Request
from keyferry_protocol.response import Response


@click.command("inspect", cls=KeyferryCommand)
@click.argument("source", metavar="FILE|FOLDER|ZIP", type=click.Path(exists=True, allow_dash=True))
@click.option("--report", metavar="FILE.html")
@yes_option
@click.pass_obj
def command(settings: Settings, source: str, report: str | None, yes: bool) -> None:
    """Show what request or response files hold, in plain words."""
    if report is not None:
        _check_report(report)
        check_not_read(settings, report, source)
    if is_collection(source):
        document, page = _inspect_all(settings, source)
    else:
        document, page = _inspect_one(settings, source)
    if report is not None:
        document["report"] = _save_report(settings, page, report, yes)
    settings.terminal.document(document)


def _inspect_one(settings: Settings, source: str) -> tuple[dict[str, Any], str]:
    """Print what is in a file; return the document and the report."""
    file = inspect_bytes(read_file(source))
    if file.repairs:
        settings.terminal.line(repair_note(file.repairs))
    for line in summary_lines(file.contents):
        settings.terminal.line(line)
    name = "" if source == "-" else os.path.basename(source)
    return {"ok": True, **_document(file)}, file_report(name, file, settings.now())


def _inspect_all(settings: Settings, source: str) -> tuple[dict[str, Any], str]:
    """Print what is in each file of a folder or archive; return the document and the report."""
    files = list(islice(list_files(source), MAX_LISTED + 1))
    context = click.get_current_context()
    if all(file.is_zip for file in files):
        raise click.UsageError(message("terminal.usage.no-files", path=source), context)
    if len(files) > MAX_LISTED:
        text = message("terminal.usage.too-many-files", path=source, n=MAX_LISTED)
        raise click.UsageError(text, context)
    entries = [entry_of(file, inspect_any(file.data)) for file in files]
    for entry in entries:
        settings.terminal.line(entry.file.name)
        for line in entry_lines(entry):
            settings.terminal.line(f"  {line}")
    settings.terminal.line(overview(entries)[0])
    is_archive = not os.path.isdir(source)
    document = {
        "ok": True,
        "type": "zip" if is_archive else "folder",
        "files": [_entry_document(entry) for entry in entries],
    }
    name = os.path.basename(os.path.abspath(source)) or source
    return document, folder_report(name, entries, is_archive, settings.now())


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


def _entry_document(entry: Entry) -> dict[str, Any]:
    file = entry.file
    return {
        "name": file.name,
        "bytes": file.size,
        "file_sha256": file.sha256 or None,
        "needs_look": bool(entry.warning),
        "contents": None if entry.inspected is None else _document(entry.inspected),
    }


def _document(file: Inspected) -> dict[str, Any]:
    contents = file.contents
    members = (
        _request_document(contents)
        if isinstance(contents, Request)
        else _response_document(contents)
    )
    return members | {"repaired": list(file.repairs)}


def _request_document(request: Request) -> dict[str, Any]:
    components = {name: len(hashes) for name, hashes in request.machine.components.items()}
    return {
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
