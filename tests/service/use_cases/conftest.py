"""The service in memory; a wait between two tries takes no time."""

import pytest

from keyferry_service.adapters import retries
from tests.service.use_cases.fakes import Service


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr(retries.time, "sleep", lambda _: None)
    return Service()
