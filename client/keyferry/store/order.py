"""The order in which the licenses on this computer are tried: the user's preference first."""

from contextlib import suppress

from keyferry.store.directory import Directory, open_directory
from keyferry.store.files import damaged, read_json, write_json
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.errors import StateDamaged, StateNotReadable
from keyferry_protocol.strict_json import InvalidMember

ORDER = "order.json"


def license_numbers(root: StateDir) -> list[str]:
    """The licenses that have a folder in this state directory, ascending."""
    with suppress(OSError, StateNotReadable), open_directory(root) as directory:
        return license_numbers_in(directory)
    return []  # there is no such directory, or this user may not read it


def license_numbers_in(directory: Directory) -> list[str]:
    names = directory.names()
    return sorted(name for name in names if len(name) == 12 and name.isascii() and name.isdigit())


def refuse_unsafe(state_dirs: StateDirs) -> None:
    """Raises StateNotReadable for a directory that was passed over because others may write it."""
    for root in state_dirs:
        for number in ("", *license_numbers(root)):
            with suppress(OSError):
                open_directory(root, number).close()


def in_trying_order(state_dirs: StateDirs) -> list[str]:
    """All license numbers here: those of `order.json` first, the others ascending."""
    known = set(license_numbers(state_dirs.user)) | set(license_numbers(state_dirs.site))
    preferred: list[str] = []
    with suppress(StateDamaged):  # a lost preference must not stop a license from loading
        preferred = [n for n in dict.fromkeys(read_order(state_dirs.user)) if n in known]
    return preferred + sorted(known.difference(preferred))


def read_order(user: StateDir) -> tuple[str, ...]:
    """The license numbers in `order.json`; none if it is missing. Raises StateDamaged."""
    members = read_json(user, ORDER)
    if members is None:
        return ()
    try:
        return members.texts("order", str)
    except InvalidMember as error:
        raise damaged(user, ORDER, str(error)) from error


def write_order(user: StateDir, order: list[str]) -> None:
    """Replace `order.json`. The caller holds the lock. Raises StateNotWritable."""
    write_json(user, ORDER, {"order": order})
