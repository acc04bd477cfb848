"""One file states the version; packages, commands and documents read it or leave it out."""

import re
import tomllib
from pathlib import Path

import pytest

import keyferry
import keyferry_admin
import keyferry_protocol

ROOT = Path(__file__).parents[3]
SOURCE = "shared/keyferry_protocol/__init__.py"
# Lock files hold other packages' versions, golden files what the command printed.
BUILT = ("build", "dist", "node_modules")
EXEMPT = ("CHANGELOG.md", "requirements/", "shared/requirements.txt", "tests/", "docs/vectors/")


def _sources() -> list[Path]:
    """Every source file of the repository, without what builds and environments leave in it."""
    return [
        path
        for path in sorted(ROOT.rglob("*"))
        if path.suffix in (".py", ".toml", ".md", ".yaml", ".js")
        and not any(part in BUILT or part[0] == "." for part in path.relative_to(ROOT).parts)
    ]


def test_each_package_has_the_same_version() -> None:
    assert keyferry.__version__ == keyferry_protocol.__version__
    assert keyferry_admin.__version__ == keyferry_protocol.__version__


@pytest.mark.parametrize("package", ["client", "admin", "courier"])
def test_a_package_reads_its_version_from_the_source(package: str) -> None:
    settings = tomllib.loads((ROOT / package / "pyproject.toml").read_text())
    assert settings["project"]["dynamic"] == ["version"]
    assert "version" not in settings["project"]
    assert settings["tool"]["setuptools"]["dynamic"]["version"] == {
        "attr": "keyferry_protocol.__version__"
    }


def test_no_other_file_states_a_version_of_ours() -> None:
    assigned = re.compile(r"^(?:__version__|version) *= *[\"']", re.MULTILINE)
    current = re.compile(rf"(?<![\d.]){re.escape(keyferry_protocol.__version__)}(?![\d.])")
    stating = []
    for path in _sources():
        name, text = str(path.relative_to(ROOT)), path.read_text()
        if not name.startswith(EXEMPT) and (assigned.search(text) or current.search(text)):
            stating.append(name)
    assert stating == [SOURCE]
