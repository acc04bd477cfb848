"""What each step of the demonstration's journey writes, in DynamoDB's write units.

LAB-07 has three anchors: its board, its UUID, and one network card. Which keys sign changes no row.
"""

from collections import Counter
from pathlib import Path

import pytest

import keyferry
from keyferry_protocol.components import LICENSABLE_ENVIRONMENTS
from local.demo.offline import RECORDED
from tests.service.functions.test_data_model import kind_of
from tests.support.samples import CODE, NUMBER, PRODUCT
from tests.support.world import KEYS, World
from tests.support.write_units import Write, counting_writes


class Journey:
    """The recorded computer, and the writes of each step."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._place = {"product": PRODUCT, "machine": RECORDED, "state_dir": folder}
        self.steps: dict[str, list[Write]] = {}

    def go(self, kind: str) -> None:
        world, code = self._world, CODE if kind == "activate" else None
        file = keyferry.make_request(NUMBER, code, kind=kind, keys=KEYS, **self._place)
        with counting_writes(world.service["dynamodb"], world.dynamodb) as writes:
            ticket = world.open_ticket("ada@example.com")
            self._end("open", writes)
            assert world.process(world.upload(ticket, file)) == []
            self._end(kind, writes)
            assert world.send(ticket) == []
            self._end("mail", writes)
        keyferry.install_response(world.response(ticket), KEYS, **self._place)

    def _end(self, step: str, writes: list[Write]) -> None:
        self.steps[step] = [*writes]
        writes.clear()


@pytest.fixture
def steps(world: World, tmp_path: Path) -> dict[str, list[Write]]:
    terms = {"moves_per_year": 1000, "environments": LICENSABLE_ENVIRONMENTS}
    world.sell(**terms)
    journey = Journey(world, tmp_path)
    journey.go("activate")
    journey.go("update")
    return journey.steps


def by_row(writes: list[Write]) -> Counter[str]:
    units: Counter[str] = Counter()
    for write in writes:
        units[kind_of(write.key)] += write.units
    return units


def test_an_activation_costs_sixteen_write_units_and_an_update_eight(
    steps: dict[str, list[Write]],
) -> None:
    assert sum(write.units for write in steps["activate"]) <= 16
    assert sum(write.units for write in steps["update"]) <= 8
