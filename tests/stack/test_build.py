"""What SAM builds for AWS and what `make run` deploys here: the same files, the same versions."""

import json
import marshal
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.running_stack import ROOT

FUNCTIONS = sorted(path.name for path in (ROOT / "functions").iterdir() if path.is_dir())


def logical_name(function: str) -> str:
    """What the template calls the function of this folder."""
    return "".join(part.capitalize() for part in function.split("_")) + "Function"


def ours(folder: Path) -> dict[str, bytes]:
    """Our own files below the folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def versions(layer: Path) -> set[str]:
    return {path.name for path in (layer / "python").glob("*.dist-info")}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`make build` in a copy: its artifacts, for arm64 and Python 3.13, made without Docker."""
    copy = tmp_path_factory.mktemp("build")
    shutil.copy(ROOT / "template.yaml", copy)
    for name in ("shared", "functions"):
        shutil.copytree(ROOT / name, copy / name)
    german = copy / "own" / "languages" / "de"
    german.mkdir(parents=True)
    (german / "email.json").write_text('{"save": "Datei sichern."}')
    (copy / "own" / "vendor.json").write_text('{"license_configuration": {"de": "Lizenzen"}}')
    python = str(ROOT / ".venv/bin/python")
    settings = {
        "PYTHON": python,
        "PYTHON_3_13": python,  # whatever Python this is stands in for Lambda's
        "VENDOR": str(copy / "own"),
        "SAM_CLI_TELEMETRY": "0",
    }
    subprocess.run(
        [ROOT / ".venv-sam/bin/sam", "build"],
        cwd=copy,
        env={**os.environ, **settings},
        check=True,
        capture_output=True,
    )
    return copy / ".aws-sam" / "build"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_holds_the_same_files(built: Path, name: str) -> None:
    here = ROOT / ".local/build/functions" / name
    assert ours(built / logical_name(name)) == ours(here)
    assert "app.py" in ours(here)
    assert "event.json" not in ours(here)  # an example for readers and tests, not for Lambda


@pytest.mark.parametrize("package", ["keyferry_protocol", "keyferry_service"])
def test_the_layer_holds_the_same_files(built: Path, package: str) -> None:
    here = ours(ROOT / ".local/build/shared/python" / package)
    there = ours(built / "SharedLayer/python" / package)
    for file in ("email", "neutral"):  # the vendor's own
        there.pop(f"messages/de/{file}.json", None)
    assert there == here
    assert here == ours(ROOT / "shared" / package)


def test_the_layer_speaks_in_the_vendors_own_words(built: Path) -> None:
    german = built / "SharedLayer/python/keyferry_protocol/messages/de"
    assert json.loads((german / "email.json").read_bytes()) == {"save": "Datei sichern."}
    names = {"license_configuration": "Lizenzen"}
    assert json.loads((german / "neutral.json").read_bytes()) == names


def test_the_layer_holds_the_same_versions_as_the_lock(built: Path) -> None:
    there = versions(built / "SharedLayer")
    assert there == versions(ROOT / ".local/build/shared")
    locked = re.findall(r"^([a-z-]+)==(\S+)", (ROOT / "shared/requirements.txt").read_text(), re.M)
    assert there == {f"{name.replace('-', '_')}-{version}.dist-info" for name, version in locked}
    assert set(locked) <= set(
        re.findall(r"^([a-z-]+)==(\S+)", (ROOT / "requirements/dev.txt").read_text(), re.M)
    )


def test_the_layer_is_lambdas_and_has_no_boto3(built: Path) -> None:
    layer = built / "SharedLayer/python"
    compiled = [path.name for path in layer.rglob("*.so")]
    assert compiled
    assert all("aarch64" in name or "abi3" in name for name in compiled), compiled
    assert not (layer / "boto3").exists()
    assert not (layer / "botocore").exists()


def test_the_layer_brings_its_bytecode_whatever_the_folder_it_was_built_in(built: Path) -> None:
    layer = built / "SharedLayer/python"
    sources = list(layer.rglob("*.py"))
    assert len(sources) > 300
    for source in sources:
        (file,) = (source.parent / "__pycache__").glob(f"{source.stem}.*.pyc")
        bytecode = file.read_bytes()
        assert int.from_bytes(bytecode[4:8], "little") == 1  # by hash, and never checked: PEP 552
        place = f"/opt/python/{source.relative_to(layer)}"
        assert marshal.loads(bytecode[16:]).co_filename == place


def test_without_lambdas_python_the_layer_is_built_all_the_same_and_make_says_what_it_costs(
    tmp_path: Path,
) -> None:
    shared = str(ROOT / "shared")
    make = ["make", "-n", "-C", shared, "build-SharedLayer", f"ARTIFACTS_DIR={tmp_path}"]
    (absent, present) = (
        subprocess.run([*make, f"PYTHON_3_13={name}"], capture_output=True, text=True, check=True)
        for name in ("", "python3.13")
    )
    assert "compileall" in present.stdout
    assert "compileall" not in absent.stdout
    assert 'test -n "" || echo "Python 3.13 is not on this computer' in absent.stdout


def test_no_lock_names_a_registry() -> None:
    locks = [*ROOT.glob("requirements/*.txt"), ROOT / "shared/requirements.txt"]
    assert len(locks) >= 4
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text
        assert "--hash=sha256:" in text
