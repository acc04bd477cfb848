"""The client runs with the lowest version of each package that its pyproject.toml allows."""

import hashlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "lowest.txt"
# Every command with what it prints, the library, QR codes, and a dongle's PKCS#11 module.
TESTS = (
    "test_commands.py",
    "test_golden.py",
    "test_load.py",
    "test_qr.py",
    "dongle/test_library.py",
)
VERSIONS = """
from importlib.metadata import version
print(*(f"{name}=={version(name)}" for name in ("click", "cryptography", "segno", "python-pkcs11")))
"""


def bounds() -> dict[str, str]:
    """The lowest version of each package that pyproject.toml declares, extras included."""
    project = tomllib.loads((ROOT / "client/pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["dongle"]]
    return dict(re.findall(r"^([a-z0-9-]+)>=([0-9.]+)", "\n".join(declared), re.MULTILINE))


@pytest.fixture(scope="module")
def lowest() -> dict[str, str]:
    """An environment in which those versions come before the usual ones."""
    name = f"lowest-{sys.version_info.minor}-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    folder = ROOT / ".local" / name
    if not folder.exists():
        new = folder.with_suffix(".new")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
        where = ["--upgrade", "--target", new, "--requirement", LOCK]
        subprocess.run([*pip, "--only-binary", ":all:", *where], check=True)
        new.rename(folder)
    return {**os.environ, "PYTHONPATH": str(folder)}


def test_the_lock_has_the_lowest_version_of_each_declared_package() -> None:
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))
    assert len(bounds()) == 4
    for name, lowest in bounds().items():
        assert re.fullmatch(rf"{re.escape(lowest)}(\.0)*", locked[name]), name


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_the_client_runs_with_them(lowest: dict[str, str]) -> None:
    versions = subprocess.run(
        [sys.executable, "-c", VERSIONS], env=lowest, check=True, capture_output=True, text=True
    ).stdout
    locked = re.findall(r"^[a-z0-9-]+==\S+", LOCK.read_text(), re.MULTILINE)
    assert set(versions.split()) <= set(locked)
    tests = [Path(__file__).parent / name for name in TESTS]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env=lowest,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
