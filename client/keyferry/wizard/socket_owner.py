"""Finds the user at the other end of a connection within this computer, on Linux."""

import os
import sys
from contextlib import suppress

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")  # the second for IPv4 over an IPv6 socket
_NEAR, _FAR, _OWNER = 1, 2, 7  # columns
_ROOT = 0  # root can do everything anyway, and some systems relay connections as root

Address = tuple[str, int]


def is_another_users(theirs: Address, ours: Address) -> bool:
    """Whether another user owns the other end. Any user can read a browser's command line."""
    ends = (_as_listed(theirs), _as_listed(ours))
    for path in _TABLES:
        with suppress(OSError), open(path, encoding="ascii") as table:
            for line in table:
                fields = line.split()
                if (fields[_NEAR][-13:], fields[_FAR][-13:]) == ends:
                    return int(fields[_OWNER]) not in (_ROOT, os.getuid())
    return False


def _as_listed(address: Address) -> str:
    """`0100007F:1F90`: the address as a number in this processor's byte order."""
    number = int.from_bytes(map(int, address[0].split(".")), sys.byteorder)
    return f"{number:08X}:{address[1]:04X}"
