"""Locates the PKCS#11 modules that the makers of dongles install."""

import os
import sys
from collections.abc import Mapping

# A maker's own module first: OpenSC's works with many cards but shows fewer of their keys.
_LINUX_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
)
_LINUX_NAMES = ("libykcs11.so", "libykcs11.so.2", "opensc-pkcs11.so", "pkcs11/opensc-pkcs11.so")
_MACOS = (
    "/opt/homebrew/lib/libykcs11.dylib",
    "/usr/local/lib/libykcs11.dylib",
    "/Library/OpenSC/lib/opensc-pkcs11.so",
    "/opt/homebrew/lib/pkcs11/opensc-pkcs11.so",
    "/usr/local/lib/pkcs11/opensc-pkcs11.so",
)
_WINDOWS = (
    r"Yubico\Yubico PIV Tool\bin\libykcs11.dll",
    r"OpenSC Project\OpenSC\pkcs11\opensc-pkcs11.dll",
)


def module_paths(
    platform: str = sys.platform, environ: Mapping[str, str] = os.environ
) -> tuple[str, ...]:
    """Every path where this system may have a module, in the order to try them."""
    if platform == "win32":
        folder = environ.get("ProgramFiles", r"C:\Program Files")
        return tuple(rf"{folder}\{path}" for path in _WINDOWS)
    if platform == "darwin":
        return _MACOS
    return tuple(f"{folder}/{name}" for name in _LINUX_NAMES for folder in _LINUX_FOLDERS)


def installed_modules() -> list[str]:
    """The modules on this computer, each once even if it has several names."""
    return list(
        {os.path.realpath(path): path for path in module_paths() if os.path.exists(path)}.values()
    )
