"""Finds what would go wrong before a request is written. It only reads."""

import os
from collections.abc import Sequence
from typing import Any

from keyferry.doctor.cryptography import cryptography
from keyferry.doctor.diagnostics import RecordedMachine, Sign, clone_signs, drift, identity
from keyferry.doctor.directories import StateDirReport, read_state_dir
from keyferry.doctor.finding import OK, PROBLEM, WARNING, Finding
from keyferry.doctor.inspection import StoredLicense, read_licenses, read_shared_damage
from keyferry.dongle.signer import AnyDongle, signer_for
from keyferry.installation import Installation
from keyferry.machine.current_machine import CurrentMachine
from keyferry.not_recognized import not_recognized
from keyferry.store.clock import TOLERANCE_S
from keyferry.store.clock_file import read_clock
from keyferry.store.folder import DEVICE_KEY, INSTALLED, LOAD_KEY, key_folder
from keyferry.store.state_dirs import StateDirs
from keyferry.times import local_time_with_zone
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.algorithms import DEVICE_ALGORITHM
from keyferry_protocol.encoding import format_time
from keyferry_protocol.errors import DongleMissing, DonglePin, KeyferryError
from keyferry_protocol.keys import KeySet
from keyferry_protocol.matching import match
from keyferry_protocol.messages import message
from keyferry_protocol.request import Dongle


def diagnose(installation: Installation) -> tuple[Finding, ...]:
    """Check this computer and its license folders without changing anything."""
    machine, state_dirs = installation.machine.machine(), installation.state_dirs
    licenses = read_licenses(state_dirs, installation.keys)
    machines = [
        m for stored in licenses for m in _machines(stored, installation.machine, state_dirs)
    ]
    works_here = any(_works(recorded, installation.product) for recorded in machines)
    folder_signs = [s for stored in licenses for s in _folder_signs(stored, machine.environment)]
    mark = read_clock(state_dirs.user, ignore_damage=True).mark
    return (
        *cryptography(_algorithms(licenses, installation.keys), installation.product),
        identity(machine, works_here),
        *drift(machines),
        clone_signs(machine, machines, folder_signs),
        clock(installation.clock(), mark, licenses),
        *storage(read_state_dir(state_dirs.site), read_state_dir(state_dirs.user)),
        *damage(licenses, read_shared_damage(state_dirs)),
        *key_set(licenses, installation.keys),
        *dongles(licenses, installation.dongle),
    )


def _algorithms(licenses: Sequence[StoredLicense], keys: KeySet) -> list[str]:
    """The signature algorithms that the product and the licenses here need."""
    bound_to = [stored.response.bound_to for stored in licenses if stored.response]
    return [DEVICE_ALGORITHM, *keys.require, *(b.dongle.alg for b in bound_to if b.dongle)]


def _machines(
    stored: StoredLicense, current: CurrentMachine, state_dirs: StateDirs
) -> list[RecordedMachine]:
    """The machines that a license's response and its request were made on."""
    machines = []
    number, response, request = stored.folder.number, stored.response, stored.request
    if response is not None and response.bound_to.dongle is None:
        bound_to = response.bound_to
        now = current.hashes(number, bound_to.protection)
        remedy = ""
        if not match(bound_to.components, now).same:
            access = key_folder(stored.folder, state_dirs).access_to(bound_to.device_key)
            remedy = not_recognized(response, current, access).next_step
        product = response.license.product
        machines.append(RecordedMachine(number, False, bound_to.components, now, product, remedy))
    if request is not None and request.dongle is None:
        recorded = request.machine.components
        now = current.hashes(number, request.protection)
        machines.append(RecordedMachine(number, True, recorded, now, request.product.name))
    return machines


def _works(machine: RecordedMachine, product: str) -> bool:
    same = match(machine.recorded, machine.current).same
    return same and not machine.is_pending and machine.product == product


def _folder_signs(stored: StoredLicense, environment: str) -> list[Sign]:
    """The signs that one license folder is a copy of another, or an older state of itself."""
    signs = []
    response, request = stored.response, stored.request
    keys = [] if request is None else [request.device_key]
    if response is not None and not response.bound_to.dongle:
        keys.append(response.bound_to.device_key)
    if stored.key is not None and any(key != stored.key for key in keys):
        signs.append("another-key")
    if response is not None and response.serial < stored.state.max_serial:
        signs.append("older-response")
    if request is not None and request.last_serial > stored.state.max_serial:
        signs.append("older-folder")
    if request is not None and _differs(request.machine.environment, environment):
        signs.append("another-environment")
    return [Sign(name, stored.folder.number) for name in signs]


def _differs(before: str, now: str) -> bool:
    return before != now and "unknown" not in (before, now)


def clock(now: int, mark: int, licenses: Sequence[StoredLicense]) -> Finding:
    """Whether the clock is behind the mark, or behind the issue date of a license."""
    issued = max((s.response.issued_at for s in licenses if s.response), default=0)
    mark = max(mark, issued)
    facts = {"now": format_time(now), "latest_seen": format_time(mark) if mark else None}
    moment = local_time_with_zone(now)
    if now >= mark:
        return Finding("clock", OK, message("doctor.clock.ahead", moment=moment), "", facts)
    latest = local_time_with_zone(mark)
    late = now < mark - TOLERANCE_S
    name = ("late" if late else "behind") + (".issued" if mark == issued else "")
    text = message(f"doctor.clock.{name}", moment=moment, seen=latest)
    number = next((s.folder.number for s in licenses if s.response), None)
    # An update corrects a wrong mark; it is never issued before a date that the vendor signed.
    helps = number is not None and now >= issued - TOLERANCE_S
    step = "doctor.next.clock" if helps else "doctor.next.set-clock"
    return Finding("clock", PROBLEM if late else WARNING, text, message(step, number=number), facts)


