"""`keyferry qr`: a request as a QR code, for computers where no USB drive is allowed."""

import os
import shutil
import sys

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.output_path import check_not_read
from keyferry.cli.request_output import check_folder
from keyferry.cli.settings import Settings
from keyferry.files.read_responses import read_file
from keyferry.files.save_request import save_whole
from keyferry.license_message import license_message
from keyferry.qr import qr_lines, qr_svg, qr_version, request_link
from keyferry.request import find_pending
from keyferry.views.terminal import can_encode
from keyferry_protocol.activation import parse_license_number
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.messages import message
from keyferry_protocol.request import parse_request


class NoPendingRequest(KeyferryError):
    """A license that has no pending request on this machine."""

    code = "nothing-waits"


class CannotDraw(KeyferryError):
    """A terminal that is too small for the QR code, or cannot show block characters."""

    code = "cannot-draw"


@click.command("qr", cls=KeyferryCommand)
@click.argument("source", metavar="LICENSE_NUMBER|FILE")
@click.option("--output", metavar="FILE.svg")
@click.pass_obj
def command(settings: Settings, source: str, output: str | None) -> None:
    """Show a waiting request as a QR code that a phone can open."""
    page = settings.vendor.page_url
    if not page:
        raise click.UsageError(message("terminal.usage.page"), click.get_current_context())
    data = _request_file(source, settings)
    request = parse_request(data)
    link = request_link(page, data)
    version = qr_version(link)
    terminal = settings.terminal
    if output is not None:
        check_not_read(settings, output, source)
        _save(link, output)
        terminal.good(message("terminal.qr.saved", path=output))
    elif not terminal.as_json:
        terminal.picture(_drawable(qr_lines(link), source))
    terminal.line(f"{request.file_stem}.request")
    terminal.line(message("terminal.qr.cannot-scan"))
    terminal.document(
        {
            "ok": True,
            "license_number": request.license_number,
            "kind": request.kind,
            "link": link,
            "version": version,
            "name": f"{request.file_stem}.request",
            "page": page,
            "output": output and os.path.abspath(output),
        }
    )


def _request_file(source: str, settings: Settings) -> bytes:
    if source == "-" or source.endswith(".request") or os.path.isfile(source):
        return read_file(source)
    number = parse_license_number(source)
    pending = find_pending(number, settings.own_state_dirs(number))
    if pending is None:
        raise NoPendingRequest(
            license_message("errors.nothing-waits.license", number), license_number=number
        )
    return pending.data


def _save(link: str, output: str) -> None:
    if not output.lower().endswith(".svg"):
        raise click.UsageError(message("terminal.usage.svg"), click.get_current_context())
    check_folder(os.path.dirname(output))
    save_whole(qr_svg(link).encode(), output)


def _drawable(lines: list[str], source: str) -> list[str]:
    """Return the lines if the terminal can show all of them at once. Raises CannotDraw."""
    if not can_encode("".join(lines), sys.stdout):
        raise CannotDraw(message("terminal.qr.blocks"), source=source)
    width, height = shutil.get_terminal_size()
    rows, columns = len(lines), len(lines[0])
    if sys.stdout.isatty() and (height < rows or width < columns):
        size = message("terminal.qr.size", rows=rows, columns=columns, lines=height, width=width)
        raise CannotDraw(size, source=source)
    return lines
