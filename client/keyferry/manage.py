"""Manages the licenses on this machine: changes that need no request and no response."""

from keyferry.license_message import license_message
from keyferry.store.clock_file import read_clock, write_clock
from keyferry.store.directory import refuse_unsafe
from keyferry.store.folder import DEACTIVATE, FILES, PENDING, Folder, pending_request
from keyferry.store.lock import Lock, locked
from keyferry.store.order import in_trying_order, write_order
from keyferry.store.own_folders import shared_folder
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.errors import CannotCancel, NotActivated, StateNotWritable


def cancel(number: str, state_dirs: StateDirs) -> None:
    """Discard the pending request; the keys stay. Raises CannotCancel or NotActivated."""
    with locked(state_dirs):
        folders = [Folder(root, number) for root in state_dirs]
        pending = [folder for folder in folders if folder.has(PENDING)]
        for folder in pending:
            request = folder.request(PENDING, ignore_damage=True)
            try:
                folder.erase(PENDING)
            except StateNotWritable:
                if folder == pending[0]:
                    raise
                continue  # this user's own is canceled; the administrator's is not this user's
            folder.write_state(folder.state(ignore_damage=True).without_request())
            if request is not None:
                clock = read_clock(state_dirs.user, ignore_damage=True)
                write_clock(state_dirs.user, clock.without_note(request.sha256))
        if not pending and any(folder.has(DEACTIVATE) for folder in folders):
            text = license_message("errors.cannot-cancel.waits-to-be-freed", number)
            raise CannotCancel(text, license_number=number)
        if number not in in_trying_order(state_dirs) or shared_folder(state_dirs, number):
            raise _not_here(number, state_dirs)


def prefer(number: str, state_dirs: StateDirs) -> list[str]:
    """Try this license first, and return the new order. Raises NotActivated."""
    refuse_unsafe(state_dirs)
    with Lock(state_dirs.user):
        known = in_trying_order(state_dirs)
        if number not in known:
            raise _not_here(number, state_dirs)
        order = [number, *(other for other in known if other != number)]
        write_order(state_dirs.user, order)
        return order


def move(number: str, steps: int, state_dirs: StateDirs) -> list[str]:
    """Try a license this many places later, or earlier if negative, and return the new order.

    Raises NotActivated.
    """
    refuse_unsafe(state_dirs)
    with Lock(state_dirs.user):
        order = in_trying_order(state_dirs)
        if number not in order:
            raise _not_here(number, state_dirs)
        place = max(0, order.index(number) + steps)
        order.remove(number)
        order.insert(place, number)
        write_order(state_dirs.user, order)
        return order


def kept_request(number: str, state_dirs: StateDirs) -> str:
    """The kind of the request for which a license is not removed; "" if it can be removed.

    Without its stored deactivation, a seat could not be freed any more; without its stored request,
    a response would take a seat and not install. Raises NotActivated if the license is not here.
    """
    refuse_unsafe(state_dirs)
    folders = [Folder(root, number) for root in state_dirs]
    if not any(folder.has(name) for folder in folders for name in FILES):
        raise _not_here(number, state_dirs)
    if any(folder.request(DEACTIVATE, ignore_damage=True) for folder in folders):
        return "deactivate"
    requests = [pending_request(folder, state_dirs, ignore_damage=True) for folder in folders]
    return next((request.kind for request in requests if request is not None), "")


def remove(number: str, state_dirs: StateDirs) -> str:
    """Remove a license from this computer, unless a request of it waits: then return its kind.

    Raises NotActivated if the license is not here.
    """
    with locked(state_dirs):
        kept = kept_request(number, state_dirs)
        if kept:
            return kept
        folders = [Folder(root, number) for root in state_dirs]
        for folder in folders:
            for name in FILES:
                folder.erase(name)
            folder.discard()
        return ""


def _not_here(number: str, state_dirs: StateDirs) -> NotActivated:
    path = shared_folder(state_dirs, number)
    name = "not-here" if path is None else "another-computer"
    text = license_message(f"errors.not-activated.{name}", number, path=path)
    return NotActivated(text, license_number=number)
