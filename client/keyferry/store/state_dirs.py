"""The two folders of a vendor's licenses; other languages find them at the same places."""

import os
import sys
from collections.abc import Mapping
from typing import NamedTuple


class StateDir(NamedTuple):
    """One of the two folders of a vendor: the site's (`shared`) or this user's."""

    path: str
    shared: bool


class StateDirs(NamedTuple):
    """Where this vendor's licenses lie; looked through in this order."""

    user: StateDir
    site: StateDir


def roots(
    vendor: str | None,
    state_dir: str | os.PathLike[str] | None,
    platform: str = sys.platform,
    environ: Mapping[str, str] = os.environ,
) -> StateDirs:
    """The folders of a vendor's id on this platform, or those below `state_dir`."""
    if state_dir is not None:
        base = os.fspath(state_dir)
        user, site = os.path.join(base, "user"), os.path.join(base, "site")
    else:
        if vendor is None:
            raise TypeError("Give state_dir, vendor, or keys as a path with vendor.json beside it")
        user, site = (f"{base}{_separator(platform)}{vendor}" for base in _bases(platform, environ))
    return StateDirs(StateDir(user, shared=False), StateDir(site, shared=True))


def _separator(platform: str) -> str:
    return "\\" if platform == "win32" else "/"


def _bases(platform: str, environ: Mapping[str, str]) -> tuple[str, str]:
    if platform == "win32":
        local = environ.get("LOCALAPPDATA", r"C:\Users\Default\AppData\Local")
        data = environ.get("ProgramData", r"C:\ProgramData")
        return rf"{local}\Keyferry", rf"{data}\Keyferry"
    home = environ.get("HOME") or os.path.expanduser("~")
    if platform == "darwin":
        folder = "Library/Application Support/Keyferry"
        return f"{home}/{folder}", f"/{folder}"
    state = environ.get("XDG_STATE_HOME", "")
    if not state.startswith("/"):  # the XDG specification: a relative path is to be ignored
        state = f"{home}/.local/state"
    return f"{state}/keyferry", "/var/lib/keyferry"


def make_folder(path: str, shared: bool) -> None:
    """Make a folder and its parents: the site's readable by all, whatever the umask."""
    if os.path.isdir(path):
        return
    if not shared:
        os.makedirs(path, mode=0o700, exist_ok=True)
        return
    parent = os.path.dirname(path)
    if parent != path:
        make_folder(parent, shared)
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return  # another process was faster
    if os.name == "posix":
        os.chmod(path, 0o755)
