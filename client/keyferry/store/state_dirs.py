"""The two state directories of a vendor; clients in other languages use the same paths."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple


class StateDir(NamedTuple):
    """One of a vendor's two state directories: the site's (`shared`) or this user's.

    No link may lead to `top` or to anything below it. Directories above are the system's own.
    `folders` are this computer's, as (number, name), where another computer has the first.
    """

    top: str
    shared: bool
    name: str = ""  # its name in the top; "" if it is the top itself
    folders: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> str:
        return os.path.join(self.top, self.name) if self.name else self.top

    @property
    def is_system(self) -> bool:
        """Whether it lies in a folder of the system's, for all users of the computer."""
        return self.shared and not self.name

    def folder_of(self, number: str) -> str:
        """The name of this computer's folder for a license."""
        return next((name for known, name in self.folders if known == number), number)

    def with_folder(self, number: str, name: str) -> "StateDir":
        """A copy that uses this folder for a license."""
        others = tuple(pair for pair in self.folders if pair[0] != number)
        return self._replace(folders=others if name == number else (*others, (number, name)))

    def path_of(self, name: str) -> str:
        """The path of a file, as shown to people; `name` may start with a license's folder."""
        return os.path.join(self.path, *name.split("/"))


class StateDirs(NamedTuple):
    """The directories that hold this vendor's licenses, searched in this order."""

    user: StateDir
    site: StateDir


def find_state_dirs(
    vendor: str | None,
    state_dir: str | os.PathLike[str] | None,
    platform: str = sys.platform,
    environ: Mapping[str, str] = os.environ,
) -> StateDirs:
    """The state directories of a vendor id on this platform, or the two below `state_dir`."""
    if state_dir is not None:
        # Without a separator at its end, with which the system would follow a link.
        top = os.path.dirname(os.path.join(os.fspath(state_dir), "user")) or os.curdir
        return StateDirs(StateDir(top, False, "user"), StateDir(top, True, "site"))
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
    home = environ.get("HOME", "")
    if not home.startswith("/"):
        home = _recorded_home()
    home = home.rstrip("/")
    if platform == "darwin":
        folder = "Library/Application Support/Keyferry"
        return f"{home}/{folder}", f"/{folder}"
    state = environ.get("XDG_STATE_HOME", "")
    if not state.startswith("/"):  # the XDG specification says to ignore a relative path
        state = f"{home}/.local/state"
    return f"{state}/keyferry", "/var/lib/keyferry"


def _recorded_home() -> str:
    """The home of this process's user; the root for one without, as in a container."""
    import pwd  # imported here, because nearly every process has HOME

    with suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_dir or "/"
    return "/"
