"""Commands, links and imports in the documents exist."""

import ast
import re
import shlex
from importlib import import_module
from pathlib import Path

import click
import pytest

from keyferry.cli.main import cli as client
from keyferry_admin.cli import cli as desk

pytestmark = pytest.mark.conformance

ROOT = Path(__file__).parents[3]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
COMMANDS = {"keyferry": client, ".local/run/keyferry": client, "keyferry-admin": desk}


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=_named)
def test_every_link_has_a_target(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if target.startswith(("https://", "http://127.0.0.1:")):
            continue
        name, _, anchor = target.partition("#")
        path = document.parent / name if name else document
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
            assert anchor in map(_anchor, headings), target


def _typed(document: Path) -> list[list[str]]:
    """Our commands in the document's code blocks, without prompt, comment and output."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)
    whole = [re.sub(r"\s*\\\n\s*", " ", block) for block in blocks]
    lines = [line.strip().removeprefix("$ ") for block in whole for line in block.splitlines()]
    typed = [re.split(r"\s{2,}|\s#", line)[0] for line in lines]
    return [shlex.split(line) for line in typed if line.split(" ")[0] in COMMANDS]


@pytest.mark.parametrize("document", DOCUMENTS, ids=_named)
def test_every_command_can_be_typed(
    document: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for program, *arguments in _typed(document):
        for name in arguments:
            if name == "FILE" or name.endswith(
                (".request", ".response", ".zip", "dongle.json", ".pem")
            ):
                (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / name).touch()
            if name in ("FOLDER", "~/Downloads"):
                (tmp_path / name).mkdir(parents=True, exist_ok=True)
        command: click.Command = COMMANDS[program]
        context = click.Context(command, info_name=program.rpartition("/")[2])
        while isinstance(command, click.Group):
            name = arguments.pop(0)
            subcommand = command.get_command(context, name)
            assert subcommand is not None, f"{program} has no {name}"
            command = subcommand
            context = click.Context(command, context, info_name=name)
        command.make_context(program, arguments)  # a UsageError names what is wrong


def test_the_targets_of_make_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE))
    for document in DOCUMENTS:
        named = set(re.findall(r"(?:`|^ *)make ([a-z]+)", document.read_text(), re.MULTILINE))
        assert named <= targets, _named(document)


def test_the_imports_of_the_example_exist() -> None:
    document = (ROOT / "docs" / "client.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    assert blocks
    for node in (node for block in blocks for node in ast.walk(ast.parse(block))):
        if isinstance(node, ast.ImportFrom):
            assert node.module in ("keyferry", "keyferry.dongle.find", "keyferry.cli.main")
            module = import_module(node.module)
            assert all(hasattr(module, name.name) for name in node.names)
