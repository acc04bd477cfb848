"""`pip install ./admin` into an empty environment installs the whole command line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that holds what the folder admin/ installs, and nothing else."""
    checkout = tmp_path_factory.mktemp("checkout")  # building writes beside its sources
    for part in ("admin", "shared", "client", "static-site"):  # the desk's window and its style
        ignore = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
        shutil.copytree(ROOT / part, checkout / part, symlinks=True, ignore=ignore)
    folder: Path = tmp_path_factory.mktemp("environment") / "venv"
    uv: list[str | Path] = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "-q", "--python", sys.executable, folder], check=True)
    install: list[str | Path] = [
        *uv,
        "pip",
        "install",
        "-q",
        "--python",
        folder / "bin/python",
        checkout / "admin",
    ]
    subprocess.run(install, check=True)
    return folder


def test_the_package_has_the_command_line_and_the_packages_it_needs(environment: Path) -> None:
    installed = next(environment.glob("lib/python*/site-packages"))
    for folder in ("admin/keyferry_admin", "shared/keyferry_protocol", "shared/keyferry_service"):
        for file in (ROOT / folder).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                inside = installed / file.relative_to((ROOT / folder).parent)
                assert inside.read_bytes() == file.read_bytes()


def test_an_empty_environment_runs_the_command_line(environment: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [environment / "bin/keyferry-admin", "--help"],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        cwd=tmp_path,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    for group in ("license", "seat", "keys"):
        assert f"\n  {group} " in ran.stdout
