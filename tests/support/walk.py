"""The door of a room without a network, and who goes through it with what."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keyferry
from keyferry_protocol.request import parse_request
from tests.support.customer import Customer


@dataclass
class Walk:
    """A person with a USB drive. Files are on the drive, and the drive is where the person is.

    `trips` counts how often the person left the room to come back, `deliveries` how often something
    came in that nobody had gone out for.
    """

    trips: int = 0
    deliveries: int = 0
    is_outside: bool = False
    drive: dict[str, bytes] = field(default_factory=dict)

    def go_out(self) -> None:
        assert not self.is_outside
        self.is_outside = True
        self.trips += 1

    def come_back(self) -> None:
        assert self.is_outside
        self.is_outside = False

    def deliver(self, **files: bytes) -> None:
        """Somebody brings a drive into the room, and nobody leaves it."""
        assert not self.is_outside
        self.drive |= files
        self.deliveries += 1


@dataclass
class LockedRoom:
    """The computers without a network. Nothing here works while the drive is outside."""

    customer: Customer
    walk: Walk

    def ask(self, computer: int = 1, kind: str = "activate", **options: Any) -> str:
        """Save a computer's request file on the drive, and return its name."""
        assert not self.walk.is_outside
        data = self.customer.file(computer, kind, **options)
        request = parse_request(data)
        name = f"{request.file_stem}.request"
        self.walk.drive[name] = data
        return name

    def install(self, name: str, computer: int = 1) -> None:
        assert not self.walk.is_outside
        place = self.customer.place(computer)
        keyferry.install_response(self.walk.drive[name], self.customer.keys, **place)

    def runs(self, computer: int = 1) -> bool:
        place = self.customer.place(computer)
        try:
            return bool(keyferry.load(keys=self.customer.keys, **place).check())
        except keyferry.KeyferryError:
            return False

    def put_on(self, folder: Path) -> None:
        """What is on the drive, for a command."""
        for name, data in self.walk.drive.items():
            (folder / name).write_bytes(data)
