"""The offline room of every test here."""

from pathlib import Path

import pytest

from tests.unit.client.offline import Room


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "state")
