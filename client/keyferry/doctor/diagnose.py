"""Tells what would go wrong, before a request is written; it reads, and changes nothing."""

import os
from collections.abc import Sequence
from typing import Any

from keyferry.doctor.diagnostics import (
    OK,
    PROBLEM,
    WARNING,
    Finding,
    Subject,
    copies,
    drift,
    identity,
)
from keyferry.doctor.inspection import Place, Stored, read_licenses, read_place, read_shared_damage
from keyferry.dongle.signer import AnyDongle, token_for
from keyferry.machine.current_machine import CurrentMachine
from keyferry.store.clock import TOLERANCE_S
from keyferry.store.state import DEVICE_KEY, INSTALLED, read_clock
from keyferry.store.state_dirs import StateDirs
from keyferry.times import local_time_with_zone
from keyferry_protocol.activation import show_license_number
from keyferry_protocol.encoding import format_time
from keyferry_protocol.errors import DongleMissing, DonglePin, KeyferryError
from keyferry_protocol.keys import KeySet
from keyferry_protocol.matching import match
from keyferry_protocol.messages import message
from keyferry_protocol.request import Dongle

__all__ = ["Finding", "examine"]


def examine(
    where: StateDirs, keys: KeySet, product: str, seen: CurrentMachine, now: int, dongle: AnyDongle
) -> tuple[Finding, ...]:
    """Look at this computer and its license folders; nothing is changed."""
    machine = seen.machine()
    licenses = read_licenses(where, keys)
    subjects = [subject for stored in licenses for subject in _subjects(stored, seen)]
    works_here = any(_works(subject, product) for subject in subjects)
    mark = read_clock(where.user, repair=True).mark
    return (
        identity(machine, works_here),
        *drift(subjects),
        copies(machine, licenses, subjects),
        clock(now, max([mark, *(s.response.issued_at for s in licenses if s.response)]), licenses),
        *storage(read_place(where.site), read_place(where.user)),
        *damage(licenses, read_shared_damage(where)),
        *key_set(licenses, keys),
        *dongles(licenses, dongle),
    )


def _subjects(stored: Stored, seen: CurrentMachine) -> list[Subject]:
    found = []
    number = stored.folder.number
    if stored.response is not None and stored.response.bound_to.dongle is None:
        bound_to = stored.response.bound_to
        now = seen.hashes(number, bound_to.protection)
        product = stored.response.license.product
        found.append(Subject(number, False, bound_to.components, now, product))
    if stored.request is not None and stored.request.dongle is None:
        now = seen.hashes(number, stored.request.protection)
        product = stored.request.product.name
        found.append(Subject(number, True, stored.request.machine.components, now, product))
    return found


def _works(subject: Subject, product: str) -> bool:
    same = match(subject.recorded, subject.seen).same
    return same and not subject.waits and subject.product == product


def clock(now: int, mark: int, licenses: Sequence[Stored]) -> Finding:
    """Whether the clock is behind a time that was seen here before."""
    facts = {"now": format_time(now), "latest_seen": format_time(mark) if mark else None}
    moment = local_time_with_zone(now)
    if now >= mark:
        return Finding("clock", OK, message("doctor.clock.ahead", moment=moment), "", facts)
    seen = local_time_with_zone(mark)
    late = now < mark - TOLERANCE_S
    text = message("doctor.clock.late" if late else "doctor.clock.behind", moment=moment, seen=seen)
    number = next((s.folder.number for s in licenses if s.response), None)
    step = "doctor.next.set-clock" if number is None else "doctor.next.clock"
    return Finding("clock", PROBLEM if late else WARNING, text, message(step, number=number), facts)


