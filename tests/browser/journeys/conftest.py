from pathlib import Path

import pytest

from tests.support.offline_computer import OfflineComputer
from tests.support.running_stack import RunningStack


@pytest.fixture
def offline(stack: RunningStack, tmp_path: Path) -> OfflineComputer:
    return OfflineComputer(stack, tmp_path)
