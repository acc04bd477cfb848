"""Folders to save and find files in: USB drives, then the user's Desktop and Downloads."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from typing import NamedTuple

from keyferry_protocol.encoding import escape_controls
from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import decimal

_MOUNTS = "/proc/self/mounts"
_DRIVES = ("/media/", "/run/media/")  # where desktops mount removable drives
_ESCAPED = re.compile(r"\\([0-7]{3})")
_GIGABYTE = 1_000_000_000
_REMOVABLE = 2  # GetDriveType's DRIVE_REMOVABLE


class SaveLocation(NamedTuple):
    """A folder in which the user may save a file."""

    path: str
    label: str
    is_usb_drive: bool


def save_locations() -> list[SaveLocation]:
    """USB drives with their label and free space, then the Desktop, or else the home folder."""
    drives = [SaveLocation(path, _drive_label(path, label), True) for path, label in usb_drives()]
    desktop = user_folder("Desktop")
    name = "desktop" if os.path.isdir(desktop) else "home"
    path = desktop if name == "desktop" else _home()
    return [
        *drives,
        SaveLocation(path, message(f"wizard.place.{name}", path=path, free=_free(path)), False),
    ]


def best_location(offered: list[SaveLocation]) -> str:
    """The USB drive if exactly one is writable, otherwise the Desktop."""
    drives = [location.path for location in offered if location.is_usb_drive]
    writable = [path for path in drives if os.access(path, os.W_OK)]
    return writable[0] if len(writable) == 1 else offered[-1].path


def response_folders() -> list[str]:
    """The folders that are searched for response files."""
    own = [user_folder("Desktop"), user_folder("Downloads")]
    return [path for path in [*(path for path, _ in usb_drives()), *own] if os.path.isdir(path)]


def usb_drives() -> list[tuple[str, str]]:
    """Mount point and label of each USB drive."""
    if sys.platform == "win32":
        return list(_windows_drives())
    if sys.platform == "darwin":
        return list(_macos_drives())
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as mounts:
            return linux_drives(mounts.read())
    except OSError:
        return []


def linux_drives(mounts: str) -> list[tuple[str, str]]:
    """The drives in `/proc/self/mounts`, whose fields escape spaces as `\\040`."""
    fields = (line.split(" ") for line in mounts.splitlines())
    points = [_unescape(field[1]) for field in fields if len(field) > 2]
    drives = [path for path in points if path.startswith(_DRIVES) and _is_text(path)]
    return [(path, os.path.basename(path)) for path in drives]


def user_folder(name: str) -> str:
    """The path of `Desktop` or `Downloads`, which the user's desktop may name differently."""
    home = _home()
    variable = {"Desktop": "XDG_DESKTOP_DIR", "Downloads": "XDG_DOWNLOAD_DIR"}[name]
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    try:
        with open(os.path.join(config, "user-dirs.dirs"), encoding="utf-8") as file:
            match = re.search(rf'^{variable}="(.*)"$', file.read(), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        match = None
    return match[1].replace("$HOME", home) if match else os.path.join(home, name)


def _home() -> str:
    """The user's home, or the working folder for a user without one, as in a container."""
    home = os.path.expanduser("~")
    return home if os.path.isabs(home) else os.getcwd()


def subfolders(path: str) -> list[str]:
    """The visible folders in a folder, by name; none if it cannot be read."""
    try:
        with os.scandir(path) as entries:
            names = [e.name for e in entries if not e.name.startswith(".") and e.is_dir()]
    except OSError:
        return []
    return sorted(filter(_is_text, names), key=str.casefold)


def _is_text(name: str) -> bool:
    """Whether a name can be shown and typed. File systems allow arbitrary bytes."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda code: chr(int(code[1], 8)), text)


def _drive_label(path: str, label: str) -> str:
    """The text for a USB drive. Anyone may have named it, so controls are escaped."""
    names = {"label": escape_controls(label), "path": escape_controls(path)}
    return message("wizard.place.stick", **names, free=_free(path))


def _free(path: str) -> str:
    try:
        return message("wizard.place.free", gb=decimal(shutil.disk_usage(path).free / _GIGABYTE, 1))
    except OSError:
        return message("wizard.place.unreadable")


def _macos_drives() -> Iterator[tuple[str, str]]:
    for name in subfolders("/Volumes"):
        path = os.path.join("/Volumes", name)
        if os.path.ismount(path) and not os.path.samefile(path, "/"):
            yield path, name


def _windows_drives() -> Iterator[tuple[str, str]]:
    if sys.platform != "win32":  # for the type checker, which assumes one system
        return
    import ctypes

    kernel = ctypes.windll.kernel32
    for letter in "DEFGHIJKLMNOPQRSTUVWXYZ":
        path = f"{letter}:\\"
        if kernel.GetDriveTypeW(path) != _REMOVABLE or not os.path.isdir(path):
            continue
        label = ctypes.create_unicode_buffer(261)
        kernel.GetVolumeInformationW(path, label, 261, None, None, None, None, 0)
        yield path, label.value or letter
