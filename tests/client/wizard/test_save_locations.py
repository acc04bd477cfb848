"""Where files are carried, as Linux, Windows and macOS report it."""

import ctypes
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from keyferry.wizard import save_locations
from keyferry.wizard.save_locations import SaveLocation

MOUNTS = r"""sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime 0 0
/dev/nvme0n1p2 / ext4 rw,relatime,errors=remount-ro 0 0
/dev/sdb1 /media/ada/KINGSTON vfat rw,nosuid,nodev,relatime,uid=1000 0 0
/dev/sdc1 /run/media/ada/My\040Stick exfat rw,nosuid,nodev 0 0
/dev/sdd1 /media/ada/Tab\011and\134slash vfat ro 0 0
nas:/export /mnt/nas nfs4 rw 0 0
tmpfs /media tmpfs rw 0 0

half
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(save_locations, "_MOUNTS", str(tmp_path / "mounts"))
    return tmp_path


def folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def mount(home: Path, patch: pytest.MonkeyPatch, *names: str) -> list[str]:
    """USB drives of these names, mounted on a Linux below this home."""
    media = home / "media"
    patch.setattr(save_locations, "_DRIVES", (f"{media}/",))
    points = [str(folder(media / name)) for name in names]
    lines = [f"/dev/sdb {point.replace(' ', chr(92) + '040')} vfat rw 0 0" for point in points]
    (home / "mounts").write_text("\n".join(lines))
    return points


@pytest.mark.parametrize("home", [None, "anna"])
def test_without_a_home_no_file_is_named_after_the_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    def no_entry(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", no_entry)
    monkeypatch.delenv("HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)
    monkeypatch.chdir(tmp_path)
    places = [
        *save_locations.save_locations(),
        SaveLocation(save_locations.user_folder("Downloads"), "", False),
    ]
    assert all(os.path.isabs(place.path) for place in places)
    assert os.path.isdir(save_locations.best_location(places[:-1]))


def test_on_linux_usb_drives_are_what_the_desktop_mounted() -> None:
    assert save_locations.linux_drives(MOUNTS) == [
        ("/media/ada/KINGSTON", "KINGSTON"),
        ("/run/media/ada/My Stick", "My Stick"),
        ("/media/ada/Tab\tand\\slash", "Tab\tand\\slash"),
    ]


def test_a_label_in_another_alphabet_is_read_as_it_is_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (point,) = mount(home, monkeypatch, "Меß stick")
    assert save_locations.usb_drives() == [(point, "Меß stick")]


def test_without_a_list_of_mounts_there_are_no_usb_drives(home: Path) -> None:
    assert save_locations.usb_drives() == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(None, "Desktop", id="no settings"),
        pytest.param('XDG_DESKTOP_DIR="$HOME/Schreibtisch"\n', "Schreibtisch", id="German"),
        pytest.param('# XDG_DESKTOP_DIR="$HOME/old"\n', "Desktop", id="a comment"),
        pytest.param('XDG_DESKTOP_DIR="/data/desk top"\n', "/data/desk top", id="elsewhere"),
        pytest.param('XDG_DESKTOP_DIR="$HOME/"\n', "", id="switched off"),
        pytest.param('XDG_DOWNLOAD_DIR="$HOME/Telechargements"\n', "Desktop", id="another one"),
    ],
)
def test_the_desktop_is_where_this_users_settings_say(
    home: Path, settings: str | None, expected: str
) -> None:
    if settings is not None:
        (folder(home / ".config") / "user-dirs.dirs").write_text(settings)
    assert os.path.normpath(save_locations.user_folder("Desktop")) == os.path.normpath(
        home / expected
    )


def test_settings_may_be_in_another_folder_and_may_not_be_text(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "etc"))
    file = folder(home / "etc") / "user-dirs.dirs"
    file.write_text('XDG_DOWNLOAD_DIR="$HOME/Laskut"\n')
    assert save_locations.user_folder("Downloads") == str(home / "Laskut")
    file.write_bytes(b'XDG_DOWNLOAD_DIR="$HOME/\xff"\n')
    assert save_locations.user_folder("Downloads") == str(home / "Downloads")


@pytest.mark.parametrize(
    ("writable", "expected"),
    [
        pytest.param([], "Desktop", id="no USB drive"),
        pytest.param([True], "media/0", id="one USB drive"),
        pytest.param([False], "Desktop", id="one that is write-protected"),
        pytest.param([False, True], "media/1", id="the one of two that can be written"),
        pytest.param([True, True], "Desktop", id="two USB drives: a person chooses"),
    ],
)
def test_the_only_writable_usb_drive_is_offered_first_or_else_the_desktop(
    home: Path, monkeypatch: pytest.MonkeyPatch, writable: list[bool], expected: str
) -> None:
    folder(home / "Desktop")
    points = mount(home, monkeypatch, *map(str, range(len(writable))))
    may_write = dict(zip(points, writable, strict=True))
    monkeypatch.setattr(os, "access", lambda path, mode: may_write[path])
    assert save_locations.best_location(save_locations.save_locations()) == str(home / expected)


def test_save_locations_show_their_free_space_usb_drives_first(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drive,) = mount(home, monkeypatch, "KINGSTON")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=7_360_000_000))
    home_label = f"Home folder ({home}), 7.4 GB free"
    assert save_locations.save_locations() == [
        SaveLocation(drive, f"USB drive KINGSTON ({drive}), 7.4 GB free", True),
        SaveLocation(str(home), home_label, False),
    ]
    desktop = folder(home / "Desktop")
    assert save_locations.save_locations()[-1].label == f"Desktop ({desktop}), 7.4 GB free"


def test_a_usb_drive_that_was_pulled_shows_no_free_space(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drive,) = mount(home, monkeypatch, "KINGSTON")
    os.rmdir(drive)
    assert (
        save_locations.save_locations()[0].label
        == f"USB drive KINGSTON ({drive}), free space not known"
    )
    assert save_locations.response_folders() == []


def test_responses_are_searched_on_usb_drives_desktop_and_downloads(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drive,) = mount(home, monkeypatch, "KINGSTON")
    desktop, downloads = folder(home / "Desktop"), folder(home / "Downloads")
    assert save_locations.response_folders() == [drive, str(desktop), str(downloads)]


def test_hidden_folders_and_files_are_not_offered(tmp_path: Path) -> None:
    for name in ("beta", "Alpha", ".cache", "Ωmega"):
        folder(tmp_path / name)
    (tmp_path / "file").touch()
    assert save_locations.subfolders(str(tmp_path)) == ["Alpha", "beta", "Ωmega"]
    assert save_locations.subfolders(str(tmp_path / "gone")) == []


# Kernel32 as a PC answers it: a disk, a DVD drive, two USB drives, and a reader without a card.
DRIVES = {"C:\\": 3, "D:\\": 5, "E:\\": 2, "F:\\": 2, "G:\\": 2}


def tell_label(path: str, label: "ctypes.Array[ctypes.c_wchar]", *_: object) -> None:
    label.value = "KINGSTON" if path == "E:\\" else ""


KERNEL = SimpleNamespace(
    GetDriveTypeW=lambda path: DRIVES.get(path, 1), GetVolumeInformationW=tell_label
)


def test_on_windows_usb_drives_are_the_removable_drives_with_a_medium(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=KERNEL), raising=False)
    monkeypatch.setattr(os.path, "isdir", lambda path: path in ("C:\\", "E:\\", "F:\\"))
    assert save_locations.usb_drives() == [("E:\\", "KINGSTON"), ("F:\\", "F")]


def test_on_macos_usb_drives_are_all_volumes_except_the_startup_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(
        save_locations, "subfolders", lambda path: ["Backups", "KINGSTON", "Macintosh HD"]
    )
    # `Macintosh HD` is a link to /; `Backups` is a plain folder.
    monkeypatch.setattr(os.path, "ismount", lambda path: path != "/Volumes/Backups")
    monkeypatch.setattr(os.path, "samefile", lambda path, other: path.endswith("HD"))
    assert save_locations.usb_drives() == [("/Volumes/KINGSTON", "KINGSTON")]
