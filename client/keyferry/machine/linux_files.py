"""Reads the small files in which Linux describes its machine.

Every function takes the root folder, so a test can pass a recorded one.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple


class Mount(NamedTuple):
    """One line of /proc/self/mountinfo (proc_pid_mountinfo(5))."""

    origin: str  # the folder of the file system that is mounted
    place: str  # where it is mounted
    type: str
    options: str  # of the file system


def text(*path: str, limit: int = -1) -> str:
    """The trimmed text of a file, at most `limit` characters; "" if it cannot be read."""
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="surrogateescape") as file:
            return file.read(limit).strip("\0 \t\r\n")
    except OSError:
        return ""


def entries(root: str, folder: str) -> Iterator[str]:
    """The paths in a folder, in the order of their names."""
    path = os.path.join(root, folder)
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return
    for name in names:
        yield os.path.join(path, name)


def udev_property(root: str, device: str, name: str) -> str:
    """A property that udev recorded of a device, such as `b8:0` or `n2`."""
    for line in text(root, f"run/udev/data/{device}").splitlines():
        if line.startswith(f"E:{name}="):
            return line.partition("=")[2].strip()
    return ""


def mounts(root: str) -> list[Mount]:
    """The mounts that this process sees, in their order."""
    lines = []
    for line in text(root, "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, file_system = before.split(), after.split()
        if len(fields) > 4 and file_system:
            lines.append(Mount(fields[3], fields[4], file_system[0], file_system[-1]))
    return lines


def place_of(root: str, path: str) -> str:
    """Where a path leads to in the end, relative to the root."""
    return os.path.relpath(os.path.realpath(path), os.path.realpath(root))
