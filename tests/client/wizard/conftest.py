"""The desk that every test here uses, and a person who types at it."""

import pytest

from tests.client.wizard.typist import Typist
from tests.support.desk import Desk, desk

__all__ = ["desk"]


@pytest.fixture
def typed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Typist:
    return Typist(desk, monkeypatch)
