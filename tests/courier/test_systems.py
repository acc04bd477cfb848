"""What Windows and macOS do to folders, files, and names."""

import errno
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from keyferry_courier.folder import NOTES
from tests.courier.fake_service import FakeService
from tests.courier.stick import put, responses, send, states

APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(4000)
DEVICES = {
    "aux",
    "con",
    "nul",
    "prn",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
}


def test_what_macos_adds_to_a_drive_or_zip_is_no_request(service: FakeService, stick: Path) -> None:
    first, second = put(stick, 1), put(stick, 2)
    (stick / f"._{first.name}").write_bytes(APPLE_DOUBLE)
    (stick / ".DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1" + bytes(6000))
    with zipfile.ZipFile(stick / "Archive.zip", "w") as archive:
        archive.write(second, second.name)
        archive.writestr(f"__MACOSX/._{second.name}", APPLE_DOUBLE)
    second.unlink()
    outcomes = states(send(service, stick))
    assert outcomes == {first.name: "ready", f"Archive.zip: {second.name}": "ready"}


class Windows:
    """`os` as it is on Windows while a virus scanner reads each file that was just written."""

    name = "nt"

    def __init__(self, scans: int) -> None:
        self.scans = scans

    def replace(self, new: str, path: str) -> None:
        self.scans -= 1
        if self.scans >= 0:
            raise PermissionError(errno.EACCES, "The file is used by another process", path)
        os.replace(new, path)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def test_a_file_that_windows_has_open_is_tried_again(
    service: FakeService, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(stick, 1)
    monkeypatch.setattr("keyferry_courier.folder.os", Windows(scans=3))
    assert send(service, stick)[0].state == "ready"


def test_a_drive_that_stays_closed_is_an_error_with_its_path(
    service: FakeService, stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(stick, 1)
    monkeypatch.setattr("keyferry_courier.folder._PAUSE_S", 0)
    monkeypatch.setattr("keyferry_courier.folder.os", Windows(scans=10**6))
    (outcome,) = send(service, stick)
    assert outcome.error is not None
    assert outcome.error.code == "not-writable"
    assert str(stick) in outcome.error.title


def test_it_saves_only_names_that_every_system_has(service: FakeService, stick: Path) -> None:
    """For FAT, NTFS, and APFS: no reserved name or character, no case, no end in a dot."""
    put(stick, 1)
    send(service, stick)
    (response,) = responses(stick).values()
    for name in (NOTES, response):
        assert name.partition(".")[0] not in DEVICES
        assert not set(name) & set('<>:"/\\|?*')
        assert name.isascii()
        assert name == name.lower().rstrip(". ")
