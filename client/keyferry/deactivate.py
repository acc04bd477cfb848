"""Ends a license on this machine, in an order that no crash can turn into a free copy."""

from keyferry.load_license import is_deactivating
from keyferry.store.state import DEACTIVATE, DEVICE_KEY, INSTALLED, PENDING, Folder
from keyferry.store.state_dirs import StateDirs


def deactivate(folder: Folder, where: StateDirs, data: bytes) -> None:
    """Keep the signed request, then take the license apart. The caller holds the root's lock."""
    folder.write(DEACTIVATE, data)
    finish_deactivation(folder, where)


def finish_deactivation(folder: Folder, where: StateDirs) -> None:
    """Do a deactivation that was begun here to its end; nothing if none was, or all is done."""
    if not is_deactivating(folder, where):
        return
    folder.write_standing(folder.standing(repair=True)._replace(ended=True))
    folder.erase(INSTALLED)
    folder.erase(PENDING)
    folder.erase(DEVICE_KEY)  # last: while it is there, `is_deactivating` finds the work undone
