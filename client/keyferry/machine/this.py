"""Reads this machine with the module for its operating system."""

import sys
from collections.abc import Mapping, Sequence

from keyferry.machine.current_machine import CurrentMachine
from keyferry_protocol.components import Machine

MAX_TEXT = 64  # like all free text in a file


def current_machine() -> CurrentMachine:
    """This machine, which is read only when it is needed."""
    return CurrentMachine(this_machine, read_components, read_environment)


def this_machine() -> Machine:
    """This machine with everything that a request describes, in raw values.

    Only their hashes go into a request.
    """
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
    return Machine(printable(name), printable(system), environment, read_components(with_user=True))


def read_components(with_user: bool) -> Mapping[str, Sequence[str]]:
    """The raw values that identify this machine; those of the user only if `with_user`."""
    if sys.platform == "win32":
        from keyferry.machine import windows, windows_calls

        return windows.components(windows_calls.record(with_user))
    if sys.platform == "darwin":
        from keyferry.machine import macos, macos_calls

        values = macos.components(macos_calls.record())
        return values | ({"user": macos_calls.users()} if with_user else {})
    from keyferry.machine import linux

    return linux.components() | ({"user": linux.users()} if with_user else {})


def read_environment() -> str:
    """`physical`, `virtual` or `container`; `unknown` where nothing shows which."""
    if sys.platform == "win32":
        from keyferry.machine import windows_calls

        return windows_calls.describe()[2]
    if sys.platform == "darwin":
        from keyferry.machine import macos_calls

        return macos_calls.describe()[2]
    from keyferry.machine import linux

    return linux.environment()


def printable(text: str) -> str:
    """Make a text valid in a file: at most 64 characters, no control characters."""
    return "".join(c for c in text if c.isprintable())[:MAX_TEXT]
