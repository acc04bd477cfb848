"""The desk of every test here, at home in a folder of the test's own."""

from pathlib import Path

import pytest

from tests.unit.client.wizard.typist import Typist
from tests.wizard.desk import Desk, desk_in


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    found = desk_in(tmp_path)
    monkeypatch.setenv("HOME", str(found.home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return found


@pytest.fixture
def typed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Typist:
    return Typist(desk, monkeypatch)
