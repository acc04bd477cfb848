"""The desk of every test here, and somebody who types at it."""

import pytest

from tests.unit.client.wizard.typist import Typist
from tests.wizard.desk import Desk, desk

__all__ = ["desk"]


@pytest.fixture
def typed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Typist:
    return Typist(desk, monkeypatch)
