"""`keyferry-admin doctor`: whether a deployed stack is ready for customers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from keyferry_admin.cli import cli
from keyferry_admin.cli.admin_command import AdminCommand, Settings
from keyferry_admin.cli.output import count_of, mark
from keyferry_admin.use_cases.doctor.deployment import Deployment
from keyferry_admin.use_cases.doctor.diagnose import diagnose
from keyferry_admin.use_cases.doctor.finding import OK, PROBLEM, UNKNOWN, WARNING, Finding

NOT_READY, NOT_KNOWN = 3, 4  # exit codes
_WORST_FIRST = (PROBLEM, UNKNOWN, WARNING, OK)
_MARKS = {OK: "ok", WARNING: "warning", PROBLEM: "error", UNKNOWN: "unknown"}
_WIDTH = len("Certificate") + 2


@cli.command(cls=AdminCommand)
@click.option(
    "--site",
    default="static-site",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the page that should be served.",
)
@click.pass_obj
@click.pass_context
def doctor(ctx: click.Context, settings: Settings, site: Path) -> None:
    """Check whether this deployment is ready. Example: keyferry-admin doctor

    It changes nothing. Exit codes: 0 ready, 3 not ready, 4 a check could not run.
    """
    findings = list(diagnose(Deployment(settings.stack, site, settings.now)))
    settings.output.result([*_lines(findings), _summary(findings)], _document(findings))
    ctx.exit(_exit(findings))


def _lines(findings: Sequence[Finding]) -> list[str]:
    """A line for each finding, and its next step below it."""
    lines = []
    for finding in findings:
        sign = mark(_MARKS[finding.result])
        lines.append(f"{sign} {_title(finding).ljust(_WIDTH)}{finding.text}")
        if finding.next_step:
            lines.append(" " * (len(sign) + 1 + _WIDTH) + finding.next_step)
    return lines


def _title(finding: Finding) -> str:
    return finding.name.replace("-", " ").capitalize()


def _summary(findings: Sequence[Finding]) -> str:
    counts = [
        count_of(_count(result, findings), noun)
        for result, noun in ((PROBLEM, "problem"), (WARNING, "warning"))
        if _count(result, findings)
    ]
    if unknown := _count(UNKNOWN, findings):
        counts.append(f"{count_of(unknown, 'check')} could not run")
    words = {0: "Ready", NOT_READY: "Not ready", NOT_KNOWN: "Incomplete"}
    return f"{': '.join([words[_exit(findings)], *([', '.join(counts)] if counts else [])])}."


def _exit(findings: Sequence[Finding]) -> int:
    if _count(PROBLEM, findings):
        return NOT_READY
    return NOT_KNOWN if _count(UNKNOWN, findings) else 0


def _count(result: str, findings: Sequence[Finding]) -> int:
    return sum(finding.result == result for finding in findings)


def _document(findings: Sequence[Finding]) -> dict[str, Any]:
    """The document, worst results first."""
    ordered = sorted(findings, key=lambda finding: _WORST_FIRST.index(finding.result))
    ready = {0: True, NOT_READY: False, NOT_KNOWN: None}[_exit(findings)]
    return {
        "ready": ready,
        "problems": _count(PROBLEM, findings),
        "warnings": _count(WARNING, findings),
        "unknown": _count(UNKNOWN, findings),
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
