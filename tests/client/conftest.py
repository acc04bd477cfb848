"""The offline room that every test here uses."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.offline import Room
from tests.support.terminal import Shell, shell_in


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "state")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    with shell_in(tmp_path, monkeypatch) as new_shell:
        yield new_shell
