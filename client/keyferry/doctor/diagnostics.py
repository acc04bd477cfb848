"""What is found of this computer: can it be recognised, has it changed, is it a copy? Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from keyferry.doctor.inspection import Stored
from keyferry.machine.this import readable_components
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

OK, WARNING, PROBLEM = "ok", "warning", "problem"
_SOFTWARE = tuple(name for name in COMPONENTS if name not in HARDWARE)  # differs by installation
_GUESTS = ("virtual", "container")


class Finding(NamedTuple):
    """What one check found: its sentence, what to do now ("" where nothing is), its facts."""

    name: str
    result: str
    text: str
    next_step: str = ""
    facts: Mapping[str, Any] = {}


class Subject(NamedTuple):
    """What a license, or a request for one, says of its computer, and what is seen of it now."""

    number: str
    waits: bool
    recorded: ComponentHashes
    seen: ComponentHashes
    product: str


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

    def found(result: str, name: str) -> Finding:
        return Finding("identity", result, text, message(name), facts)

    if not is_identifiable(components, "machine"):
        return found(PROBLEM, "doctor.next.unknown-machine")
    if guest and not works_here:
        return found(WARNING, f"doctor.next.{machine.environment}")
    if hardware_weight(components) < MIN_WEIGHT and not works_here:
        return found(WARNING, "doctor.next.virtual")
    if not any(name in ANCHORS for name in read):
        return found(WARNING, "doctor.next.no-body")
    if USER not in components:
        return found(WARNING, "doctor.next.no-user")
    return Finding("identity", OK, text, "", facts)


def drift(subjects: Sequence[Subject]) -> list[Finding]:
    """What changed since each response or request; one finding if all is as it was."""
    found = [_drift_of(subject, several=len(subjects) > 1) for subject in subjects]
    changed = [finding for finding in found if finding.result != OK]
    if not found:
        return [Finding("drift", OK, message("doctor.drift.nothing-bound"))]
    return changed or found[:1]


def _drift_of(subject: Subject, several: bool) -> Finding:
    found = match(subject.recorded, subject.seen)
    facts: dict[str, Any] = {
        "changed": list(found.changed),
        "match": {"have": found.have, "of": found.of},
    }
    facts |= {"license_number": subject.number, "request_waits": subject.waits}
    if found.same and not found.changed:
        text = message("doctor.drift.none", have=found.have, of=found.of)
        return Finding("drift", OK, text, "", facts)
    parts = {_part(name, subject): None for name in found.changed}  # two of the board: told once
    rule = "warning" if found.same else _broken_rule(subject, found.have, found.of)
    hardware = _points(subject, HARDWARE)
    text = message(
        f"doctor.drift.{rule}", have=found.have, of=found.of, hw=hardware[0], hw_of=hardware[1]
    )
    if parts:
        text = message("doctor.drift.changed", parts=and_list(parts), result=text)
    if several:
        name = "doctor.drift.waiting" if subject.waits else "doctor.drift.license"
        text = message(name, number=show_license_number(subject.number), result=text)
    step = "again" if subject.waits else ("update" if found.same else "moved")
    next_step = message(f"doctor.next.{step}", number=subject.number)
    return Finding("drift", WARNING if found.same else PROBLEM, text, next_step, facts)


def _broken_rule(subject: Subject, have: int, of: int) -> str:
    """Which of the rules that recognise a machine is the first that no longer holds."""
    if 2 * have <= of:
        return "weight"
    if any(name in subject.recorded for name in ANCHORS) and not _points(subject, ANCHORS)[0]:
        return "body"
    have_hardware, of_hardware = _points(subject, HARDWARE)
    return "hardware" if of_hardware and 2 * have_hardware <= of_hardware else "user"


def _points(subject: Subject, names: Sequence[str]) -> tuple[int, int]:
    recorded = {n: hashes for n, hashes in subject.recorded.items() if n in names}
    found = match(recorded, subject.seen)
    return found.have, found.of


def _part(name: str, subject: Subject) -> str:
    left = set(subject.recorded[name]) & set(subject.seen.get(name, ()))
    return message(f"doctor.some.{name}" if left else f"doctor.part.{name}")


def copies(machine: Machine, licenses: Sequence[Stored], subjects: Sequence[Subject]) -> Finding:
    """Signs that this computer or its license folder is a copy: those that show without a network.

    A virtual machine copied with all its numbers shows none; the text says so.
    """
    signs = [(sign, s.number) for s in subjects if (sign := _another(s))]
    for stored in licenses:
        number, response, request = stored.folder.number, stored.response, stored.request
        named = [r.device_key for r in (request,) if r] + (
            [response.bound_to.device_key] if response and not response.bound_to.dongle else []
        )
        if stored.key is not None and any(key != stored.key for key in named):
            signs.append(("another-key", number))
        if response is not None and response.serial < stored.standing.max_serial:
            signs.append(("older-response", number))
        if request is not None and request.last_serial > stored.standing.max_serial:
            signs.append(("older-folder", number))
        if request is not None and _moved(request.machine.environment, machine.environment):
            signs.append(("another-environment", number))
    readable = readable_components(machine.os)
    if any(name in readable and name not in machine.components for name in _SOFTWARE):
        signs.append(("no-os-id", ""))
    if not signs:
        name = "doctor.copies.guest" if machine.environment in _GUESTS else "doctor.copies.none"
        return Finding("copies", OK, message(name), "", {"signs": []})
    told = [
        message(f"doctor.sign.{sign}", number=show_license_number(n or "0" * 12))
        for sign, n in signs
    ]
    first, number = signs[0]
    next_step = message(f"doctor.next.{first}", number=number)
    facts = {"signs": [{"sign": sign, "license_number": n or None} for sign, n in signs]}
    return Finding("copies", WARNING, semicolon_list(dict.fromkeys(told)), next_step, facts)


def _another(subject: Subject) -> str:
    """The sign that no part of the body is as recorded: a moved disk, or a copied folder."""
    if _points(subject, ANCHORS)[0]:
        return ""
    has_body = any(name in subject.recorded for name in ANCHORS)
    if _points(subject, _SOFTWARE)[0]:
        return "another-body" if has_body else ""
    return "another-computer" if has_body or not _points(subject, list(COMPONENTS))[0] else ""


def _moved(before: str, now: str) -> bool:
    return before != now and "unknown" not in (before, now)
