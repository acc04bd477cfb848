"""What `request`, `update` and `deactivate` share: make the file, save it, say what is next."""

import os
from typing import Any

import click

from keyferry.cli.save_file import Saved, check_output, save
from keyferry.cli.settings import Settings
from keyferry.request import PendingRequest, make, remember_path
from keyferry.request_options import RequestOptions
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.matching import MIN_WEIGHT, hardware_weight
from keyferry_protocol.messages import message
from keyferry_protocol.request import Product

output_option = click.option(
    "--output", default=os.curdir, metavar="FOLDER|ZIP|FILE", help="Where to save the file."
)
machine_name_option = click.option(
    "--machine-name", help="What the page and e-mail call this computer; empty to withhold it."
)
STATES = {"activate": "pending", "update": "active", "deactivate": "deactivated"}


def wish_for(settings: Settings, number: str, kind: str, **asked: Any) -> RequestOptions:
    """What a command asks for, with what all commands are told."""
    return RequestOptions(
        number=number,
        kind=kind,
        product=Product(settings.product, settings.product_version),
        protection=asked.get("protection", "machine"),
        replaces_seat=asked.get("replaces_seat"),
        code=asked.get("code"),
        dongle=settings.dongle,
        trusts=settings.keys.trusts(),
        now=settings.now(),
    )


def hand_out(
    settings: Settings, wish: RequestOptions, output: str, machine_name: str | None
) -> None:
    """Make the request and save its file, then say all that is to be said."""
    check_output(output)
    made = make(wish, settings.where, settings.seen(machine_name))
    saved = save(made, output)
    remember_path(made, os.path.abspath(saved.path))
    warnings = _warnings(made)
    for warning in warnings:
        settings.terminal.warn(warning["text"])
    _say(settings, made, saved)
    settings.terminal.document(_document(settings, made, saved, warnings))


def _warnings(made: PendingRequest) -> list[dict[str, str]]:
    request, root = made.request, made.folder.root
    warnings = []
    if request.protection != "personal" and not root.shared:
        text = message("terminal.kept-for-user", path=root.path)
        warnings.append({"code": "kept-for-user", "text": text})
    weak = hardware_weight(request.machine.components) < MIN_WEIGHT
    if weak and request.protection != "dongle" and request.kind != "deactivate":
        warnings.append({"code": "virtual-only", "text": message("terminal.virtual-only")})
    return warnings


def _say(settings: Settings, made: PendingRequest, saved: Saved) -> None:
    terminal, request = settings.terminal, made.request
    number = show_license_number(request.license_number)
    shown = saved.path if saved.path.endswith(saved.name) else f"{saved.path}: {saved.name}"
    terminal.good(message("terminal.request-saved", path=shown))
    if request.kind == "deactivate":
        return terminal.line(message("terminal.next-page-deactivate", page=settings.page))
    terminal.line(f"  {message(f'terminal.{request.kind}-waits', number=number)}")
    terminal.line(message("terminal.next-page", page=settings.page))
    terminal.line(message("terminal.next-install", name=f"{request.file_stem}.response"))


def _document(
    settings: Settings, made: PendingRequest, saved: Saved, warnings: list[dict[str, str]]
) -> dict[str, Any]:
    request = made.request
    return {
        "ok": True,
        "license_number": request.license_number,
        "state": STATES[request.kind],
        "kind": request.kind,
        "request": {
            "id": request.id,
            "path": os.path.abspath(saved.path),
            "name": saved.name,
            "bytes": len(made.data),
            "sha256": request.sha256,
        },
        "page": settings.vendor.page_url or None,
        "warnings": warnings,
    }
