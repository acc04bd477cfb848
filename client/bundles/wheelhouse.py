"""Builds `dist/keyferry-wheelhouse.zip`: the client and all it needs, to install without a network.

Every wheel is one that requirements/client.txt names by its hash, or our own. On the offline
machine, unpacked:

  python -m pip install --no-index --find-links wheelhouse --require-hashes \
      -r wheelhouse/requirements.txt
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bundles.reproducible import ROOT, build_wheel, sha256, write_zip

LOCK = ROOT / "requirements/client.txt"
_PIN = re.compile(
    r"^(?P<version>[a-z0-9-]+==[^ ]+)(?P<marker> ; [^\\]+)? \\\n(?P<hashes>(?: +--hash=.+\n)+)",
    re.MULTILINE,
)
MACHINES = {  # the platform tags of their wheels
    "linux-x86_64": ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64"),
    "linux-aarch64": ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_28_aarch64"),
    "alpine-x86_64": ("musllinux_1_2_x86_64",),
    "alpine-aarch64": ("musllinux_1_2_aarch64",),
    "windows": ("win_amd64",),
    "macos": ("macosx_11_0_arm64", "macosx_10_13_universal2", "macosx_10_12_x86_64"),
}
VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def main() -> None:
    settings = arguments(__doc__)
    target, count = build(settings.output, settings.machine, settings.python)
    print(f"{target}: {count} wheels, {target.stat().st_size / 1e6:.0f} MB")


def arguments(description: str | None) -> argparse.Namespace:
    """The arguments that say where to build, and for which machines and Pythons."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--output", type=Path, default=ROOT / "dist")
    options.add_argument("--machine", action="append", choices=MACHINES, help="default: all")
    options.add_argument(
        "--python", action="append", help="for example 3.12; default: 3.11 to 3.14"
    )
    settings = options.parse_args()
    settings.output.mkdir(parents=True, exist_ok=True)
    return settings


def build(
    folder: Path, machines: Sequence[str] | None, versions: Sequence[str] | None
) -> tuple[Path, int]:
    """Build the zip archive in the folder. None: for all of them."""
    target = folder / "keyferry-wheelhouse.zip"
    with tempfile.TemporaryDirectory() as scratch:
        wheels = Path(scratch)
        for machine in machines or MACHINES:
            for version in versions or VERSIONS:
                fetch(wheels, MACHINES[machine], version)
        ours = build_wheel(ROOT / "client", wheels, without="testing")
        files = {f"wheelhouse/{wheel.name}": wheel.read_bytes() for wheel in wheels.glob("*.whl")}
        pinned = requirements(ours, {sha256(wheel) for wheel in wheels.glob("*.whl")})
        write_zip(target, files | {"wheelhouse/requirements.txt": pinned.encode()})
    return target, len(files)


def fetch(wheels: Path, tags: Sequence[str], version: str) -> None:
    """Download the locked wheels of the client's dependencies for one platform.

    pip evaluates markers for the machine that it runs on, so they are left out.
    """
    pins = wheels / "pins.txt"
    pins.write_text(_PIN.sub(r"\g<version> \\\n\g<hashes>", LOCK.read_text()))
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(wheels)]
    only = ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", str(pins)]
    where = [*(f"--platform={tag}" for tag in tags), "--python-version", version]
    subprocess.run([*pip, *only, *where], check=True)


def locked_names(lock: Path = LOCK) -> list[str]:
    """The packages in a lock file: of the client, unless another one is named."""
    return [pin["version"].split("==")[0] for pin in _PIN.finditer(lock.read_text())]


def requirements(ours: Path, shipped: set[str]) -> str:
    """What the offline machine installs: the lock, with the hashes of the shipped wheels alone."""
    name, version, *_ = ours.name.split("-")
    lines = [f"{name}[dongle]=={version} --hash=sha256:{sha256(ours)}"]
    for pin in _PIN.finditer(LOCK.read_text()):
        hashes = [each for each in re.findall(r"[0-9a-f]{64}", pin["hashes"]) if each in shipped]
        options = "".join(f" --hash=sha256:{each}" for each in hashes)
        lines.append(f"{pin['version']}{pin['marker'] or ''}{options}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
