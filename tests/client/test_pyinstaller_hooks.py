"""PyInstaller finds by itself what an application with this library needs (docs/client.md)."""

import runpy
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from setuptools import find_packages

from keyferry.cli.main import COMMANDS
from keyferry_protocol.messages import FOLDER

CLIENT = Path(__file__).parents[2] / "client"


@pytest.fixture(scope="module")
def hooks() -> Path:
    """The folder that the entry point of the installed package names."""
    project = tomllib.loads((CLIENT / "pyproject.toml").read_text())
    module, _, function = project["project"]["entry-points"]["pyinstaller40"][
        "hook-dirs"
    ].partition(":")
    include = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert module in find_packages(str(CLIENT), include=include)
    (folder,) = getattr(import_module(module), function)()
    return Path(folder)


def collected(hook: Path, name: str) -> set[str]:
    """The files, or the modules, that a hook names."""
    entries = runpy.run_path(str(hook))[name]
    return {each if isinstance(each, str) else Path(each[0]).name for each in entries}


def test_every_sentence_goes_into_an_application(hooks: Path) -> None:
    files = collected(hooks / "hook-keyferry_protocol.py", "datas")
    assert {path.name for path in Path(FOLDER).rglob("*.json")} <= files


def test_every_file_of_the_wizards_window_goes_into_an_application(hooks: Path) -> None:
    wizard = CLIENT / "keyferry" / "wizard"
    files = {path.name for path in wizard.iterdir() if path.suffix in (".css", ".js")}
    assert files
    assert files <= collected(hooks / "hook-keyferry.wizard.py", "datas")


def test_what_is_imported_when_it_is_first_used_goes_into_an_application(hooks: Path) -> None:
    commands = collected(hooks / "hook-keyferry.cli.py", "hiddenimports")
    assert {f"keyferry.cli.{name}" for name in COMMANDS} <= commands
    library = collected(hooks / "hook-keyferry.py", "hiddenimports")
    assert {"keyferry.api", "keyferry_protocol.keys"} <= library
    for module in library:
        import_module(module)


def test_each_hook_is_named_for_a_module_that_exists(hooks: Path) -> None:
    names = [path.stem.removeprefix("hook-") for path in hooks.glob("hook-*.py")]
    assert len(names) == 4
    for name in names:
        import_module(name)
