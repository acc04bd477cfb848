"""Which folder of a license is this computer's, where several computers share a state directory.

A home on a file server is the home of every computer in a room. Each has a folder of its own in it,
`<number>`, `<number>-2`, `<number>-3`, which it knows by the machine that the files in it name: no
other mark of a computer lasts as long (docs/format.md, "State on the offline machine").
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import IntEnum
from itertools import count

from keyferry.store.directory import folder_names
from keyferry.store.folder import DEACTIVATE, PENDING, Folder
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.components import USER, ComponentHashes
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.matching import HARDWARE, match, recorded_weight
from keyferry_protocol.request import Request
from keyferry_protocol.response import BoundTo, parse_response

ReadHashes = Callable[[str, str], ComponentHashes]  # by license number and protection


class Owner(IntEnum):
    """Whose folder of a license this is, as its files say."""

    THIS = 0  # a part of this computer's hardware is recorded, or the machine rule holds
    UNKNOWN = 1  # no file names a computer
    LIKE_THIS = 2  # only software is as recorded: all hardware was replaced, or both have one image
    ANOTHER = 3


def choose_folders(state_dirs: StateDirs, hashes: ReadHashes) -> StateDirs:
    """Of a license with several folders use this computer's, or the first if none is its own.

    A license with one folder is used as it is: whether it fits here is for `load` to say.
    """
    return StateDirs(*(_choose(root, hashes) for root in state_dirs))


def own_folders(
    state_dirs: StateDirs, hashes: ReadHashes, number: str, is_new: bool = False
) -> StateDirs:
    """Use only this computer's own folders of a license, to write there: new ones if need be.

    An activation (`is_new`) leaves alone what may be another computer's of the same image. The
    caller holds the locks of the directories, or creates nothing.
    """
    last = Owner.UNKNOWN if is_new else Owner.LIKE_THIS
    return StateDirs(*(_with_own(root, hashes, number, last) for root in state_dirs))


def shared_folder(state_dirs: StateDirs, number: str) -> str | None:
    """The path of another computer's folder of a license, if only that is here."""
    for root in state_dirs:
        names = _names(root, number)
        if names and root.folder_of(number) not in names:
            return root.path_of(names[0])
    return None


def _choose(root: StateDir, hashes: ReadHashes) -> StateDir:
    root = root._replace(folders=())
    for number in {name[:12] for name in folder_names(root) if len(name) > 12}:
        owners = _owners(root, hashes, number)
        root = root.with_folder(number, min(owners, key=lambda name: owners[name]))
    return root


def _with_own(root: StateDir, hashes: ReadHashes, number: str, last: Owner) -> StateDir:
    owners = _owners(root, hashes, number)
    own = min(owners, key=lambda name: owners[name], default=None)
    if own is None or owners[own] > last:
        own = next(name for name in _all_names(number) if name not in owners)
    return root.with_folder(number, own)


def _names(root: StateDir, number: str) -> list[str]:
    """The folders of a license, the first computer's first."""
    names = [name for name in folder_names(root) if name[:12] == number]
    return sorted(names, key=lambda name: (len(name), name))


def _all_names(number: str) -> Iterator[str]:
    yield number
    yield from (f"{number}-{n}" for n in count(2))


def _owners(root: StateDir, hashes: ReadHashes, number: str) -> dict[str, Owner]:
    return {
        name: _owner_of(Folder(root.with_folder(number, name), number), hashes)
        for name in _names(root, number)
    }


def _owner_of(folder: Folder, hashes: ReadHashes) -> Owner:
    owners = [_owner_named_by(binding, folder.number, hashes) for binding in _bindings(folder)]
    known = [owner for owner in owners if owner != Owner.UNKNOWN]
    return min(known, default=Owner.UNKNOWN)


def _owner_named_by(binding: BoundTo | Request, number: str, hashes: ReadHashes) -> Owner:
    if binding.dongle is not None:
        return Owner.THIS  # it goes where its token goes
    recorded = binding.components if isinstance(binding, BoundTo) else binding.machine.components
    current = hashes(number, binding.protection)
    if not recorded_weight(recorded) or not recorded_weight(current):
        return Owner.UNKNOWN
    common = {name for name in recorded if set(recorded[name]) & set(current.get(name, ()))}
    if common.intersection(HARDWARE) or match(recorded, current).same:
        return Owner.THIS
    return Owner.LIKE_THIS if common - {USER} else Owner.ANOTHER


def _bindings(folder: Folder) -> Iterator[BoundTo | Request]:
    """What the files in a folder say that they are bound to. Their signatures are not verified."""
    with suppress(KeyferryError):
        data = folder.installed_bytes()
        if data is not None:
            yield parse_response(open_envelope(data, RESPONSE)).bound_to
    for name in (PENDING, DEACTIVATE):
        with suppress(KeyferryError):
            request = folder.request(name)
            if request is not None:
                yield request
