"""Asks macOS about its machine with the tools it ships; `macos.py` says what they mean."""

import os
import plistlib
import subprocess

from keyferry.machine.macos import Recorded

# From macOS 15 on, Wi-Fi's own address stands at the legacy class, a private one above it.
_CONTROLLERS = ("IOEthernetController", "IOSkywalkEthernetInterface", "IOSkywalkLegacyEthernet")
_VERSION = "/System/Library/CoreServices/SystemVersion.plist"


def record() -> Recorded:
    """All answers that recognise this machine."""
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
            told = plistlib.load(file)
        system = f"{told['ProductName']} {told['ProductVersion']}"
    except (OSError, KeyError, ValueError):
        system = "macOS"
    guest = _run("/usr/sbin/sysctl", "-n", "kern.hv_vmm_present").strip()
    environment = {b"1": "virtual", b"0": "physical"}.get(guest, "unknown")
    return os.uname().nodename.removesuffix(".local"), system, environment


def _ioreg(name: str, *options: str) -> bytes:
    return _run("/usr/sbin/ioreg", "-a", "-r", "-c", name, *options)


def _run(*command: str) -> bytes:
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return b""
