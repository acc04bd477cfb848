"""The order in which the licenses on this computer are tried: the user's preference first."""

from contextlib import suppress

from keyferry.store.directory import license_numbers
from keyferry.store.files import damaged, read_json, write_json
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.errors import StateDamaged
from keyferry_protocol.strict_json import InvalidMember

ORDER = "order.json"


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
