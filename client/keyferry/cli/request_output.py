"""Makes and saves the file of `request`, `update`, and `deactivate`, and prints the next step."""

import os
from typing import Any

import click

from keyferry.cli.settings import Settings
from keyferry.files.save_request import (
    ENDINGS,
    SavedFile,
    check_can_save,
    save_request,
)
from keyferry.installation import Installation
from keyferry.request import PendingRequest, create_request, remember_path
from keyferry.request_options import RequestOptions
from keyferry.times import local_time
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import free_text
from keyferry_protocol.matching import MIN_WEIGHT, hardware_weight
from keyferry_protocol.messages import message

output_option = click.option("--output", default=os.curdir, metavar="FOLDER|ZIP|FILE")


def _machine_name(context: click.Context, option: click.Parameter, name: str | None) -> str | None:
    """Raises UsageError for a name that no request may contain."""
    try:
        return None if name is None else free_text(name)
    except ValueError as error:
        detail = message("terminal.usage.machine-name", why=error)
        raise click.UsageError(detail, context) from error


machine_name_option = click.option("--machine-name", callback=_machine_name)
PAGES_ZIP = "keyferry-responses.zip"  # what the page makes of several responses
STATES = {"activate": "pending", "update": "active", "deactivate": "deactivated"}


def check_output(output: str) -> None:
    """Raises UsageError, before a request is made, if the folder to save its file in is missing."""
    is_folder = not output.lower().endswith(ENDINGS)
    check_folder(output if is_folder else os.path.dirname(output), may_be_file=is_folder)


def check_folder(folder: str, may_be_file: bool = False) -> None:
    """Raises UsageError if a folder is missing; "" is the current one.

    `may_be_file` if the path may have been meant as the name of a file.
    """
    if not os.path.isdir(folder or os.curdir):
        path = folder.rstrip("/" + os.sep)
        name = "no-such-folder" if may_be_file and path == folder else "no-folder"
        context = click.get_current_context()
        raise click.UsageError(message(f"terminal.usage.{name}", path=path), context)


def write_request(
    settings: Settings, options: RequestOptions, installation: Installation, output: str
) -> None:
    """Make the request, save its file, and print what to do next."""
    settings.check()
    check_output(output)
    check_can_save(output)
    pending = create_request(options, installation)
    saved = save_request(pending, output)
    remember_path(pending, os.path.abspath(saved.path))
    warnings = _warnings(pending)
    for warning in warnings:
        settings.terminal.warn(warning["text"])
    _show(settings, pending, saved)
    settings.terminal.document(_document(settings, pending, saved, warnings))


def _warnings(pending: PendingRequest) -> list[dict[str, str]]:
    request, root = pending.request, pending.folder.root
    warnings = []
    if pending.replaced is not None:
        moment = local_time(pending.replaced.created_at)
        text = message("terminal.request-replaced", moment=moment)
        warnings.append({"code": "request-replaced", "text": text})
    if request.protection != "personal" and not root.shared:
        text = message("terminal.kept-for-user", path=root.path)
        warnings.append({"code": "kept-for-user", "text": text})
    weak = hardware_weight(request.machine.components) < MIN_WEIGHT
    if weak and request.protection != "dongle" and request.kind != "deactivate":
        warnings.append({"code": "virtual-only", "text": message("terminal.virtual-only")})
    return warnings


def _show(settings: Settings, pending: PendingRequest, saved: SavedFile) -> None:
    terminal, request = settings.terminal, pending.request
    number = show_license_number(request.license_number)
    is_in_zip = not saved.path.endswith(saved.name)
    shown = f"{saved.path}: {saved.name}" if is_in_zip else saved.path
    terminal.good(message("terminal.request-saved", path=shown))
    if request.kind == "deactivate":
        terminal.line(message("terminal.next-page-deactivate", page=settings.page))
        return terminal.line(message("terminal.next-receipt"))
    terminal.line(f"  {message(f'terminal.{request.kind}-waits', number=number)}")
    terminal.line(message("terminal.next-page", page=settings.page))
    if request.choose_seat:
        terminal.line(message("terminal.next-choose-seat"))
    name = PAGES_ZIP if is_in_zip else f"{request.file_stem}-*.response"
    terminal.line(message("terminal.next-install", name=name))


def _document(
    settings: Settings, pending: PendingRequest, saved: SavedFile, warnings: list[dict[str, str]]
) -> dict[str, Any]:
    request = pending.request
    return {
        "ok": True,
        "license_number": request.license_number,
        "state": STATES[request.kind],
        "kind": request.kind,
        "request": {
            "id": request.id,
            "path": os.path.abspath(saved.path),
            "name": saved.name,
            "bytes": len(pending.data),
            "sha256": request.sha256,
            "choose_seat": request.choose_seat,
        },
        "page": settings.vendor.page_url or None,
        "warnings": warnings,
    }
