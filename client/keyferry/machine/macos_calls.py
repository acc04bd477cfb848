"""Queries macOS about its machine with its own tools; `macos.py` interprets the output."""

import os
import plistlib
import subprocess

from keyferry.machine.macos import Recorded, environment

# Since macOS 15, the legacy class has the real address of Wi-Fi, the class above a private one.
_CONTROLLERS = ("IOEthernetController", "IOSkywalkEthernetInterface", "IOSkywalkLegacyEthernet")
_VERSION = "/System/Library/CoreServices/SystemVersion.plist"


def record() -> Recorded:
    """Record all output that identifies this machine."""
    return Recorded(
        platform=_ioreg("IOPlatformExpertDevice", "-d1"),
        controllers=tuple(_ioreg(name) for name in _CONTROLLERS),
        disks=_ioreg("IOBlockStorageDevice", "-d1"),
    )


def users() -> list[str]:
    """The login name of the real user id."""
    import pwd

    try:
        return [pwd.getpwuid(os.getuid()).pw_name]
    except KeyError:
        return []


def describe() -> tuple[str, str, str]:
    """The computer's name, the system's, and the environment."""
    try:
        with open(_VERSION, "rb") as file:
            version = plistlib.load(file)
        system = f"{version['ProductName']} {version['ProductVersion']}"
    except (OSError, KeyError, ValueError):
        system = "macOS"
    where = environment(_sysctl("kern.hv_vmm_present"), _sysctl("hw.model"))
    return os.uname().nodename.removesuffix(".local"), system, where


def _ioreg(name: str, *options: str) -> bytes:
    return _run("/usr/sbin/ioreg", "-a", "-r", "-c", name, *options)


def _sysctl(name: str) -> str:
    return _run("/usr/sbin/sysctl", "-n", name).decode("ascii", "replace").strip()


def _run(*command: str) -> bytes:
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return b""
