"""What an application asks at its start: is there a license here, for this product, today?"""

import os
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime

from keyferry.checks import (
    check_product,
    check_revoked,
    license_message,
    prove_device_key,
    prove_dongle,
)
from keyferry.dongle.signer import AnyDongle
from keyferry.license import License
from keyferry.machine.current_machine import CurrentMachine
from keyferry.store.clock import WRITE_EVERY_S, Clock
from keyferry.store.lock import LOAD_WAIT_S, Lock
from keyferry.store.state import (
    DEACTIVATE,
    INSTALLED,
    PENDING,
    Folder,
    in_trying_order,
    read_clock,
    write_clock,
)
from keyferry.store.state_dirs import StateDirs
from keyferry.times import Moment, release_seconds, seconds
from keyferry.vendor import resolve
from keyferry_protocol.components import Machine
from keyferry_protocol.errors import (
    Deactivated,
    KeyferryError,
    NotActivated,
    OlderResponse,
    Pending,
    StateBusy,
    StateNotWritable,
    WrongProduct,
)
from keyferry_protocol.keys import KeySet
from keyferry_protocol.response import Response, verify_response


def load(
    product: str,
    keys: KeySet | str | os.PathLike[str],
    state_dir: str | os.PathLike[str] | None = None,
    machine: Machine | None = None,
    now: Moment = None,
    released: int | float | str | date | datetime | None = None,
    dongle: AnyDongle = None,
    vendor: str | None = None,
) -> License:
    """The first license here that lets this product run. Raises the error that says why not.

    `keys` is a KeySet, or the path of `keys.json` with `vendor.json` beside it; the state lies in
    `state_dir` or where the vendor's id says. `released`: when this version of the product was.
    `dongle` is a Token, or what finds one when a license asks for it (`keyferry.dongle.find`).
    """
    pinned, where = resolve(keys, state_dir, vendor)
    release = None if released is None else release_seconds(released)
    return find_license(
        product, pinned, where, CurrentMachine(machine), clock_of(now), release, dongle
    )


def find_license(
    product: str,
    keys: KeySet,
    where: StateDirs,
    seen: CurrentMachine,
    clock: Callable[[], int],
    released: int | None = None,
    dongle: AnyDongle = None,
) -> License:
    """The first license that passes, in trying order, as `load` finds it."""
    errors: list[KeyferryError] = []
    for folder in installed_folders(where):
        try:
            response = examine(folder, where, keys, product, seen, dongle)
            return admit(response, where, clock, released, dongle)
        except KeyferryError as error:
            errors.append(error)
    raise _telling(errors, where, product)


def clock_of(now: Moment) -> Callable[[], int]:
    """The clock of one call: the computer's, or standing still where the caller says the time."""
    if now is None:
        return lambda: int(time.time())
    moment = seconds(now)
    return lambda: moment


def installed_folders(where: StateDirs) -> Iterator[Folder]:
    """Every license with a response here, in trying order; of one number the user's first."""
    for folder in all_folders(where):
        if folder.has(INSTALLED):
            yield folder


def all_folders(where: StateDirs) -> Iterator[Folder]:
    for number in in_trying_order(where):
        for root in where:
            yield Folder(root, number)


def examine(
    folder: Folder,
    where: StateDirs,
    keys: KeySet,
    product: str,
    seen: CurrentMachine,
    dongle: AnyDongle,
) -> Response:
    """Docs/format.md's steps "at load" up to the serial: all but the clock and the dates."""
    response = verify_response(folder.installed() or b"", keys)
    standing = folder.standing()
    number = response.license.number
    if response.is_receipt or standing.ended or is_deactivating(folder, where):
        raise Deactivated(license_message("errors.deactivated.here", number), license_number=number)
    check_product(response, product)
    check_revoked(response, keys)
    bound_to = response.bound_to
    if bound_to.dongle is not None:
        prove_dongle(bound_to.dongle, dongle)
    else:
        prove_device_key(folder, bound_to.device_key)
        seen.check(number, bound_to)
    if response.serial < standing.max_serial:
        raise OlderResponse(
            license_message("errors.older-response.newer-known", number), license_number=number
        )
    return response


def admit(
    response: Response,
    where: StateDirs,
    clock: Callable[[], int],
    released: int | None,
    dongle: AnyDongle,
) -> License:
    """The last two steps, clock and dates; the time seen is remembered first."""
    remembered = read_clock(where.user).seen(response.issued_at)
    _remember(where, remembered, clock())
    license = License(response, remembered.mark, clock, released, dongle)
    license.check_terms()
    return license


def _remember(where: StateDirs, clock: Clock, now: int) -> None:
    """Raise the stored mark to the present, now and then; an application waits for nobody here."""
    if now < read_clock(where.user).mark + WRITE_EVERY_S:
        return
    try:
        with Lock(where.user, LOAD_WAIT_S):
            write_clock(where.user, read_clock(where.user).seen(max(clock.mark, now)))
    except (StateBusy, StateNotWritable):
        return  # the stored mark and issued_at still hold


def is_deactivating(folder: Folder, where: StateDirs) -> bool:
    """Whether a deactivation was begun here and not done to its end: it counts already.

    The request may wait in the other root, where a user had a copy of the site's license.
    """
    for root in where:
        request = Folder(root, folder.number).request(DEACTIVATE)
        if request is not None:
            key = folder.device_key(repair=True)
            if key is not None and key.public == request.device_key:
                return True
    return False


def _telling(errors: list[KeyferryError], where: StateDirs, product: str) -> KeyferryError:
    """The one error to tell: of the first license in trying order that is this product's."""
    for error in errors:
        if not isinstance(error, WrongProduct | Deactivated):
            return error
    folders = list(all_folders(where))
    for folder in folders:
        if folder.has(PENDING):
            text = license_message("errors.pending.waits", folder.number)
            return Pending(text, product=product, license_number=folder.number)
    errors.sort(key=lambda error: isinstance(error, Deactivated))
    if errors:
        return errors[0]
    for folder in folders:
        if folder.has(DEACTIVATE) or folder.standing().ended:
            text = license_message("errors.deactivated.here", folder.number)
            return Deactivated(text, product=product, license_number=folder.number)
    return NotActivated(f"No license for {product} on this computer yet.", product=product)
