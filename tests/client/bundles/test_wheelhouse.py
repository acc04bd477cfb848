"""`make wheelhouse`: pip installs the client without a network, and nothing but what is locked."""

import json
import os
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bundles import wheelhouse
from bundles.reproducible import sha256
from tests.support.offline import KEYS
from tests.support.samples import PRODUCT

ROOT = Path(__file__).parents[3]
HERE = f"linux-{platform.machine()}"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
ALPINE = f"alpine-{platform.machine()}"
BUILD = [sys.executable, "-m", "bundles.wheelhouse", "--machine", HERE, "--machine", ALPINE]
BUILD += ["--python", VERSION]
# As docs/rollout.md says.
INSTALL = ["-m", "pip", "install", "--no-index", "--find-links", "wheelhouse", "--require-hashes"]
REQUIREMENTS = ["-r", "wheelhouse/requirements.txt"]
TROJAN = "from pathlib import Path\nPath({marker!r}).write_text('here I am')\n"

pytestmark = [
    pytest.mark.timeout(600),  # downloads, builds, and installs
    pytest.mark.skipif(
        HERE not in wheelhouse.MACHINES or os.geteuid() != 0,
        reason="taking the network away needs Linux, and root",
    ),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheelhouse for this machine and Python, unpacked."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    output = subprocess.run(
        [*BUILD, "--output", str(folder)], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    print(f"\n{output.strip()}")
    with zipfile.ZipFile(folder / "keyferry-wheelhouse.zip") as archive:
        archive.extractall(folder)
    return folder


def without_network(
    folder: Path, *command: str | Path, **environ: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["unshare", "--net", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        env=os.environ | environ,
        check=False,
    )


def poison(wheel: Path, code: str) -> None:
    """Put a module into a wheel, with a RECORD that lists it, as whoever controls a mirror can."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    (record,) = [name for name in files if name.endswith(".dist-info/RECORD")]
    files |= {"trojan.py": code.encode(), record: files[record] + b"trojan.py,,\n"}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


def test_pip_installs_the_client_from_the_wheelhouse_alone(built: Path, tmp_path: Path) -> None:
    python = tmp_path / "venv/bin/python"
    assert without_network(built, sys.executable, "-m", "venv", tmp_path / "venv").returncode == 0
    installed = without_network(built, python, *INSTALL, *REQUIREMENTS)
    assert installed.returncode == 0, installed.stderr
    (tmp_path / "keys.json").write_bytes(KEYS.to_json())
    settings = ["--keys", "keys.json", "--state-dir", "state", "--product", PRODUCT, "--json"]
    listed = without_network(tmp_path, python.with_name("keyferry"), "list", *settings)
    assert (listed.returncode, json.loads(listed.stdout)) == (0, {"ok": True, "licenses": []})


@pytest.mark.parametrize("machine", [HERE, ALPINE])
def test_pip_finds_a_wheel_of_everything_for_each_c_library(
    built: Path, tmp_path: Path, machine: str
) -> None:
    """As pip of that machine chooses them: glibc's on most, musl's on Alpine."""
    tags = [f"--platform={tag}" for tag in wheelhouse.MACHINES[machine]]
    target = ["--target", tmp_path, "--only-binary", ":all:", "--python-version", VERSION]
    install = [*INSTALL, *REQUIREMENTS, *tags, *target]
    assert without_network(built, sys.executable, *install).returncode == 0
    loaders = [path.read_bytes() for path in tmp_path.rglob("*.so")]
    assert loaders
    for binary in loaders:
        assert (b"libc.musl-" in binary) is (machine == ALPINE)


def test_the_client_has_nothing_that_is_for_tests(built: Path) -> None:
    (wheel,) = (built / "wheelhouse").glob("keyferry-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "keyferry/throwaway.py" in names
    assert not [name for name in names if name.startswith("keyferry/testing")]


def test_each_wheel_is_pinned_by_its_hash_and_brings_its_license(built: Path) -> None:
    wheels = sorted((built / "wheelhouse").glob("*.whl"))
    assert len(wheels) > 5
    pinned = re.findall(r"sha256:([0-9a-f]{64})", (built / REQUIREMENTS[1]).read_text())
    assert sorted(map(sha256, wheels)) == sorted(pinned), "these wheels and no others"
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            names = [name.rpartition("/")[2] for name in archive.namelist() if "dist-info" in name]
        assert [name for name in names if re.match("LICENSE|COPYING", name)], wheel


@pytest.mark.soak
def test_another_build_of_the_same_source_is_the_same_file(
    built: Path, elsewhere: Path, there: dict[str, str], tmp_path: Path
) -> None:
    mirror = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(built / "wheelhouse")}
    command = ["sh", "-c", 'umask 077; exec "$0" "$@"', *BUILD, "--output", str(tmp_path)]
    again = without_network(elsewhere, *command, **there, **mirror)
    assert again.returncode == 0, again.stderr
    for wheel in (built / "wheelhouse").glob("keyferry-*.whl"):
        with zipfile.ZipFile(tmp_path / "keyferry-wheelhouse.zip") as archive:
            assert archive.read(f"wheelhouse/{wheel.name}") == wheel.read_bytes()
    assert sha256(tmp_path / "keyferry-wheelhouse.zip") == sha256(built / "keyferry-wheelhouse.zip")


@pytest.mark.attack
def test_a_wheel_that_was_swapped_on_its_way_is_not_installed(built: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    subprocess.run(["cp", "-r", built, stick], check=True)
    (segno,) = stick.glob("wheelhouse/segno-*.whl")
    poison(segno, "")
    assert without_network(stick, sys.executable, "-m", "venv", "venv").returncode == 0
    refused = without_network(stick, "venv/bin/python", *INSTALL, *REQUIREMENTS)
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert not list(stick.glob("venv/lib/python*/site-packages/trojan.py"))


@pytest.mark.attack
def test_a_registry_that_serves_other_bytes_under_a_version_is_found_out(
    built: Path, tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    subprocess.run(["cp", "-r", built / "wheelhouse", mirror], check=True)
    (segno,) = mirror.glob("segno-*.whl")
    poison(segno, "")
    refused = without_network(
        ROOT,
        *(*BUILD, "--output", tmp_path),
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(mirror),
    )
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr
    assert not (tmp_path / "keyferry-wheelhouse.zip").exists()


@pytest.mark.attack
def test_no_build_backend_comes_from_a_registry(built: Path, tmp_path: Path) -> None:
    """A newer setuptools there would run its code in the build, and write what is in our wheel."""
    mirror, marker = tmp_path / "mirror", tmp_path / "marker"
    subprocess.run(["cp", "-r", built / "wheelhouse", mirror], check=True)
    name = "setuptools-999.0"
    with zipfile.ZipFile(mirror / f"{name}-py3-none-any.whl", "w") as archive:
        archive.writestr("setuptools/__init__.py", "")
        archive.writestr("setuptools/build_meta.py", TROJAN.format(marker=str(marker)))
        archive.writestr(
            f"{name}.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: setuptools\nVersion: 999.0\n",
        )
        archive.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        archive.writestr(f"{name}.dist-info/RECORD", "")
    build = without_network(
        ROOT,
        *(*BUILD, "--output", tmp_path),
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(mirror),
    )
    assert not marker.exists(), "the code of a stranger ran"
    assert build.returncode == 0, build.stderr
