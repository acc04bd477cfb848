from pathlib import Path

import pytest

from tests.browser import browser, context, page
from tests.conftest import RunningStack
from tests.end_to_end.offline import OfflineComputer

__all__ = ["browser", "context", "page"]


@pytest.fixture
def offline(stack: RunningStack, tmp_path: Path) -> OfflineComputer:
    return OfflineComputer(stack, tmp_path)
