"""Builds that end in the same bytes, whenever, wherever and under whatever umask they run."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FIRST_DATE_OF_A_ZIP = 315532800  # 1980-01-01


def build_environment() -> dict[str, str]:
    """The environment of a build tool, which honors the date of the source."""
    return os.environ | {"SOURCE_DATE_EPOCH": str(source_date()), "PYTHONHASHSEED": "0"}


def source_date() -> int:
    """Seconds since 1970: SOURCE_DATE_EPOCH, else the date of the commit, else 1980.

    https://reproducible-builds.org/specs/source-date-epoch/
    """
    if date := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(date)
    log = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    committed = subprocess.run(log, capture_output=True, text=True, check=False)
    return int(committed.stdout or _FIRST_DATE_OF_A_ZIP)


def build_wheel(project: Path, folder: Path, without: str = "") -> Path:
    """Build the wheel of one of our packages with this environment's setuptools, and no other.

    `without` is the name of a folder to leave out.
    """
    with tempfile.TemporaryDirectory() as scratch:
        copied = Path(scratch, project.name)  # a build writes into its folder
        ignored = shutil.ignore_patterns("__pycache__", "build", "*.egg-info", without)
        shutil.copytree(project, copied, ignore=ignored, copy_function=shutil.copyfile)
        for path in copied.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        built = Path(scratch, "wheel")
        options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
        pip = subprocess.run(
            [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", built, copied],
            check=False,
            capture_output=True,
            text=True,
            env=build_environment(),
            umask=0o022,
        )
        if pip.returncode:
            sys.exit(pip.stderr)
        (wheel,) = built.iterdir()
        return Path(shutil.copy(wheel, folder))


def write_zip(target: Path, files: Mapping[str, bytes]) -> None:
    """Write a zip archive whose entries have one order, one date and one mode."""
    date = time.gmtime(max(source_date(), _FIRST_DATE_OF_A_ZIP))[:6]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
