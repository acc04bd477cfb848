"""Ends a license on this machine, in an order that leaves no free copy after a crash."""

from keyferry.store.folder import (
    DEACTIVATE,
    DEVICE_KEY,
    INSTALLED,
    LOAD_KEY,
    PENDING,
    Folder,
    is_deactivating,
)
from keyferry.store.state_dirs import StateDirs


def deactivate(folder: Folder, state_dirs: StateDirs, data: bytes) -> None:
    """Store the signed request, then remove the license. The caller holds the lock."""
    folder.write(DEACTIVATE, data)
    finish_deactivation(folder, state_dirs)


def finish_deactivation(folder: Folder, state_dirs: StateDirs) -> None:
    """Finish a deactivation that was started here, if there is one."""
    if not is_deactivating(folder, state_dirs):
        return
    folder.write_state(folder.state(ignore_damage=True)._replace(ended=True))
    folder.erase(INSTALLED)
    folder.erase(PENDING)
    folder.erase(LOAD_KEY)
    folder.erase(DEVICE_KEY)  # last: while it exists, `is_deactivating` reports unfinished work
