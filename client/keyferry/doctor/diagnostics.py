"""Checks whether this computer can be recognized, has changed, or is a copy. Pure."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from keyferry.doctor.finding import OK, PROBLEM, WARNING, Finding
from keyferry.machine.differences import broken_rule, differing_parts, match_facts
from keyferry.machine.readable import readable_components
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.components import COMPONENTS, USER, ComponentHashes, Machine, hash_components
from keyferry_protocol.matching import (
    ANCHORS,
    HARDWARE,
    MIN_WEIGHT,
    hardware_weight,
    is_identifiable,
    match,
)
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import and_list, comma_list, semicolon_list

_SOFTWARE = tuple(name for name in COMPONENTS if name not in HARDWARE)  # differs by installation
_GUESTS = ("virtual", "container")


class RecordedMachine(NamedTuple):
    """The machine that a license (`is_pending`: a request) was made on, and this machine now.

    `remedy` is what to do if it is not recognized.
    """

    number: str
    is_pending: bool
    recorded: ComponentHashes
    current: ComponentHashes
    product: str
    remedy: str = ""


class Sign(NamedTuple):
    """A sign of a copy, by its code, and the license that shows it, if one does."""

    name: str
    number: str = ""


def identity(machine: Machine, works_here: bool) -> Finding:
    """Whether enough of this computer can be read, and what its license must allow."""
    components = hash_components("0" * 12, machine.components, "personal")
    read = [name for name in COMPONENTS if name in components]
    readable = readable_components(machine.os)
    parts = [name for name in COMPONENTS if name in readable or name in read]
    missing = [name for name in parts if name not in read]
    guest = machine.environment in _GUESTS
    text = message(
        ".".join(
            ["doctor.identity"]
            + (["missing"] if missing else [])
            + ([machine.environment] if guest else [])
        ),
        n=len(read),
        m=len(parts),
        parts=comma_list(message(f"doctor.missing.{name}") for name in missing),
    )
    facts = {"read": read, "missing": missing, "environment": machine.environment}

    def finding(result: str, name: str) -> Finding:
        return Finding("identity", result, text, message(name), facts)

    if not is_identifiable(components, "machine"):
        return finding(PROBLEM, "doctor.next.unknown-machine")
    if guest and not works_here:
        return finding(WARNING, f"doctor.next.{machine.environment}")
    if hardware_weight(components) < MIN_WEIGHT and not works_here:
        return finding(WARNING, "doctor.next.virtual")
    if not any(name in ANCHORS for name in read):
        return finding(WARNING, "doctor.next.no-body")
    if USER not in components:
        return finding(WARNING, "doctor.next.no-user")
    return Finding("identity", OK, text, "", facts)


def drift(machines: Sequence[RecordedMachine]) -> list[Finding]:
    """What changed since each response or request; a single finding if nothing changed."""
    findings = [_drift_of(machine, several=len(machines) > 1) for machine in machines]
    changed = [finding for finding in findings if finding.result != OK]
    if not findings:
        return [Finding("drift", OK, message("doctor.drift.nothing-bound"))]
    return changed or findings[:1]


def _drift_of(machine: RecordedMachine, several: bool) -> Finding:
    result = match(machine.recorded, machine.current)
    facts: dict[str, Any] = {
        "changed": list(result.changed),
        "match": match_facts(result),
    }
    facts |= {"license_number": machine.number, "request_waits": machine.is_pending}
    if result.same and not result.changed:
        text = message("doctor.drift.none", have=result.have, of=result.of)
        return Finding("drift", OK, text, "", facts)
    if result.same:
        text = message("doctor.drift.warning", have=result.have, of=result.of)
    else:
        text = broken_rule(result)
    parts = differing_parts(machine.recorded, machine.current, result)
    if parts:
        text = message("doctor.drift.changed", parts=and_list(parts), result=text)
    if several:
        name = "doctor.drift.waiting" if machine.is_pending else "doctor.drift.license"
        text = message(name, number=show_license_number(machine.number), result=text)
    step = "again" if machine.is_pending else "update"
    next_step = machine.remedy or message(f"doctor.next.{step}", number=machine.number)
    return Finding("drift", WARNING if result.same else PROBLEM, text, next_step, facts)


def _points(machine: RecordedMachine, names: Sequence[str]) -> tuple[int, int]:
    recorded = {n: hashes for n, hashes in machine.recorded.items() if n in names}
    result = match(recorded, machine.current)
    return result.have, result.of


def clone_signs(
    machine: Machine, machines: Sequence[RecordedMachine], folder_signs: Sequence[Sign]
) -> Finding:
    """Signs that this computer or a license folder is a copy, as far as they can be seen offline.

    A virtual machine that was copied with all its identifiers shows none; the text says so.
    """
    signs = [Sign(name, m.number) for m in machines if (name := _machine_sign(m))]
    signs += folder_signs
    readable = readable_components(machine.os)
    if any(name in readable and name not in machine.components for name in _SOFTWARE):
        signs.append(Sign("no-os-id"))
    if not signs:
        name = "doctor.copies.guest" if machine.environment in _GUESTS else "doctor.copies.none"
        return Finding("copies", OK, message(name), "", {"signs": []})
    sentences = [
        message(f"doctor.sign.{sign.name}", number=show_license_number(sign.number or "0" * 12))
        for sign in signs
    ]
    next_step = message(f"doctor.next.{signs[0].name}", number=signs[0].number)
    facts = {"signs": [{"sign": s.name, "license_number": s.number or None} for s in signs]}
    return Finding("copies", WARNING, semicolon_list(dict.fromkeys(sentences)), next_step, facts)


def _machine_sign(machine: RecordedMachine) -> str:
    """The sign that no anchor is as recorded: a moved disk or a copied folder; "" for no sign."""
    if _points(machine, ANCHORS)[0]:
        return ""
    has_anchor = any(name in machine.recorded for name in ANCHORS)
    if _points(machine, _SOFTWARE)[0]:
        return "another-body" if has_anchor else ""
    return "another-computer" if has_anchor or not _points(machine, list(COMPONENTS))[0] else ""
