"""Ends a license on this machine, in an order that leaves no free copy after a crash."""

from keyferry.store.folder import (
    DEACTIVATE,
    INSTALLED,
    KEYS,
    PENDING,
    Folder,
    is_deactivating,
    key_folder,
)
from keyferry.store.state_dirs import StateDirs


def deactivate(folder: Folder, state_dirs: StateDirs, data: bytes) -> None:
    """Store the signed request, then remove the license. The caller holds the lock."""
    folder.write(DEACTIVATE, data)
    finish_deactivation(folder, state_dirs)


def finish_deactivation(folder: Folder, state_dirs: StateDirs) -> None:
    """Finish a deactivation that was started here, if there is one."""
    if not is_deactivating(folder):
        return
    folder.write_state(folder.state(ignore_damage=True)._replace(ended=True))
    user = Folder(state_dirs.user, folder.number)
    shared = [user] if user != folder and key_folder(user, state_dirs) == folder else []
    for ended in (*shared, folder):  # what is kept for this user loads by the same keys
        ended.erase(INSTALLED)
        ended.erase(PENDING)
    for name in KEYS:  # the public half is the last: by it `is_deactivating` knows unfinished work
        folder.erase(name)
