"""What happened to the licenses here, as far as their files tell: the newest of each kind."""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from keyferry.store.directory import open_directory
from keyferry.store.folder import DEACTIVATE, DEVICE_PUBLIC, INSTALLED, PENDING, Folder
from keyferry.store.order import in_trying_order
from keyferry.store.state_dirs import StateDirs
from keyferry_protocol.envelope import RESPONSE, open_envelope
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.response import parse_response


class Event(NamedTuple):
    """Something that happened at a time, in seconds since 1970; `what` names its message."""

    at: int
    number: str
    what: str
    serial: int | None = None


def history(state_dirs: StateDirs) -> list[Event]:
    """The events of every license here, the oldest first. Files that cannot be read tell none."""
    numbers = in_trying_order(state_dirs)
    folders = [Folder(root, number) for number in numbers for root in state_dirs]
    return sorted(event for folder in folders for event in _events(folder))


def _events(folder: Folder) -> Iterator[Event]:
    number = folder.number
    with suppress(KeyferryError):
        response = parse_response(open_envelope(folder.installed_bytes() or b"", RESPONSE))
        yield Event(response.issued_at, number, f"issued-{response.kind}", response.serial)
        for at in _written_at(folder, INSTALLED):
            yield Event(at, number, "installed", response.serial)
    for name in (PENDING, DEACTIVATE):
        request = folder.request(name, ignore_damage=True)
        if request is not None:
            yield Event(request.created_at, number, f"requested-{request.kind}")
    for at in _written_at(folder, DEVICE_PUBLIC):
        yield Event(at, number, "keys-made")


def _written_at(folder: Folder, name: str) -> Iterator[int]:
    """When a file was written last, by the clock of the time."""
    folder_name, _, file = folder.name(name).rpartition("/")
    with (
        suppress(OSError, KeyferryError),
        open_directory(folder.root, folder_name) as directory,
    ):
        yield int(directory.status_of(file).st_mtime)
