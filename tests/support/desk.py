"""A desk for the wizard's tests: an offline room, a home with Desktop and Downloads, a vendor."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from keyferry.dongle.find import find_dongle
from keyferry.store.folder import DEVICE_KEY
from keyferry.vendor import read_vendor
from keyferry.wizard.session import Session
from keyferry.wizard.site import WizardSite
from keyferry.wizard.window import GONE_S, LIFE_S, Window
from keyferry_protocol.keys import Ed25519Signer
from tests.support.offline import Room
from tests.support.samples import NUMBER

DEVICE = Ed25519Signer(sha256(b"LAB-07 79438").digest())
VENDOR = {
    "id": "example",
    "product": "Example Modeler",
    "page_url": "https://activate.example.com",
    "name": "Example Software",
    "support": {"email": "licensing@example.com"},
}


@dataclass(frozen=True)
class Desk:
    """One computer as its user sees it: files on the Desktop, downloads, licenses."""

    room: Room
    home: Path

    @property
    def desktop(self) -> Path:
        return self.home / "Desktop"

    @property
    def downloads(self) -> Path:
        return self.home / "Downloads"

    @property
    def keys(self) -> Path:
        return self.home / "vendor" / "keys.json"

    @property
    def options(self) -> list[str]:
        return ["--keys", str(self.keys), "--state-dir", str(self.room.state)]

    def session(self) -> Session:
        """The wizard as the command starts it here."""
        vendor = read_vendor(self.keys)
        assert vendor is not None
        module = os.environ.get("KEYFERRY_PKCS11_MODULE")
        installation = self.room.installation
        if self.room.dongle is None:
            installation = replace(installation, dongle=find_dongle(module=module))
        return Session(installation, vendor, pkcs11_module=module)

    def saved(self, number: str = NUMBER) -> bytes:
        """The request file that was last saved to the Desktop."""
        files = self.desktop.glob(f"{number}-????*.request")
        file = max(files, key=lambda file: file.stat().st_mtime_ns)
        return file.read_bytes()

    def answer(self, number: str = NUMBER, **changes: Any) -> Path:
        """Carry the saved request to the page and its response back to Downloads."""
        file = self.downloads / "response (1).txt"  # as browsers and phones rename it
        file.write_bytes(self.room.answer(self.saved(number), **changes))
        return file

    def give_device_key(self, number: str = NUMBER) -> None:
        """Give this computer the device key that every such desk has."""
        self.room.folder(number).write_key(DEVICE_KEY, DEVICE)


def desk_in(folder: Path, **vendor: Any) -> Desk:
    """A desk whose home is this folder."""
    desk = Desk(Room(folder / "state"), folder / "home")
    for new_folder in (desk.desktop, desk.downloads, desk.keys.parent):
        new_folder.mkdir(parents=True)
    desk.keys.write_bytes(desk.room.keys.to_json())
    (desk.keys.parent / "vendor.json").write_text(json.dumps(VENDOR | vendor))
    return desk


@contextmanager
def open_window(desk: Desk, gone_s: float = GONE_S, life_s: float = LIFE_S) -> Iterator[Window]:
    """The wizard's window of this desk, being served."""
    window = Window(WizardSite(desk.session()), gone_s, life_s)
    thread = threading.Thread(target=window.serve)
    thread.start()
    try:
        yield window
    finally:
        window.end()
        thread.join(timeout=10)
        assert not thread.is_alive()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk for one test, whose home folder is the user's."""
    new_desk = desk_in(tmp_path)
    monkeypatch.setenv("HOME", str(new_desk.home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return new_desk
