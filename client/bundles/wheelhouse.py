"""Builds `dist/keyferry-wheelhouse.zip`: the client and all it needs, to install without a network.

On the offline machine, unpacked:  python -m pip install --no-index --find-links wheelhouse keyferry
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

CLIENT = Path(__file__).parents[1]
LOCK = CLIENT.parent / "requirements/dev.txt"
# click needs colorama on Windows, but pip on another system does not resolve that.
NEEDED = ("cryptography", "click", "colorama", "segno", "python-pkcs11")
MACHINES = {  # the platform tags of their wheels
    "linux-x86_64": ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64"),
    "linux-aarch64": ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_28_aarch64"),
    "windows": ("win_amd64",),
    "macos": ("macosx_11_0_arm64", "macosx_10_13_universal2", "macosx_10_12_x86_64"),
}
VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--output", type=Path, default=CLIENT.parent / "dist")
    options.add_argument("--machine", action="append", choices=MACHINES, help="default: all")
    options.add_argument(
        "--python", action="append", help="for example 3.12; default: 3.11 to 3.14"
    )
    settings = options.parse_args()
    settings.output.mkdir(parents=True, exist_ok=True)
    target = settings.output / "keyferry-wheelhouse.zip"
    with tempfile.TemporaryDirectory() as scratch:
        wheels = Path(scratch)
        copied = shutil.copytree(CLIENT, wheels / "client")  # a build writes files into its folder
        pip("wheel", "--no-deps", "--wheel-dir", scratch, str(copied))
        for machine in settings.machine or MACHINES:
            for version in settings.python or VERSIONS:
                fetch(wheels, MACHINES[machine], version)
        files = sorted(wheels.glob("*.whl"))
        with zipfile.ZipFile(target, "w") as archive:
            for file in files:
                archive.write(file, f"wheelhouse/{file.name}")
    print(f"{target}: {len(files)} wheels, {target.stat().st_size / 1e6:.0f} MB")


def fetch(wheels: Path, tags: Sequence[str], version: str) -> None:
    """Download the locked versions of the client's dependencies for one platform."""
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", LOCK.read_text(), re.MULTILINE))
    pins = [f"{name}=={locked[name]}" for name in NEEDED]
    where = [f"--platform={tag}" for tag in tags] + ["--python-version", version]
    pip("download", "--dest", str(wheels), "--only-binary", ":all:", *where, *pins)


def pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", *arguments, "--quiet"], check=True)


if __name__ == "__main__":
    main()
