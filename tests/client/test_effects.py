"""No command changes anything before it has checked all that it needs to finish."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.samples import NUMBER
from tests.support.terminal import Shell

PRODUCT = ("--product", "Example Modeler")
COMMANDS = {
    "request": ("request", NUMBER),
    "update": ("update", NUMBER),
    "deactivate": ("deactivate", NUMBER, "--yes"),
}
REPAIR = ("doctor", "--repair")  # repairs even where the product is not known


@pytest.fixture
def active(shell: Shell) -> Shell:
    """A computer with an active license."""
    shell.room.activate()
    return shell


def assert_nothing_changed(shell: Shell, arguments: tuple[str, ...], code: str) -> None:
    before = (shell.room.files(), sorted(os.listdir()))
    printed = shell(*arguments, "--json")
    assert (printed.exit, printed.json["error"]["code"]) == (2 if code == "usage" else 1, code)
    assert (shell.room.files(), sorted(os.listdir())) == before


@pytest.mark.parametrize("name", COMMANDS)
def test_a_damaged_vendors_file_is_noticed_first(active: Shell, name: str) -> None:
    Path(os.environ["KEYFERRY_KEYS"]).with_name("vendor.json").write_text("{")
    assert_nothing_changed(active, (*COMMANDS[name], *PRODUCT), "bad-key-set")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_missing_product_is_noticed_first(active: Shell, name: str) -> None:
    Path(os.environ["KEYFERRY_KEYS"]).with_name("vendor.json").write_text('{"id": "example"}')
    assert_nothing_changed(active, COMMANDS[name], "usage")


@pytest.mark.parametrize(
    "arguments",
    [*((*COMMANDS[name], "--output") for name in COMMANDS), (*REPAIR, "--report")],
    ids=" ".join,
)
def test_a_folder_that_is_missing_is_noticed_first(
    active: Shell, arguments: tuple[str, ...]
) -> None:
    assert_nothing_changed(active, (*arguments, "gone/x.request"), "usage")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(os.mkdir, id="a folder"),
        pytest.param(lambda p: os.symlink("gone/x", p), id="a dead link"),
    ],
)
def test_a_report_that_cannot_be_written_is_noticed_first(
    active: Shell, make: Callable[[str], None]
) -> None:
    Path(active.room.folder().path("state.json")).write_text("{")  # which the doctor repairs
    make("report")
    assert_nothing_changed(active, (*REPAIR, "--report", "report"), "file")
