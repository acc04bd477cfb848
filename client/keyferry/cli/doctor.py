"""`keyferry doctor`: what would go wrong here, before a request is written."""

from collections.abc import Sequence
from typing import Any

import click

from keyferry.cli.command import KeyferryCommand
from keyferry.cli.settings import Settings
from keyferry.doctor.diagnose import Finding, examine
from keyferry.doctor.repair import Deed, repair
from keyferry_protocol.messages import message

_NAME_WIDTH = len("Identity  ")
_WORST_FIRST = ("problem", "warning", "ok")


@click.command("doctor", cls=KeyferryCommand)
@click.option("--repair", "mends", is_flag=True, help="Mend the license folders first.")
@click.pass_obj
def command(settings: Settings, mends: bool) -> None:
    """Look for what would go wrong: this computer, its changes, copies, clock and folders.

    It changes nothing, unless --repair is given; that says all it did.

    Example: keyferry doctor
    """
    deeds = repair(settings.where, settings.keys) if mends else []
    findings = examine(
        settings.where,
        settings.keys,
        settings.product,
        settings.seen(),
        settings.now(),
        settings.dongle,
    )
    if mends:
        _say_deeds(settings, deeds)
    _say_findings(settings, findings)
    document = _document(findings)
    if mends:
        document["repairs"] = [deed._asdict() for deed in deeds]
    settings.terminal.document(document)


def _say_deeds(settings: Settings, deeds: Sequence[Deed]) -> None:
    for deed in deeds:
        settings.terminal.result("ok" if deed.done else "problem", deed.text)
    if not deeds:
        settings.terminal.good(message("doctor.nothing-to-mend"))


def _say_findings(settings: Settings, findings: Sequence[Finding]) -> None:
    """One line a check; the next step of the only one that needs one stands in the summary."""
    told = [finding for finding in findings if finding.result != "ok"]
    for finding in findings:
        name = message(f"doctor.name.{finding.name}").ljust(_NAME_WIDTH)
        settings.terminal.result(finding.result, name + finding.text)
        if len(told) > 1 and finding.next_step:
            settings.terminal.line(" " * (len("! ") + _NAME_WIDTH) + finding.next_step)
    summary = message(
        "doctor.summary",
        warnings=_counted("warning", findings),
        problems=_counted("problem", findings),
    )
    only = told[0].next_step if len(told) == 1 else ""
    if only:
        summary = message("doctor.summary-with-step", summary=summary, next_step=only)
    settings.terminal.line(summary)


def _counted(result: str, findings: Sequence[Finding]) -> str:
    n = _count(result, findings)
    return message(f"doctor.{result}s", n=n)


def _count(result: str, findings: Sequence[Finding]) -> int:
    return sum(finding.result == result for finding in findings)


def _document(findings: Sequence[Finding]) -> dict[str, Any]:
    """The checks with what needs doing first."""
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
