"""What each step of the demonstration's journey costs, in DynamoDB's units.

LAB-07 has three anchors: its UUID, its board, and one network card; each is a row, and costs two
write units. Which keys sign a response changes no row.
"""

import importlib
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from ministack.services import dynamodb as embedded

import keyferry
from keyferry_protocol.components import LICENSABLE_ENVIRONMENTS
from local.demo.offline import RECORDED
from tests.service.functions.test_data_model import kind_of
from tests.support.builders import LAB_07, a_request_file
from tests.support.samples import CODE, NUMBER, PRODUCT
from tests.support.world import KEYS, World
from tests.support.write_units import UNIT_BYTES, Units, counting_units, item_bytes

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations"


@pytest.fixture
def steps(world: World, tmp_path: Path) -> dict[str, Units]:
    """What each step took of a first activation and of an update, both with an email."""
    world.sell(moves_per_year=1000, environments=LICENSABLE_ENVIRONMENTS)
    place = {"product": PRODUCT, "machine": RECORDED, "state_dir": tmp_path}
    steps: dict[str, Units] = {}
    with counting_units(world.service["dynamodb"], world.dynamodb) as units:
        for kind, code in (("activate", CODE), ("update", None)):
            file = keyferry.make_request(NUMBER, code, kind=kind, keys=KEYS, **place)
            ticket = world.open_ticket("ada@example.com")
            steps["open"] = units.take()
            assert world.process(world.upload(ticket, file)) == []
            steps[kind] = units.take()
            assert world.ticket(ticket)["state"] == "ready"
            steps["poll"] = units.take()
            assert world.send(ticket) == []
            steps["mail"] = units.take()
            keyferry.install_response(world.response(ticket), KEYS, **place)
    return steps


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(OPERATIONS)
    return importlib.import_module("costs")


def write_units(step: Units) -> int:
    return sum(write.units for write in step.writes)


def by_row(step: Units) -> Counter[str]:
    units: Counter[str] = Counter()
    for write in step.writes:
        units[kind_of(write.key).replace("`", "")] += write.units
    return units


def test_a_first_activation_costs_sixteen_write_units_and_an_update_eight(
    steps: dict[str, Units],
) -> None:
    assert write_units(steps["activate"]) <= 16, by_row(steps["activate"])
    assert write_units(steps["update"]) <= 8, by_row(steps["update"])


def test_the_bill_counts_what_the_functions_do(steps: dict[str, Units], costs: ModuleType) -> None:
    assert {name: by_row(step) for name, step in steps.items()} == costs.WRITES
    assert {name: step.reads for name, step in steps.items()} == costs.READS


def test_a_ledger_row_has_room_for_a_license_with_many_features(world: World) -> None:
    world.sell(features={f"feature-{n}": True for n in range(20)}, licensee="Nordhaven Pilot Plant")
    world.activate(a_request_file(LAB_07))
    (row,) = [row for row in world.rows("Licenses") if row["sk"]["S"].startswith("answer#")]
    assert item_bytes(row) < UNIT_BYTES


def test_a_license_row_has_room_for_what_the_vendor_keeps(world: World) -> None:
    world.sell(
        features={"solver": True, "threads": 16},
        licensee="Nordhaven Pilot Plant",
        contact="licenses@nordhaven.example.com",
        reference="PO-2026-004711",
        labels=("academic", "region=emea"),
        note="Ask for Ada Nordmann in building 4 before you call the plant; mornings only.",
    )
    world.activate(a_request_file(LAB_07))
    (row,) = [row for row in world.rows("Licenses") if row["sk"]["S"] == "license"]
    assert item_bytes(row) < UNIT_BYTES


@pytest.mark.usefixtures("steps")
def test_rows_are_at_least_as_large_as_the_embedded_cloud_takes_them_for(world: World) -> None:
    """It counts as DynamoDB was measured to count; ours rounds each number up."""
    for row in (*world.rows("Licenses"), *world.rows("Tickets")):
        size = embedded._item_size_bytes(row)
        assert size <= item_bytes(row) <= size + len(row)
