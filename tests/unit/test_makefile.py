"""What `make test` does not run: each target's modules, files and options are there.

The targets themselves take minutes or hours. So these tests hold the lists in which a new package,
lock file or function would be forgotten.
"""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from tests.client.bundles.conftest import SOURCES

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/pyproject.toml"))
CHECKED = re.search("^CHECKED = (.+)$", MAKEFILE, re.MULTILINE)
MODULES = re.findall(r"(?:python|RUN\)) -m ((?:tests|benchmarks|bundles|local)[\w.]*)", MAKEFILE)


@pytest.mark.parametrize("name", MODULES)
def test_each_module_that_make_runs_is_there(name: str) -> None:
    """`make lint` reads their types, and so finds a name that they import and that is gone."""
    assert importlib.util.find_spec(name) is not None
    assert CHECKED is not None
    top = name.split(".")[0]
    assert name.startswith("tests.") or any(top in folder for folder in CHECKED[1].split())


def test_each_file_that_make_gives_to_pytest_and_each_option_is_there() -> None:
    commands = re.findall(r"-m pytest (tests/.*|-m .*)$", MAKEFILE, re.MULTILINE)
    words = {word for command in commands for word in command.split()}
    assert [word for word in words if word[:6] == "tests/" and not (ROOT / word).exists()] == []
    ours = re.findall('"(--[a-z0-9-]+)"', (ROOT / "tests/conftest.py").read_text())
    assert {word for word in words if word.startswith("--")} == {*ours, "--timeout"}


def test_each_rule_of_the_service_is_mutated() -> None:
    """All of the domain but what is recorded of an answer, or told of it: no rule decides there."""
    outside = {"change.py", "event.py", "ledger.py", "upload.py", "webhook.py"}
    mutated = SETTINGS["mutmut"]["only_mutate"]
    domain = {path.name for path in ROOT.glob("shared/keyferry_service/domain/[a-z]*.py")}
    assert {Path(name).name for name in mutated if "/domain/" in name} == domain - outside


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_checked_measured_and_released(package: str) -> None:
    (folder,) = (path.parent for path in ROOT.glob(f"{package}/keyferry*/__main__.py"))
    assert CHECKED is not None
    assert str(folder.relative_to(ROOT)) in CHECKED[1].split()
    measured = SETTINGS["coverage"]["run"]["source"]
    assert str(folder.relative_to(ROOT)) in measured or package == "admin"  # the vendor's alone
    assert package in SETTINGS["mypy"]["mypy_path"]
    release = (ROOT / "client/bundles/release.py").read_text()
    assert f'build_wheel(ROOT / "{package}", ' in release
    assert package in SOURCES


def test_each_lock_file_is_updated_by_make_lock() -> None:
    named = re.search("for name in (.+?);", MAKEFILE)
    assert named is not None
    locks = {*named[1].split(), *re.findall(r"(\w+)\.in --output-file \1\.txt", MAKEFILE)}
    assert locks == {
        *(path.stem for path in ROOT.glob("requirements/*.in")),
        *(path.stem for path in ROOT.glob("shared/*.in")),
    }
