"""docs/tutorial.md: each command and option exists, and the cheap commands do what it says."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest

from keyferry.cli.main import cli as client
from keyferry_admin.cli import cli as admin
from keyferry_admin.use_cases.vendor_json import vendor_file

ROOT = Path(__file__).parents[3]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMANDS = "".join(BLOCK.findall(TUTORIAL)).replace("\\\n", " ").splitlines()
PROGRAMS: dict[str, Any] = {
    ".local/run/keyferry-admin": admin,
    "keyferry-admin": admin,
    ".local/run/keyferry": client,
    "vendor/dist/keyferry": client,
}
EDITS = ("perl ", "mkdir ", "echo ", "cp ")


def spoken(program: str) -> list[list[str]]:
    """The words after the program's name, in blocks and in sentences."""
    lines = [*COMMANDS, *re.findall(r"`([^`]+)`", BLOCK.sub("", TUTORIAL))]
    words = [shlex.split(line) for line in lines if line.startswith(f"{program} ")]
    return [rest for _, *rest in words]


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_command_and_option_exists(program: str) -> None:
    assert spoken(program)
    for words in spoken(program):
        command = PROGRAMS[program]
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            name = words.pop(0)
            command = command.get_command(click.Context(command), name)
            assert command is not None, (program, name)
        options = {name for each in command.params for name in each.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= options, (program, words)


def test_each_target_and_variable_of_make_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    used = [shlex.split(line)[1:] for line in COMMANDS if line.startswith("make ")]
    assert len(used) > 3
    for target, *variables in used:
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), target
        for name in (variable.partition("=")[0] for variable in variables):
            assert f"$({name})" in makefile, name


def test_the_edits_make_a_vendor_with_a_language_and_an_application(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    shutil.copy(ROOT / "static-site" / "vendor.json", tmp_path / "vendor")
    shutil.copytree(ROOT / "docs" / "sample", tmp_path / "docs" / "sample")
    edits = [line for line in COMMANDS if line.startswith(EDITS)]
    subprocess.run(["sh", "-euc", "\n".join(edits)], cwd=tmp_path, check=True)

    vendor = json.loads(vendor_file(ROOT / "static-site", tmp_path / "vendor").read_bytes())
    assert (vendor["id"], vendor["name"], vendor["product"]) == ("acme", "Acme", "Acme Modeler")
    assert vendor["support"]["email"] == "help@acme.example"
    page = json.loads((tmp_path / "vendor/languages/de/page.json").read_text())
    english = json.loads((ROOT / "shared/keyferry_protocol/messages/en/page.json").read_text())
    assert page.keys() <= english.keys() | {"language.name"}
    modeler = (tmp_path / "vendor/modeler/modeler.py").read_text()
    assert 'PRODUCT = "Acme Modeler"' in modeler
    assert 'VENDOR = "acme"' in modeler
