"""Builds `dist/keyferry`, one file that needs nothing installed: `make client KEYS=keys.json`.

The vendor's `keys.json` and the `vendor.json` beside it go inside; without KEYS the file asks for
--keys like the command does. Prints its size and the oldest glibc it starts on.
"""

import argparse
import re
import sys
from pathlib import Path

from PyInstaller.__main__ import run  # type: ignore[import-untyped]
from PyInstaller.archive.readers import CArchiveReader  # type: ignore[import-untyped]

from keyferry.vendor import read_keys, read_vendor

HERE = Path(__file__).parent
# Parts of Python that no command uses. Without them, the file unpacks in half the time.
LEFT_OUT = [
    *("ssl", "_ssl", "_hashlib", "asyncio", "multiprocessing", "sqlite3", "tkinter", "unittest"),
    *("pydoc", "doctest", "xmlrpc", "distutils", "setuptools", "lib2to3", "curses", "readline"),
    *("bcrypt", "cryptography.hazmat.primitives.serialization.ssh", "decimal", "_decimal"),
]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--keys", type=Path, help="keys.json, with vendor.json beside it")
    options.add_argument("--output", type=Path, default=HERE.parents[1] / "dist")
    settings = options.parse_args()
    work = settings.output / "work"
    inside = [] if settings.keys is None else vendor_files(settings.keys)
    run(
        [
            *("--onefile", "--name", "keyferry", "--noconfirm", "--log-level", "ERROR", "--strip"),
            *("--distpath", str(settings.output), "--workpath", str(work), "--specpath", str(work)),
            *(f"--add-data={file.absolute()}:." for file in inside),
            *("--paths", str(HERE.parent)),
            *(f"--collect-{what}=keyferry" for what in ("data", "submodules")),
            *("--collect-data=keyferry_protocol", "--collect-submodules=keyferry_protocol"),
            *(f"--exclude-module={name}" for name in LEFT_OUT),
            str(HERE / "entry.py"),
        ]
    )
    built = settings.output / "keyferry"
    size = built.stat().st_size / 1e6
    print(f"{built}: {size:.1f} MB, for glibc {oldest_glibc(built)} and later")


def vendor_files(keys: Path) -> list[Path]:
    """The two files to bundle, parsed as the client parses them. Raises KeyferryError."""
    read_keys(keys)
    if read_vendor(keys) is None:
        sys.exit(f"{keys.parent / 'vendor.json'} is missing: it names the folders of the state.")
    return [keys, keys.parent / "vendor.json"]


def oldest_glibc(built: Path) -> str:
    """The highest version of glibc that any bundled library requires."""
    archive = CArchiveReader(str(built))
    versions = set(re.findall(rb"GLIBC_(\d+)\.(\d+)", built.read_bytes()))
    for name in archive.toc:
        if ".so" in name:
            versions |= set(re.findall(rb"GLIBC_(\d+)\.(\d+)", archive.extract(name)))
    major, minor = max((int(major), int(minor)) for major, minor in versions)
    return f"{major}.{minor}"


if __name__ == "__main__":
    main()
