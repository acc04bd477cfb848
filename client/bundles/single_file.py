"""Builds `dist/keyferry`, one file that needs nothing installed: `make client KEYS=keys.json`.

The vendor's `keys.json` and the `vendor.json` beside it go inside; without KEYS the file asks for
--keys like the command does. Prints its size and the oldest glibc it starts on.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PyInstaller.archive.readers import CArchiveReader  # type: ignore[import-untyped]

from bundles.reproducible import ROOT, build_environment
from keyferry.throwaway import refuse_throwaway
from keyferry.vendor import read_keys, read_vendor


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--keys", type=Path, help="keys.json, with vendor.json beside it")
    options.add_argument("--output", type=Path, default=ROOT / "dist")
    settings = options.parse_args()
    inside = [] if settings.keys is None else vendor_files(settings.keys)
    built = build(settings.output, inside)
    size = built.stat().st_size / 1e6
    print(f"{built}: {size:.1f} MB, for glibc {oldest_glibc(built)} and later")


def build(folder: Path, inside: list[Path]) -> Path:
    """Build the file into the folder. What an earlier build left in a cache is not used."""
    with tempfile.TemporaryDirectory() as scratch:
        where = ["--distpath", str(folder), "--workpath", f"{scratch}/work"]
        spec = str(Path(__file__).with_name("keyferry.spec"))
        subprocess.run(
            [
                *(sys.executable, "-m", "PyInstaller", *where, spec, "--"),
                *(str(file.absolute()) for file in inside),
            ],
            check=True,
            env=build_environment() | {"PYINSTALLER_CONFIG_DIR": scratch, "PYI_LOG_LEVEL": "ERROR"},
            umask=0o022,
        )
    return folder / "keyferry"


def vendor_files(keys: Path) -> list[Path]:
    """The two files to bundle, parsed as the client parses them. Raises KeyferryError."""
    refuse_throwaway(read_keys(keys))
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
