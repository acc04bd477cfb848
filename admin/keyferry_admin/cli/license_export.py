"""`keyferry-admin license`: export."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from keyferry_admin.cli.admin_command import Settings
from keyferry_admin.cli.changes import change_as_json
from keyferry_admin.cli.license import license
from keyferry_admin.cli.license_filters import filter_options
from keyferry_admin.cli.output import count_of, mark
from keyferry_admin.cli.progress import run_with_progress, watch_seats
from keyferry_admin.errors.commands import Interrupted
from keyferry_admin.use_cases.export_licenses import write_changes, write_licenses
from keyferry_admin.use_cases.find import Filters, find_all
from keyferry_protocol.activation import show_license_number

_FILE = click.Path(dir_okay=False, path_type=Path)


@license.command()
@click.argument("file", type=_FILE)
@filter_options()
@click.option("--history", type=_FILE, metavar="FILE", help="Also write every change to this file.")
@click.pass_obj
def export(settings: Settings, file: Path, filters: Filters, history: Path | None) -> None:
    """Write licenses to a CSV file, which `license import` reads back.

    Example: keyferry-admin license export licenses.csv --history changes.csv

    The file has every term, and what was used of the license. It replaces an older one.
    """
    watch = watch_seats(settings.output)
    licenses = find_all(settings.stack.licenses, filters, settings.now, watch)
    changes = {} if history is None else _changes(settings, [each.number for each in licenses])
    write_licenses(file, licenses, settings.now)
    lines = [f"{mark('ok')} {count_of(len(licenses), 'license')} in {file.resolve()}"]
    document: dict[str, Any] = {"exported": len(licenses), "file": str(file.resolve())}
    if history is not None:
        rows = [
            (show_license_number(number), change)
            for number in sorted(changes)
            for change in changes[number]
        ]
        write_changes(history, rows)
        lines.append(f"  {count_of(len(rows), 'change')} in {history.resolve()}")
        document |= {"changes": len(rows), "history": str(history.resolve())}
    settings.output.result(lines, document)


def _changes(settings: Settings, numbers: list[str]) -> Mapping[str, list[dict[str, Any]]]:
    """The documents of all changes by license number. Raises what AWS refuses, or Interrupted."""
    table, changes = settings.stack.licenses, dict[str, list[dict[str, Any]]]()

    def read(number: str) -> bool:
        changes[number] = [change_as_json(change) for change in table.changes(number)]
        return True

    run = run_with_progress(settings.output, numbers, read, "History")
    if run.failed:
        raise run.failed[0][1]
    if run.not_tried:
        raise Interrupted("Interrupted: no file was written", "Run the same command again.")
    return changes
