"""The report for the vendor's support: what the doctor sees and what happened here, no secret.

It names no key, no activation code, and no serial number of a part; nor the computer or its user.
"""

import getpass
import os
import platform
from collections.abc import Iterable, Sequence

from keyferry.doctor.finding import Finding
from keyferry.doctor.history import Event, history
from keyferry.installation import Installation
from keyferry.list_licenses import Row
from keyferry.times import local_time_with_zone
from keyferry_protocol import __version__
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.components import Machine
from keyferry_protocol.messages import message

_MIN_SECRET = 3  # letters: what is shorter would be cut out of other words


def support_report(
    findings: Sequence[Finding],
    rows: Sequence[Row],
    statuses: Sequence[str],
    installation: Installation,
    key_set_sha256: str,
) -> str:
    """The report, a text of a page or two. `statuses` say what `keyferry status` says of `rows`."""
    machine = installation.machine.machine()
    lines = [
        message("doctor.report.title", product=installation.product),
        *_facts(machine, installation, key_set_sha256),
        "",
        message("doctor.report.checks"),
        *(f"  {_finding(finding)}" for finding in findings),
        "",
        message("doctor.report.licenses"),
        *(f"  {line}" for line in statuses),
        "",
        message("doctor.report.history"),
        *(f"  {_event(event)}" for event in history(installation.state_dirs)),
    ]
    return _without_names("\n".join(lines) + "\n", machine, rows)


def _facts(machine: Machine, installation: Installation, key_set_sha256: str) -> Iterable[str]:
    now = local_time_with_zone(installation.clock())
    facts = {
        "made": now,
        "client": f"keyferry {__version__}, Python {platform.python_version()}",
        "system": f"{machine.os or platform.system()}, {machine.environment}",
        "keys": key_set_sha256,
    }
    return [f"  {message(f'doctor.report.{name}', text=text)}" for name, text in facts.items()]


def _finding(finding: Finding) -> str:
    name = message(f"doctor.name.{finding.name}")
    facts = {"result": finding.result, "name": name, "text": finding.text}
    return message("doctor.report.check", **facts)


def _event(event: Event) -> str:
    text = message(f"doctor.event.{event.what}", serial=event.serial)
    number = show_license_number(event.number)
    moment = local_time_with_zone(event.at)
    return message("doctor.report.event", moment=moment, number=number, text=text)


def _without_names(text: str, machine: Machine, rows: Sequence[Row]) -> str:
    """The text without the names of user and computer, which paths hold, nor any serial number."""
    dongles = [row.response.bound_to.dongle for row in rows if row.response is not None]
    secrets = {os.path.expanduser("~"): "~", machine.name: "COMPUTER", _user(): "USER"}
    secrets |= {value: "…" for values in machine.components.values() for value in values}
    secrets |= {dongle.serial: "…" for dongle in dongles if dongle is not None}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _MIN_SECRET:
            text = text.replace(secret, secrets[secret])
    return text


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a process without a user entry, as in a container
        return ""
