"""What changes the licenses kept here without a file going out or coming in."""

from keyferry.checks import license_message
from keyferry.store.lock import Lock, locked
from keyferry.store.state import (
    DEACTIVATE,
    DEVICE_KEY,
    INSTALLED,
    PENDING,
    STATE,
    Folder,
    in_trying_order,
    read_clock,
    write_clock,
    write_order,
)
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.errors import CannotCancel, NotActivated


def cancel(number: str, where: StateDirs) -> None:
    """Let nothing wait any more; the device key stays. Raises CannotCancel."""
    with locked(where):
        folders = [Folder(root, number) for root in where]
        waiting = [folder for folder in folders if folder.has(PENDING)]
        for folder in waiting:
            request = folder.request(PENDING, repair=True)
            folder.erase(PENDING)
            if request is not None:
                clock = read_clock(where.user, repair=True)
                write_clock(where.user, clock.forgotten(request.sha256))
        if not waiting and any(folder.has(DEACTIVATE) for folder in folders):
            text = license_message("errors.cannot-cancel.waits-to-be-freed", number)
            raise CannotCancel(text, license_number=number)
        if number not in in_trying_order(where):
            raise NotActivated(
                license_message("errors.not-activated.not-here", number), license_number=number
            )


def prefer(number: str, where: StateDirs) -> list[str]:
    """Try this license first; the trying order from now on."""
    with Lock(where.user):
        known = in_trying_order(where)
        if number not in known:
            raise NotActivated(
                license_message("errors.not-activated.not-here", number), license_number=number
            )
        order = [number, *(other for other in known if other != number)]
        write_order(where.user, order)
        return order


def move(number: str, steps: int, where: StateDirs) -> list[str]:
    """Try a license so many places later, or earlier below 0; the trying order from now on."""
    with Lock(where.user):
        order = in_trying_order(where)
        if number not in order:
            raise NotActivated(
                license_message("errors.not-activated.not-here", number), license_number=number
            )
        place = max(0, order.index(number) + steps)
        order.remove(number)
        order.insert(place, number)
        write_order(where.user, order)
        return order


def remove(number: str, where: StateDirs) -> None:
    """Take a license off this computer. Raises NotActivated if it is not here."""
    with locked(where):
        folders = [Folder(root, number) for root in where]
        names = (INSTALLED, PENDING, DEACTIVATE, DEVICE_KEY, STATE)
        if not any(folder.has(name) for folder in folders for name in names):
            raise NotActivated(
                license_message("errors.not-activated.not-here", number), license_number=number
            )
        for folder in folders:
            for name in names:
                folder.erase(name)
            folder.discard()
