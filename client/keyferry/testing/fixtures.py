"""The fixtures: `pytest_plugins = ["keyferry.testing"]` in a conftest.py makes them known."""

from collections.abc import Iterator

import pytest

from keyferry.testing.computer import OfflineComputer
from keyferry_protocol.keys import KeySet


@pytest.fixture
def offline_computer() -> Iterator[OfflineComputer]:
    """A computer without a license, and with keys that only this test has."""
    with OfflineComputer() as computer:
        yield computer


@pytest.fixture
def throwaway_keys(offline_computer: OfflineComputer) -> KeySet:
    """The key set of `offline_computer`, for the application to pin during the test."""
    return offline_computer.keys
