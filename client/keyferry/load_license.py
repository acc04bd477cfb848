"""Decides at an application's start whether a license here allows this product to run today."""

from collections.abc import Iterator

from keyferry.checks import check_product, check_revoked, prove_load_key
from keyferry.dongle.signer import prove_dongle
from keyferry.installation import Installation
from keyferry.license import License
from keyferry.license_message import license_message
from keyferry.store.clock import WRITE_EVERY_S, Clock
from keyferry.store.clock_file import read_clock, write_clock
from keyferry.store.directory import refuse_unsafe
from keyferry.store.folder import DEACTIVATE, INSTALLED, PENDING, Folder, is_deactivating
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
    for folder in license_folders(installation.state_dirs):
        if folder.has(INSTALLED):
            try:
                response = verify_installed(folder, installation)
                return activate(response, installation, released)
            except KeyferryError as error:
                errors.append(error)
    raise most_relevant_error(errors, installation)


def license_folders(state_dirs: StateDirs) -> Iterator[Folder]:
    """The folders of every license in the order they are tried, the user's before the site's."""
    for number in in_trying_order(state_dirs):
        for root in state_dirs:
            yield Folder(root, number)


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
    state = folder.state()
    number = response.license.number
    ended = response.is_receipt or state.ended
    if ended or is_deactivating(folder, installation.state_dirs):
        raise Deactivated(license_message("errors.deactivated.here", number), license_number=number)
    check_product(response, installation.product)
    check_revoked(response, installation.keys)
    bound_to = response.bound_to
    if bound_to.dongle is not None:
        prove_dongle(bound_to.dongle, installation.dongle)
    else:
        prove_load_key(folder.load_key(), bound_to.load_key)
        installation.machine.check(number, bound_to)
    if response.serial < state.max_serial:
        raise OlderResponse(
            license_message("errors.older-response.newer-known", number), license_number=number
        )
    return response


def activate(
    response: Response, installation: Installation, released: int | None = None
) -> License:
    """The license of a verified response, if clock and dates allow it. Stores the time first."""
    clock = read_clock(installation.state_dirs.user).advanced_to(response.issued_at)
    _store_time(clock, installation)
    license = License(response, clock.mark, installation.clock, released, installation.dongle)
    license.check_terms()
    return license


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
    try:
        refuse_unsafe(installation.state_dirs)
    except StateNotReadable as error:
        return error
    folders = list(license_folders(installation.state_dirs))
    for folder in folders:
        if folder.has(PENDING):
            text = license_message("errors.pending.waits", folder.number)
            return Pending(text, product=product, license_number=folder.number)
    errors.sort(key=lambda error: isinstance(error, Deactivated))
    if errors:
        return errors[0]
    for folder in folders:
        if folder.has(DEACTIVATE) or folder.state().ended:
            text = license_message("errors.deactivated.here", folder.number)
            return Deactivated(text, product=product, license_number=folder.number)
    return NotActivated(message("errors.not-activated.product", product=product), product=product)
