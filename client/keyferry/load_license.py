"""Decides at an application's start whether a license here allows this product to run today."""

from contextlib import suppress
from functools import partial

from keyferry.checks import check_environment, check_product, check_recognized, check_revoked
from keyferry.dongle.signer import prove_dongle
from keyferry.installation import Installation
from keyferry.license import License
from keyferry.license_message import license_message
from keyferry.store.clock import WRITE_EVERY_S, Clock
from keyferry.store.clock_file import read_clock, write_clock
from keyferry.store.directory import refuse_unsafe
from keyferry.store.folder import (
    DEACTIVATE,
    INSTALLED,
    LOAD_KEY,
    Folder,
    key_folder,
    pending_request,
)
from keyferry.store.lock import LOAD_WAIT_S, Lock
from keyferry.store.order import in_trying_order
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.errors import (
    Deactivated,
    KeyferryError,
    NotActivated,
    OlderResponse,
    Pending,
    StateBusy,
    StateDamaged,
    StateNotReadable,
    StateNotWritable,
    WrongProduct,
)
from keyferry_protocol.messages import message
from keyferry_protocol.response import Response, verify_response


def load_license(installation: Installation, released: int | None = None) -> License:
    """Return the first license, in the order they are tried, that allows the product to run.

    `released` is the release date of this version of the product, in seconds since 1970. Raises
    the KeyferryError that explains why no license allows it.
    """
    errors: list[KeyferryError] = []
    for number in in_trying_order(installation.state_dirs):
        try:
            license = newest_license(number, installation, released)
        except KeyferryError as error:
            errors.append(error)
            continue
        if license is not None:
            return license
    raise most_relevant_error(errors, installation)


def newest_license(
    number: str, installation: Installation, released: int | None = None
) -> License | None:
    """The license of this number with the highest serial of those that allow the product to run.

    It may be installed in both state directories. None if it is installed in neither; raises the
    KeyferryError that explains why what is installed does not allow it.
    """
    user, site = (Folder(root, number) for root in installation.state_dirs)
    verified: list[tuple[Response, Folder]] = []
    errors: dict[Folder, KeyferryError] = {}
    for folder in (user, site):
        if folder.has(INSTALLED):
            try:
                verified.append((verify_installed(folder, installation), folder))
            except KeyferryError as error:
                errors[folder] = error
    for response, folder in sorted(verified, key=lambda pair: pair[0].serial, reverse=True):
        try:
            return activate(response, installation, released)
        except KeyferryError as error:
            errors[folder] = error
    if not errors:
        return None
    if user in errors and not user.has(LOAD_KEY):  # it depends on the site's license
        raise errors.get(site) or _absence(site, installation) or errors[user]
    raise errors.get(user) or errors[site]


def verify_installed(folder: Folder, installation: Installation) -> Response:
    """The response that is installed in a folder, if it passes all but the last two checks.

    These are the steps of docs/format.md, "at load", up to the serial; clock and dates remain.
    Raises the KeyferryError of the first check that fails.
    """
    return check_installed(
        verify_response(folder.installed_bytes() or b"", installation.keys), folder, installation
    )


def check_installed(response: Response, folder: Folder, installation: Installation) -> Response:
    """Like `verify_installed`, for a response whose signatures were already verified."""
    state_dirs, number = installation.state_dirs, response.license.number
    state, bound_to = folder.state(), response.bound_to
    if response.is_receipt or state.ended or _is_deactivated(response, state_dirs):
        raise Deactivated(license_message("errors.deactivated.here", number), license_number=number)
    check_product(response, installation.product)
    check_revoked(response, installation.keys)
    if bound_to.dongle is not None:
        prove_dongle(bound_to.dongle, installation.dongle)
    else:
        holder = key_folder(folder, state_dirs)
        check_recognized(response, installation.machine, holder.load_key(), holder.access_to)
    check_environment(response, installation.machine)
    if response.serial < state.max_serial:
        raise OlderResponse(
            license_message("errors.older-response.newer-known", number),
            case="installed",
            license_number=number,
        )
    return response


def _is_deactivated(response: Response, state_dirs: StateDirs) -> bool:
    """Whether a deactivation of this response's device key was made on this computer."""
    for root in state_dirs:
        request = Folder(root, response.license.number).request(DEACTIVATE)
        if request is not None and request.device_key == response.bound_to.device_key:
            return True
    return False


def activate(
    response: Response, installation: Installation, released: int | None = None
) -> License:
    """The license of a verified response, if clock and dates allow it. Stores the time first."""
    clock = read_clock(installation.state_dirs.user).advanced_to(response.issued_at)
    _store_time(clock, installation)
    license = License(
        response,
        clock.mark,
        installation.clock,
        released,
        installation.dongle,
        partial(_store_time_of_open_license, installation),
    )
    license.check_terms()
    return license


def _store_time_of_open_license(installation: Installation, now: int) -> None:
    with suppress(StateDamaged):  # told at the next `load`
        _store_time(Clock(mark=now), installation)


def _store_time(clock: Clock, installation: Installation) -> None:
    """Advance the stored mark to the current time if it is old, unless the lock is taken."""
    now = installation.clock()
    user = installation.state_dirs.user
    if now < read_clock(user).mark + WRITE_EVERY_S:
        return
    try:
        with Lock(user, LOAD_WAIT_S):
            write_clock(user, read_clock(user).advanced_to(max(clock.mark, now)))
    except (StateBusy, StateNotReadable, StateNotWritable):
        return  # the stored mark and issued_at still apply


def most_relevant_error(errors: list[KeyferryError], installation: Installation) -> KeyferryError:
    """Of the errors of all licenses, the one to report: the first about this product's license."""
    product = installation.product
    for error in errors:
        if not isinstance(error, WrongProduct | Deactivated):
            return error
    state_dirs = installation.state_dirs
    try:
        refuse_unsafe(state_dirs)
    except StateNotReadable as error:
        return error
    folders = [Folder(root, n) for n in in_trying_order(state_dirs) for root in state_dirs]
    absences = [absence for f in folders if (absence := _absence(f, installation)) is not None]
    for absence in absences:
        if isinstance(absence, Pending):
            return absence
    errors = [*sorted(errors, key=lambda error: isinstance(error, Deactivated)), *absences]
    if errors:
        return errors[0]
    return NotActivated(message("errors.not-activated.product", product=product), product=product)


def _absence(folder: Folder, installation: Installation) -> KeyferryError | None:
    """Why a folder may hold no license: a request waits there, or the license ended."""
    facts = {"product": installation.product, "license_number": folder.number}
    if _waits(folder, installation.state_dirs):
        return Pending(license_message("errors.pending.waits", folder.number), **facts)
    if folder.has(DEACTIVATE) or folder.state().ended:
        return Deactivated(license_message("errors.deactivated.here", folder.number), **facts)
    return None


def _waits(folder: Folder, state_dirs: StateDirs) -> bool:
    try:
        return pending_request(folder, state_dirs) is not None
    except StateDamaged:
        return True  # it may be repaired from its saved file
