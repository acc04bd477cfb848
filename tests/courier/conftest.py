from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.courier.fake_service import FakeService, running
from tests.support.offline import Room


@pytest.fixture
def service(tmp_path: Path) -> Iterator[FakeService]:
    fake = FakeService(Room(tmp_path / "vendor"))
    with running(fake):
        yield fake


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    """The folder of the request files."""
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder
