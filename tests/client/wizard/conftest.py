"""The desk that every test here uses, and somebody who types at it."""

import pytest

from tests.browser.wizard.desk import Desk, desk
from tests.client.wizard.typist import Typist

__all__ = ["desk"]


@pytest.fixture
def typed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Typist:
    return Typist(desk, monkeypatch)
