from pathlib import Path

import pytest

from tests.browser.journeys.offline import OfflineComputer
from tests.conftest import RunningStack


@pytest.fixture
def offline(stack: RunningStack, tmp_path: Path) -> OfflineComputer:
    return OfflineComputer(stack, tmp_path)
