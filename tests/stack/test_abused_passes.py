"""Passes that are used again and again hold up nobody else."""

import pytest

from tests.stack.abuse import measure
from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.attack, pytest.mark.soak]


@pytest.mark.timeout(300)
def test_strangers_who_upload_again_and_again_delay_nobody(stack: RunningStack) -> None:
    result = measure(stack, passes=20, seconds=5)
    assert result.uploads >= 100, result  # else it is the computer that held the strangers up
    assert result.delay_s < 2, result