def storage(site: StateDirReport, user: StateDirReport) -> list[Finding]:
    """Whether both state directories can be written, and whether they are tidy."""
    facts = {
        "site": {"path": site.root.path, "writable": not site.write_error},
        "user": {"path": user.root.path, "writable": not user.write_error},
    }
    unwritable = {(True, True): "none", (True, False): "site", (False, True): "user"}
    names = {
        "path": site.root.path,
        "user": user.root.path,
        "why": site.write_error or user.write_error,
    }
    which = unwritable.get((bool(site.write_error), bool(user.write_error)))
    if which is None:
        findings = [Finding("storage", OK, message("doctor.storage.ok", **names), "", facts)]
    else:
        text = message(f"doctor.storage.{which}", **names)
        case = site.write_case or user.write_case
        own_step = f"errors.state-not-writable.{case}.next-step"
        step = message(own_step if case else f"doctor.next.{which}-refused")
        findings = [Finding("storage", PROBLEM if which == "none" else WARNING, text, step, facts)]
    both = (site, user)
    findings += [_untidy("leftover", path) for report in both for path in report.leftovers]
    wrong = {wrong.path: wrong for report in both for wrong in report.wrong_modes}
    for path, mode in wrong.items():
        findings.append(_untidy("rights", path, PROBLEM if mode.is_unsafe else WARNING))
    for path, error in {e.facts["path"]: e for report in both for e in report.unsafe}.items():
        facts = {"unsafe": path}
        findings.append(Finding("storage", PROBLEM, str(error), error.next_step, facts))
    return findings


def _untidy(what: str, path: str, result: str = WARNING) -> Finding:
    text = message(f"doctor.storage.{what}", path=path)
    return Finding("storage", result, text, message("doctor.next.repair"), {what: path})


# There is no copy of these to restore; `--repair` restores everything else.
_REPLACED_BY = {INSTALLED: "install-again", DEVICE_KEY: "new-key", LOAD_KEY: "new-load-key"}


def damage(licenses: Sequence[StoredLicense], shared: Sequence[KeyferryError]) -> list[Finding]:
    """Files that are damaged or missing, and work that was interrupted."""
    findings = []
    errors = [*(error for stored in licenses for error in stored.damage), *shared]
    for path, error in {error.facts["path"]: error for error in errors}.items():
        step = message(f"doctor.next.{_REPLACED_BY.get(os.path.basename(path), 'repair')}")
        findings.append(Finding("storage", PROBLEM, str(error), step, {"damaged": path}))
    for stored in licenses:
        for name in stored.missing_keys:
            path = stored.folder.path(name)
            text = message("doctor.storage.no-key", path=path)
            step = message(f"doctor.next.{_REPLACED_BY[name]}")
            findings.append(Finding("storage", PROBLEM, text, step, {"missing": path}))
        if stored.interrupted:
            number = stored.folder.number
            text = message(
                f"doctor.storage.cut-off.{stored.interrupted}", number=show_license_number(number)
            )
            step = message("doctor.next.repair")
            findings.append(Finding("storage", WARNING, text, step, {"license_number": number}))
    return findings


def key_set(licenses: Sequence[StoredLicense], keys: KeySet) -> list[Finding]:
    """Whether the application's key set accepts the installed responses and the pending ones."""
    findings = []
    for stored in licenses:
        number, response, request = stored.folder.number, stored.response, stored.request
        shown = show_license_number(number)
        facts: dict[str, Any] = {"license_number": number}
        if response is not None and stored.refused is not None:
            error = stored.refused
            text = message("doctor.keys.refused", number=shown, why=str(error))
            step = message(f"doctor.next.{error.code}", number=number)
            findings.append(Finding("keys", PROBLEM, text, step, facts | {"code": error.code}))
        if number in keys.revoked:
            text = message("doctor.keys.revoked", number=shown)
            findings.append(Finding("keys", PROBLEM, text, message("doctor.next.revoked"), facts))
        if request is not None and not _answerable(request.trusts, keys):
            text = message("doctor.keys.other", number=shown)
            step = message("doctor.next.again", number=number)
            findings.append(Finding("keys", WARNING, text, step, facts))
    return findings


def _answerable(trusts: Sequence[str], keys: KeySet) -> bool:
    """Whether the keys that a request trusts can sign a response that this key set accepts."""
    shared = [key for key in keys.keys if key.trusted and key.keyid in trusts]
    return {key.alg for key in shared} >= set(keys.require)


def dongles(licenses: Sequence[StoredLicense], dongle: AnyDongle) -> list[Finding]:
    """The licenses whose dongle is not plugged in."""
    findings = []
    for stored in licenses:
        bound_to = stored.response and stored.response.bound_to.dongle
        if bound_to and not _is_plugged_in(bound_to, dongle):
            number = stored.folder.number
            text = message(
                "doctor.dongle.missing",
                number=show_license_number(number),
                model=bound_to.model,
                serial=bound_to.serial,
            )
            step, facts = message("doctor.next.dongle"), {"license_number": number}
            findings.append(Finding("dongle", WARNING, text, step, facts))
    return findings


def _is_plugged_in(bound_to: Dongle, dongle: AnyDongle) -> bool:
    try:
        signer = signer_for(dongle, bound_to)
    except DongleMissing:
        return False
    except DonglePin:
        return True  # a dongle is plugged in: it refused the PIN
    return signer is not None and signer.public == bound_to.public
