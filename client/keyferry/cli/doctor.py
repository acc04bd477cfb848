"""`keyferry doctor`: finds what would go wrong, before a request is written."""

import os
from collections.abc import Sequence
from typing import Any

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.output_path import check_can_write, check_not_read
from keyferry.cli.request_output import check_folder
from keyferry.cli.settings import Settings
from keyferry.doctor.diagnose import diagnose
from keyferry.doctor.finding import Finding
from keyferry.doctor.repair import Repair, repair
from keyferry.doctor.report import support_report
from keyferry.list_licenses import Row, list_licenses
from keyferry.views.license_status import details, long_status
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.messages import message

_NAME_WIDTH = len("Identity  ")
_WORST_FIRST = ("problem", "warning", "ok")


@click.command("doctor", cls=KeyferryCommand)
@click.option("--repair", "repairs_first", is_flag=True)
@click.option("--report", metavar="FILE")
@click.pass_obj
def command(settings: Settings, repairs_first: bool, report: str | None) -> None:
    """Check this computer for problems: changes, copies, clock, and folders."""
    if report is not None:
        check_folder(os.path.dirname(report))
        check_not_read(settings, report)
        check_can_write(report)
    repairs: list[Repair] = []
    if repairs_first:
        repairs = repair(settings.state_dirs, settings.keys)  # whatever the product
        _show_repairs(settings, repairs)
    findings = diagnose(settings.installation())
    _show_findings(settings, findings)
    document = _document(findings)
    if repairs_first:
        document["repairs"] = [one._asdict() for one in repairs]
    if report is not None:
        document["report"] = _write_report(settings, findings, report)
    settings.terminal.document(document)


def _write_report(settings: Settings, findings: Sequence[Finding], path: str) -> str:
    """Write the report for the vendor's support, and return its full path."""
    installation = settings.installation()
    rows = list_licenses(installation)
    statuses = [line for row in rows for line in _status_lines(row, settings.page)]
    text = support_report(findings, rows, statuses, installation, settings.key_set_sha256)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    settings.terminal.good(message("doctor.report.saved", path=path))
    return os.path.abspath(path)


def _status_lines(row: Row, page: str) -> list[str]:
    response = row.response
    lines = [f"{show_license_number(row.number)}  {row.product}"]
    if response is not None:
        facts = {"kind": response.kind, "serial": response.serial}
        lines.append(message("doctor.report.response", **facts))
    if row.protection:
        lines.append(message(f"inspect.protection.{row.protection}"))
    lines += [long_status(row), *details(row, page)]
    return [lines[0], *(f"  {line}" for line in lines[1:])]


def _show_repairs(settings: Settings, repairs: Sequence[Repair]) -> None:
    for one in repairs:
        settings.terminal.result("ok" if one.done else "problem", one.text)
    if not repairs:
        settings.terminal.good(message("doctor.nothing-to-mend"))


def _show_findings(settings: Settings, findings: Sequence[Finding]) -> None:
    """Print a line for each check. If only one has a next step, the summary line has it."""
    notable = [finding for finding in findings if finding.result != "ok"]
    for finding in findings:
        name = message(f"doctor.name.{finding.name}").ljust(_NAME_WIDTH)
        settings.terminal.result(finding.result, name + finding.text)
        if len(notable) > 1 and finding.next_step:
            settings.terminal.line(" " * (len("! ") + _NAME_WIDTH) + finding.next_step)
    summary = message(
        "doctor.summary",
        warnings=_count_text("warning", findings),
        problems=_count_text("problem", findings),
    )
    only = notable[0].next_step if len(notable) == 1 else ""
    if only:
        summary = message("doctor.summary-with-step", summary=summary, next_step=only)
    settings.terminal.line(summary)


def _count_text(result: str, findings: Sequence[Finding]) -> str:
    n = _count(result, findings)
    return message(f"doctor.{result}s", n=n)


def _count(result: str, findings: Sequence[Finding]) -> int:
    return sum(finding.result == result for finding in findings)


def _document(findings: Sequence[Finding]) -> dict[str, Any]:
    """The document, worst results first."""
    ordered = sorted(findings, key=lambda finding: _WORST_FIRST.index(finding.result))
    return {
        "ok": True,
        "warnings": _count("warning", findings),
        "problems": _count("problem", findings),
        "checks": [
            {
                "name": finding.name,
                "result": finding.result,
                **finding.facts,
                "text": finding.text,
                "next_step": finding.next_step or None,
            }
            for finding in ordered
        ],
    }
