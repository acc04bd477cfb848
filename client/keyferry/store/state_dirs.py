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
        folder = _with_home(os.fspath(state_dir), platform, environ)
        top = os.path.dirname(os.path.join(folder, "user")) or os.curdir
        return StateDirs(StateDir(top, False, "user"), StateDir(top, True, "site"))
    if vendor is None:
        raise TypeError("Give state_dir, vendor, or keys as a path with vendor.json beside it")
    user, site = (f"{base}{_separator(platform)}{vendor}" for base in _bases(platform, environ))
    return StateDirs(StateDir(user, shared=False), StateDir(site, shared=True))


def _separator(platform: str) -> str:
    return "\\" if platform == "win32" else "/"


def _bases(platform: str, environ: Mapping[str, str]) -> tuple[str, str]:
    if platform == "win32":
        system = environ.get("SystemDrive", "C:")
        data = _absolute(environ.get("ProgramData", "")) or rf"{system}\ProgramData"
        local = _absolute(environ.get("LOCALAPPDATA", ""))
        if not local:  # of a service whose profile is not loaded
            profile = _absolute(environ.get("USERPROFILE", ""))
            own = profile or rf"{system}\Windows\System32\config\systemprofile"
            local = rf"{own}\AppData\Local"
        return rf"{local}\Keyferry", rf"{data}\Keyferry"
    home = _home(environ)
    if platform == "darwin":
        folder = "Library/Application Support/Keyferry"
        return f"{home}/{folder}", f"/{folder}"
    state = environ.get("XDG_STATE_HOME", "")
    # The XDG specification says to ignore a relative path.
    if not state.startswith("/") or _is_anothers(state):
        state = f"{home}/.local/state"
    return f"{state}/keyferry", "/var/lib/keyferry"


def _absolute(path: str) -> str:
    """A path of Windows if it is absolute, otherwise ""."""
    return path.rstrip("\\") if path[1:3] == ":\\" or path.startswith("\\\\") else ""


def _with_home(folder: str, platform: str, environ: Mapping[str, str]) -> str:
    """Replace a leading `~`, which no shell replaced, so that no folder has that name."""
    if platform == "win32":
        return os.path.expanduser(folder)
    is_below_home = folder == "~" or folder.startswith("~/")
    return f"{_home(environ)}/{folder[2:]}" if is_below_home else folder


def _home(environ: Mapping[str, str]) -> str:
    """The absolute path of the user's home, without a slash at its end; "" for the root."""
    home = environ.get("HOME", "")
    if not home.startswith("/") or _is_anothers(home):
        home = _recorded_home()
    return home.rstrip("/")


def _is_anothers(path: str) -> bool:
    """Whether this is root with another user's folder, as where sudo keeps HOME.

    What root made there, its user could neither change nor remove.
    """
    if os.name != "posix" or os.geteuid() != 0:
        return False
    while path != "/":
        with suppress(OSError):
            return os.stat(path).st_uid != 0
        path = os.path.dirname(path.rstrip("/"))
    return False


def _recorded_home() -> str:
    """The home of this process's user; the root for one without, as in a container."""
    import pwd  # imported here, because nearly every process has HOME

    with suppress(KeyError):
        home = pwd.getpwuid(os.getuid()).pw_dir
        return home if home.startswith("/") else "/"
    return "/"
