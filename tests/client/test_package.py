"""The package as a customer gets it: built from its sdist, alone in a fresh environment."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "client"


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a command without this workspace's paths; its output, or a failure that shows it."""
    environ = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of client/ and the wheel that was built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    uv = Path(sys.executable).with_name("uv")
    run(uv, "build", "--quiet", "--out-dir", folder, CLIENT)
    return folder


def test_sdist_and_wheel_hold_both_packages_their_messages_and_nothing_of_the_service(
    built: Path,
) -> None:
    (sdist,), (wheel,) = built.glob("*.tar.gz"), built.glob("*.whl")
    with tarfile.open(sdist) as archive:
        unpacked = {name.partition("/")[2] for name in archive.getnames()}
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    for package in ("keyferry", "keyferry_protocol"):
        source = (CLIENT / package).resolve()
        files = {
            f"{package}/{path.relative_to(source).as_posix()}"
            for path in source.rglob("*")
            if path.suffix in (".py", ".json", ".typed", ".css", ".js", ".bin")
        }
        assert len(files) > 10
        assert files <= unpacked
        assert files <= packed
    for names in (unpacked, packed):
        assert not any("keyferry_service" in name or "boto" in name for name in names)


def test_the_wheel_works_in_a_fresh_environment(built: Path, tmp_path: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    run(uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv")
    (wheel,) = built.glob("*.whl")
    binaries = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    run(uv, "pip", "install", "--quiet", "--python", binaries / "python", wheel)
    output = run(binaries / "keyferry", "--help", cwd=tmp_path)
    assert "keyferry request 015.120.020.093" in output
    code = "import keyferry; print(*[getattr(keyferry, n).__name__ for n in keyferry.__all__])"
    assert "load" in run(binaries / "python", "-c", code, cwd=tmp_path)
    listed = run(uv, "pip", "list", "--quiet", "--python", binaries / "python")
    names = {line.split()[0] for line in listed.splitlines()[2:]}
    assert names == {"keyferry", "click", "cryptography", "cffi", "pycparser", "segno"}
