"""A command starts fast: only its own file is imported, and of AWS's library what calls need."""

import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import resolve_name

import click
import pytest

from keyferry_admin import cli as package
from keyferry_admin.cli import cli
from keyferry_admin.cli.lazy_group import LazyGroup

# Each takes as long as all of a command's own modules.
SLOW = {"boto3", "cryptography.x509", "pygal", "s3transfer", "yaml"}
START = """
import sys
from keyferry_admin.cli import main
try:
    main()
finally:
    print(*sys.modules, file=sys.stdout)
"""


def start(line: str) -> subprocess.CompletedProcess[str]:
    """Run a command of a stack that is nowhere, and print what it imported."""
    nowhere = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_MAX_ATTEMPTS": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", START, *line.split()],
        env=os.environ | nowhere,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("line", ["license create --product Modeler", "license list"])
def test_a_command_imports_what_it_needs_alone(line: str) -> None:
    ran = start(line)
    assert "(aws-unreachable)" in ran.stderr  # so it got as far as its first call
    imported = set(ran.stdout.split())
    assert "keyferry_admin.cli.license" in imported
    assert not imported & SLOW
    rare = {f"keyferry_admin.use_cases.{name}" for name in ("remedies", "letter", "site")}
    assert not imported & rare


def groups(group: LazyGroup) -> Iterator[LazyGroup]:
    yield group
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, LazyGroup):
            yield from groups(command)


def test_every_command_is_reached_through_its_group() -> None:
    for file in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{file.name}")
    for group in groups(cli):
        for name, command in group.commands.items():
            assert command.callback is not None
            assert group.callback is not None
            module = command.callback.__module__
            own = group.callback.__module__
            assert module == own or module == resolve_name(
                f".{group.modules[name]}", package.__name__
            )


def test_a_mistyped_command_is_told_the_nearest() -> None:
    assert "Did you mean 'extend'?" in start("license extnd").stderr
