"""Which folder of a license is this computer's, where several computers share a state directory.

A home on a file server is the home of every computer in a room. Each has a folder of its own in it,
`<number>`, `<number>-2`, `<number>-3`, which it knows by the machine that the files in it name: no
other mark of a computer lasts as long (docs/format.md, "State on the offline machine").
"""

from collections.abc import Callable, Iterator
from contextlib import suppress

from keyferry.store.directory import folder_names
from keyferry.store.folder import DEACTIVATE, PENDING, Folder
from keyferry.store.state_dirs import StateDir, StateDirs
from keyferry_protocol.components import ComponentHashes
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.matching import HARDWARE, match, recorded_weight
from keyferry_protocol.request import Request
from keyferry_protocol.response import BoundTo, parse_response

ReadHashes = Callable[[str, str], ComponentHashes]  # by license number and protection


def choose_folders(state_dirs: StateDirs, hashes: ReadHashes) -> StateDirs:
    """Of a license with several folders use this computer's, or the first if none is its own.

    A license with one folder is used as it is: whether it fits here is for `load` to say.
    """
    return StateDirs(*(_choose(root, hashes) for root in state_dirs))


def own_folders(state_dirs: StateDirs, hashes: ReadHashes, number: str) -> StateDirs:
    """Use only this computer's own folders of a license, to write there: new ones if need be.

    The caller holds the locks of the directories, or creates nothing.
    """
    return StateDirs(*(_with_own(root, hashes, number) for root in state_dirs))


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
        names = _names(root, number)
        root = root.with_folder(number, _find_own(root, number, names, hashes) or names[0])
    return root


def _with_own(root: StateDir, hashes: ReadHashes, number: str) -> StateDir:
    names = _names(root, number)
    if not names:
        return root.with_folder(number, number)
    own = _find_own(root, number, names, hashes)
    return root.with_folder(number, own or next(n for n in _all_names(number) if n not in names))


def _names(root: StateDir, number: str) -> list[str]:
    """The folders of a license, the first computer's first."""
    names = [name for name in folder_names(root) if name[:12] == number]
    return sorted(names, key=lambda name: (len(name), name))


def _all_names(number: str) -> Iterator[str]:
    yield number
    n = 2
    while True:
        yield f"{number}-{n}"
        n += 1


def _find_own(root: StateDir, number: str, names: list[str], hashes: ReadHashes) -> str | None:
    """The folder that names this computer, else one that names none, else None."""
    owners = {n: _is_own(Folder(root.with_folder(number, n), number), hashes) for n in names}
    for sought in (True, None):
        for name, is_own in owners.items():
            if is_own is sought:
                return name
    return None


def _is_own(folder: Folder, hashes: ReadHashes) -> bool | None:
    """Whether the files in a folder name this computer; None if they name none.

    A computer that changed past recognition still owns its folder: only where no recorded part of
    its hardware is left is it another one.
    """
    answers = [_names_this(binding, folder.number, hashes) for binding in _bindings(folder)]
    if True in answers:
        return True
    return False if False in answers else None


def _names_this(binding: BoundTo | Request, number: str, hashes: ReadHashes) -> bool | None:
    if binding.dongle is not None:
        return True  # it goes where its token goes
    recorded = binding.components if isinstance(binding, BoundTo) else binding.machine.components
    current = hashes(number, binding.protection)
    if not recorded_weight(recorded) or not recorded_weight(current):
        return None
    is_left = any(set(recorded.get(n, ())) & set(current.get(n, ())) for n in HARDWARE)
    return is_left or match(recorded, current).same


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
