"""`make release`: what is published beside a tag, and what whoever gets it can verify."""

import json
import os
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from bundles.contents import archived_names, libraries, packages
from bundles.reproducible import sha256
from bundles.wheelhouse import LOCK
from keyferry_protocol import __version__

ROOT = Path(__file__).parents[3]
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
VALID = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()))
"""

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(600),  # a release builds everything
    pytest.mark.skipif(
        not sys.platform.startswith("linux"),
        reason="the machines of the wheelhouse are named for it",
    ),
]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with the wheels of this machine and Python alone."""
    folder = tmp_path_factory.mktemp("release")
    subprocess.run(["make", "-C", str(ROOT), ".venv-sbom/installed"], check=True)
    command = [sys.executable, "-m", "bundles.release", "--output", str(folder)]
    here = ["--machine", f"linux-{platform.machine()}", "--python", VERSION]
    subprocess.run([*command, *here], cwd=ROOT, check=True, capture_output=True)
    return folder


def sbom(release: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((release / f"{name}.cdx.json").read_text())
    return document


def versions(bom: dict[str, Any]) -> dict[str, str]:
    return {component["name"]: component["version"] for component in bom["components"]}


def locked(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", lock.read_text(), re.MULTILINE))


def test_every_file_of_a_release_has_its_sum(release: Path) -> None:
    checked = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"], cwd=release, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr
    assert {line.split(": ")[0] for line in checked.stdout.splitlines()} | {"SHA256SUMS"} == {
        path.name for path in release.iterdir()
    }
    assert {path.name for path in release.iterdir()} == {
        *("keyferry", "keyferry-wheelhouse.zip", "keyferry-layer.zip", "SHA256SUMS"),
        f"keyferry-{__version__}-py3-none-any.whl",
        f"keyferry_admin-{__version__}-py3-none-any.whl",
        f"keyferry_courier-{__version__}-py3-none-any.whl",
        *(f"keyferry-{name}.cdx.json" for name in ("client", "courier", "layer", "single-file")),
    }


@pytest.mark.parametrize(
    ("name", "artifact"),
    [
        ("keyferry-client", f"keyferry-{__version__}-py3-none-any.whl"),
        ("keyferry-courier", f"keyferry_courier-{__version__}-py3-none-any.whl"),
        ("keyferry-layer", "keyferry-layer.zip"),
        ("keyferry-single-file", "keyferry"),
    ],
)
def test_each_sbom_is_valid_and_names_its_artifact_by_hash(
    release: Path, name: str, artifact: str
) -> None:
    bom = sbom(release, name)
    subprocess.run(
        [ROOT / ".venv-sbom/bin/python", "-c", VALID], input=json.dumps(bom), text=True, check=True
    )
    root = bom["metadata"]["component"]
    assert (root["name"], root["version"]) == (artifact, __version__)
    assert root["hashes"] == [{"alg": "SHA-256", "content": sha256(release / artifact)}]
    assert str(Path.home()) not in json.dumps(bom)
    for component in bom["components"]:
        assert component.get("licenses") or component.get("description"), component["name"]


def test_the_sboms_name_what_is_inside_and_nothing_else(release: Path) -> None:
    assert versions(sbom(release, "keyferry-client")) == locked(LOCK)
    courier = locked(ROOT / "requirements/courier.txt")
    assert versions(sbom(release, "keyferry-courier")) == courier
    layer = locked(ROOT / "shared/requirements.txt")
    listed = versions(sbom(release, "keyferry-layer"))
    assert {name.replace("_", "-"): version for name, version in listed.items()} == layer
    names = archived_names(release / "keyferry")
    inside = {"CPython", *packages(names), *(each.name for each in libraries(names))}
    assert set(versions(sbom(release, "keyferry-single-file"))) == inside


def test_each_package_in_the_layer_brings_its_license(release: Path) -> None:
    with zipfile.ZipFile(release / "keyferry-layer.zip") as archive:
        names = archive.namelist()
    assert "LICENSE" in names
    folders = {match[0] for name in names if (match := re.match(r"python/[^/]+\.dist-info/", name))}
    assert len(folders) == len(locked(ROOT / "shared/requirements.txt"))
    for folder in folders:
        assert [n for n in names if n.startswith(folder) and re.search("LICENSE|COPYING", n)], (
            folder
        )


@pytest.mark.parametrize("package", ["keyferry", "keyferry_admin", "keyferry_courier"])
def test_each_of_our_wheels_brings_its_license(release: Path, package: str) -> None:
    (wheel,) = release.glob(f"{package}-{__version__}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        license = archive.read(f"{package}-{__version__}.dist-info/licenses/LICENSE")
    assert license == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("package", ["admin", "courier"])
def test_another_build_of_the_same_source_is_the_same_wheel(
    release: Path, elsewhere: Path, there: dict[str, str], tmp_path: Path, package: str
) -> None:
    """Of the client, test_wheelhouse.py shows it."""
    code = "import sys; from pathlib import Path; from bundles.reproducible import build_wheel\n"
    code += "build_wheel(Path(sys.argv[1]), Path(sys.argv[2]))"
    subprocess.run(
        [sys.executable, "-c", code, package, tmp_path],
        cwd=elsewhere,
        env=os.environ | there,
        umask=0o077,
        check=True,
    )
    (wheel,) = tmp_path.iterdir()
    assert sha256(wheel) == sha256(release / wheel.name)
