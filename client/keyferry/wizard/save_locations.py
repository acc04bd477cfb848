"""Where files are carried: USB sticks first, then this user's Desktop and Downloads."""

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
_STICKS = ("/media/", "/run/media/")  # where desktops put what is plugged in
_ESCAPED = re.compile(r"\\([0-7]{3})")
_GIGABYTE = 1_000_000_000
_REMOVABLE = 2  # GetDriveType's DRIVE_REMOVABLE


class Place(NamedTuple):
    """A folder as it is offered."""

    path: str
    label: str
    is_stick: bool


def places() -> list[Place]:
    """Sticks with their label and free space, then Desktop, or the home folder without one."""
    found = [Place(path, _stick(path, label), True) for path, label in sticks()]
    desktop = user_folder("Desktop")
    name = "desktop" if os.path.isdir(desktop) else "home"
    path = desktop if name == "desktop" else os.path.expanduser("~")
    return [
        *found,
        Place(path, message(f"wizard.place.{name}", path=path, free=_free(path)), False),
    ]


def best(offered: list[Place]) -> str:
    """The one stick that can be written, else the Desktop."""
    sticks = [place.path for place in offered if place.is_stick]
    writable = [path for path in sticks if os.access(path, os.W_OK)]
    return writable[0] if len(writable) == 1 else offered[-1].path


def where_responses_lie() -> list[str]:
    """The folders that are looked through for what came back."""
    own = [user_folder("Desktop"), user_folder("Downloads")]
    return [path for path in [*(path for path, _ in sticks()), *own] if os.path.isdir(path)]


def sticks() -> list[tuple[str, str]]:
    """Mount point and label of each stick."""
    if sys.platform == "win32":
        return list(_windows_sticks())
    if sys.platform == "darwin":
        return list(_macos_sticks())
    try:
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as mounts:
            return linux_sticks(mounts.read())
    except OSError:
        return []


def linux_sticks(mounts: str) -> list[tuple[str, str]]:
    """Those of `/proc/self/mounts`, whose fields escape spaces as `\\040`."""
    fields = (line.split(" ") for line in mounts.splitlines())
    points = [_unescape(field[1]) for field in fields if len(field) > 2]
    sticks = [path for path in points if path.startswith(_STICKS) and _is_text(path)]
    return [(path, os.path.basename(path)) for path in sticks]


def user_folder(name: str) -> str:
    """`Desktop` or `Downloads`, by the name this user's desktop gave it."""
    home = os.path.expanduser("~")
    variable = {"Desktop": "XDG_DESKTOP_DIR", "Downloads": "XDG_DOWNLOAD_DIR"}[name]
    config = os.environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
    try:
        with open(os.path.join(config, "user-dirs.dirs"), encoding="utf-8") as file:
            found = re.search(rf'^{variable}="(.*)"$', file.read(), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        found = None
    return found[1].replace("$HOME", home) if found else os.path.join(home, name)


def subfolders(path: str) -> list[str]:
    """The folders in a folder that people see, by name; none where it cannot be read."""
    try:
        with os.scandir(path) as entries:
            names = [e.name for e in entries if not e.name.startswith(".") and e.is_dir()]
    except OSError:
        return []
    return sorted(filter(_is_text, names), key=str.casefold)


def _is_text(name: str) -> bool:
    """Whether a name can be shown and typed: a system's names may be any bytes."""
    return not any("\ud800" <= letter <= "\udfff" for letter in name)


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)


def _stick(path: str, label: str) -> str:
    """What a stick is called: by whoever named it, and that may be anybody."""
    names = {"label": escape_controls(label), "path": escape_controls(path)}
    return message("wizard.place.stick", **names, free=_free(path))


def _free(path: str) -> str:
    try:
        return message("wizard.place.free", gb=decimal(shutil.disk_usage(path).free / _GIGABYTE, 1))
    except OSError:
        return message("wizard.place.unreadable")


def _macos_sticks() -> Iterator[tuple[str, str]]:
    for name in subfolders("/Volumes"):
        path = os.path.join("/Volumes", name)
        if os.path.ismount(path) and not os.path.samefile(path, "/"):
            yield path, name


def _windows_sticks() -> Iterator[tuple[str, str]]:
    if sys.platform != "win32":  # for the type checker, which reads this file for one system
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
