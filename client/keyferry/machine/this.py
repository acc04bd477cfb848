"""This machine, read by the reader of its operating system."""

import sys
from collections.abc import Mapping, Sequence

from keyferry_protocol.components import Machine

MAX_TEXT = 64  # as in every free text of a file
# What a plain user can read on each system, by the beginning of its name.
_READABLE = {
    "Windows": ("tpm_key", "smbios_uuid", "board_serial", "mac", "os_id", "disk_serial"),
    "macOS": ("smbios_uuid", "mac", "disk_serial"),
}
_READABLE_ON_LINUX = ("mac", "os_id", "disk_serial")


def readable_components(system: str) -> tuple[str, ...]:
    """The components that a plain user can read on a system of this name (`Machine.os`)."""
    names = (names for start, names in _READABLE.items() if system.startswith(start))
    return next(names, _READABLE_ON_LINUX)


def read_components(user: bool) -> Mapping[str, Sequence[str]]:
    """The raw values that recognise this machine; with the `user` only where one is asked for."""
    if sys.platform == "win32":
        from keyferry.machine import windows, windows_calls

        return windows.components(windows_calls.record(user))
    if sys.platform == "darwin":
        from keyferry.machine import macos, macos_calls

        read = macos.components(macos_calls.record())
        return read | ({"user": macos_calls.users()} if user else {})
    from keyferry.machine import linux

    return linux.components() | ({"user": linux.users()} if user else {})


def this_machine() -> Machine:
    """This machine with all that a request tells of it; its values are hashed only there."""
    if sys.platform == "win32":
        from keyferry.machine import windows_calls

        name, system, environment = windows_calls.describe()
    elif sys.platform == "darwin":
        from keyferry.machine import macos_calls

        name, system, environment = macos_calls.describe()
    else:
        import os

        from keyferry.machine import linux

        name, system, environment = os.uname().nodename, linux.os_name(), linux.environment()
    return Machine(plain(name), plain(system), environment, read_components(user=True))


def plain(text: str) -> str:
    """The text as a file may carry it: no control characters, at most 64 of the others."""
    return "".join(c for c in text if c.isprintable())[:MAX_TEXT]