def storage(site: Place, user: Place) -> list[Finding]:
    """Whether both folders can be written, and whether all is tidy in them."""
    facts = {
        "site": {"path": site.root.path, "writable": not site.refusal},
        "user": {"path": user.root.path, "writable": not user.refusal},
    }
    refused = {(True, True): "none", (True, False): "site", (False, True): "user"}
    names = {"path": site.root.path, "user": user.root.path, "why": site.refusal or user.refusal}
    which = refused.get((bool(site.refusal), bool(user.refusal)))
    if which is None:
        found = [Finding("storage", OK, message("doctor.storage.ok", **names), "", facts)]
    else:
        text, step = (
            message(f"doctor.storage.{which}", **names),
            message(f"doctor.next.{which}-refused"),
        )
        found = [Finding("storage", PROBLEM if which == "none" else WARNING, text, step, facts)]
    found += [_untidy("leftover", path) for place in (site, user) for path in place.leftovers]
    found += [_untidy("rights", path) for place in (site, user) for path in place.wrong_rights]
    return found


def _untidy(what: str, path: str) -> Finding:
    text = message(f"doctor.storage.{what}", path=path)
    return Finding("storage", WARNING, text, message("doctor.next.repair"), {what: path})


# What no copy of is kept here; all else `--repair` makes anew.
_MENDED_BY = {INSTALLED: "install-again", DEVICE_KEY: "new-key"}


def damage(licenses: Sequence[Stored], shared: Sequence[KeyferryError]) -> list[Finding]:
    """Files that cannot be read or are gone, and what was cut off."""
    found = []
    errors = [*(error for stored in licenses for error in stored.damage), *shared]
    for path, error in {error.facts["path"]: error for error in errors}.items():
        step = message(f"doctor.next.{_MENDED_BY.get(os.path.basename(path), 'repair')}")
        found.append(Finding("storage", PROBLEM, str(error), step, {"damaged": path}))
    for stored in licenses:
        if _lacks_key(stored):
            path = stored.folder.path(DEVICE_KEY)
            text, step = message("doctor.storage.no-key", path=path), message("doctor.next.new-key")
            found.append(Finding("storage", PROBLEM, text, step, {"missing": path}))
        if stored.cut_off:
            number = stored.folder.number
            text = message(
                f"doctor.storage.cut-off.{stored.cut_off}", number=show_license_number(number)
            )
            step = message("doctor.next.repair")
            found.append(Finding("storage", WARNING, text, step, {"license_number": number}))
    return found


def key_set(licenses: Sequence[Stored], keys: KeySet) -> list[Finding]:
    """Whether the application's key set accepts what is installed, and what will be."""
    found = []
    for stored in licenses:
        number, response, request = stored.folder.number, stored.response, stored.request
        shown = show_license_number(number)
        facts: dict[str, Any] = {"license_number": number}
        if response is not None and stored.refused is not None:
            error = stored.refused
            text = message("doctor.keys.refused", number=shown, why=str(error))
            step = message(f"doctor.next.{error.code}", number=number)
            found.append(Finding("keys", PROBLEM, text, step, facts | {"code": error.code}))
        if number in keys.revoked:
            text = message("doctor.keys.revoked", number=shown)
            found.append(Finding("keys", PROBLEM, text, message("doctor.next.revoked"), facts))
        if request is not None and not _answerable(request.trusts, keys):
            text = message("doctor.keys.other", number=shown)
            step = message("doctor.next.again", number=number)
            found.append(Finding("keys", WARNING, text, step, facts))
    return found


def _lacks_key(stored: Stored) -> bool:
    bound = stored.response is not None and stored.response.bound_to.dongle is None
    return bound and not stored.folder.has(DEVICE_KEY)


def _answerable(trusts: Sequence[str], keys: KeySet) -> bool:
    """Whether a response by keys that the request names can pass: one of each algorithm."""
    both = [key for key in keys.keys if key.trusted and key.keyid in trusts]
    return {key.alg for key in both} >= set(keys.require)


def dongles(licenses: Sequence[Stored], dongle: AnyDongle) -> list[Finding]:
    """The licenses whose dongle is not plugged in."""
    found = []
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
            found.append(Finding("dongle", WARNING, text, step, facts))
    return found


def _is_plugged_in(bound_to: Dongle, dongle: AnyDongle) -> bool:
    try:
        token = token_for(dongle, bound_to)
    except DongleMissing:
        return False
    except DonglePin:
        return True  # there is one to refuse it
    return token is not None and token.public == bound_to.public
