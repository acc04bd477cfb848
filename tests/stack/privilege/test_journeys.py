"""The journeys that show what each right is for: with all rights, each of them arrives."""

from pathlib import Path

import pytest

from keyferry_service.adapters.licenses_dynamodb import Licenses
from tests.stack.privilege.journeys import JOURNEYS
from tests.stack.privilege.rights import Right, rights
from tests.stack.privilege.table import TESTED
from tests.stack.privilege.taking import falls_without
from tests.support.customer import Customer
from tests.support.journeys import client
from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.privilege, pytest.mark.timeout(300)]
# Rights of the API and of the signer: few, and soon missed. `make soak` takes all away.
SOON_MISSED = [r for r in rights() if r.name in TESTED and r.role == "PublicApiRole"]
SIGNS = [r for r in rights() if r.action == "kms:Sign" and r.is_local]


@pytest.mark.parametrize("name", JOURNEYS)
def test_with_all_rights_the_journey_arrives(
    stack: RunningStack, tmp_path: Path, name: str
) -> None:
    """Each journey asserts its own arrival."""
    table = Licenses(client(stack, "dynamodb"), stack.outputs["LicensesTable"])
    JOURNEYS[name](Customer(stack, table, tmp_path, seats=5))


@pytest.mark.parametrize("right", SOON_MISSED + SIGNS, ids=lambda right: " ".join(right.name))
def test_without_the_right_the_journey_falls(stack: RunningStack, right: Right) -> None:
    assert falls_without(stack, right, JOURNEYS[TESTED[right.name]])
