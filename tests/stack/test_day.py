"""The administrator's day, with few licenses: what each command says and does holds."""

from pathlib import Path

import pytest

from benchmarks.day import replay
from tests.support.running_stack import RunningStack


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_the_day_of_the_administrator_holds(stack: RunningStack, tmp_path: Path) -> None:
    steps = replay(stack.run, stack.page.rstrip("/"), tmp_path, 60)
    assert len({step.story for step in steps}) == 19
