from pathlib import Path

import pytest

from tests.conftest import RunningStack
from tests.end_to_end.offline import OfflineComputer


@pytest.fixture
def offline(stack: RunningStack, tmp_path: Path) -> OfflineComputer:
    return OfflineComputer(stack, tmp_path)
