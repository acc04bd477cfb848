"""docs/operations/restore.py: what it records again, where the drill of the whole stack is wide."""

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from keyferry_admin.stack import Stack
from keyferry_service.adapters.signing_keys_dynamodb import SigningKeys
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey
from tests.service.functions.test_renewals import extend, renew, response
from tests.support.builders import (
    LAB_07,
    LAB_08,
    SERVICE_KEY,
    Computer,
    a_key,
    a_request_file,
)
from tests.support.tables import KEYS_TABLE, put_key
from tests.support.world import IN, OUT, ROOT, World

OUTPUTS = {
    "LicensesTable": "Licenses",
    "KeysTable": "Keys",
    "TicketsTable": "Tickets",
    "InBucket": IN,
    "OutBucket": OUT,
}


class KnownStack(Stack):
    """The tables and buckets of this world, as a template would say them."""

    _outputs: Mapping[str, str] = OUTPUTS


class LicenseTable:
    """The license table, which can return to how it was."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._then = world.rows("Licenses")

    def go_back(self) -> None:
        for row in self._world.rows("Licenses"):
            key = {"pk": row["pk"], "sk": row["sk"]}
            self._world.dynamodb.delete_item(TableName="Licenses", Key=key)
        for row in self._then:
            self._world.dynamodb.put_item(TableName="Licenses", Item=row)

    def sorted(self) -> list[Any]:
        return sorted(self._world.rows("Licenses"), key=lambda row: str(row["sk"]))


@pytest.fixture
def replay(world: World) -> Any:
    spec = importlib.util.spec_from_file_location(
        "restore", ROOT / "docs" / "operations" / "restore.py"
    )
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules["restore"] = script  # where its dataclasses look for themselves
    spec.loader.exec_module(script)
    return script.Replay(KnownStack("keyferry"), world.now, responses=OUT, requests=IN)


def test_moves_that_used_up_a_free_seat_are_used_up_again(world: World, replay: Any) -> None:
    world.sell(seats=2, moves_per_year=1)
    table = LicenseTable(world)
    world.activate(a_request_file(LAB_07))
    world.activate(a_request_file(LAB_08, replaces_seat=1))
    world.activate(a_request_file(Computer("LAB-09"), replaces_seat=1))
    before = table.sorted()
    assert world.license().moves_left(world.now) == 0
    table.go_back()
    assert replay.run() == 0
    assert table.sorted() == before
    one_more = world.activate(a_request_file(Computer("LAB-10"), replaces_seat=1))
    assert world.ticket(one_more)["refusal"]["code"] == "move-limit"


def test_a_resent_response_is_not_replayed_as_an_answer_of_its_own(
    world: World, replay: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    world.sell()
    table = LicenseTable(world)
    ticket = world.activate(a_request_file())
    ((name, data),) = world.answers(ticket).items()
    for resent in ("-" * 43, "z" * 43):  # before and after the ticket that was answered
        world.s3.put_object(Bucket=OUT, Key=f"responses/{resent}/{name}", Body=data)
    table.go_back()
    assert replay.run() == 0
    assert "1 answers recorded again; 2 were there\n" in capsys.readouterr().out


def test_a_request_is_found_under_later_uploads(world: World, replay: Any) -> None:
    """A pass may be used again: a customer could bury the file that took his seat."""

    def in_small_pages(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return params | {"MaxKeys": 2}

    world.sell()
    table = LicenseTable(world)
    ticket = world.activate(a_request_file())
    for _ in range(5):
        world.upload(ticket, b"junk")
    table.go_back()
    replay._s3.meta.events.register("provide-client-params.s3.ListObjectVersions", in_small_pages)
    assert replay.run() == 0
    assert world.license().seats_used == 1


def test_a_table_without_a_license_is_not_copied(
    world: World, replay: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    world.sell()
    rows = world.rows("Licenses")
    world.dynamodb.create_table(TableName="Restored", **KEYS_TABLE)
    assert sys.modules["restore"].copy("Restord", "Licenses", "license") == 1
    assert "There is no table Restord" in capsys.readouterr().out
    assert sys.modules["restore"].copy("Restored", "Licenses", "license") == 1
    assert "holds no license" in capsys.readouterr().out
    assert world.rows("Licenses") == rows


def test_an_older_license_table_brings_no_ended_key_back(world: World, replay: Any) -> None:
    """Not for a stack that goes back to release 0.9, which reads the keys there."""
    world.sell()
    world.dynamodb.create_table(TableName="Restored", **KEYS_TABLE)
    for row in world.rows("Licenses"):
        world.dynamodb.put_item(TableName="Restored", Item=row)
    keys = SigningKeys(world.dynamodb, "Keys", "Licenses")
    new = a_key("new")
    other = SigningKey(new.keyid, new.alg, new.public, KeyStatus.ACTIVE, pem="new.pem")
    keys.add(other)
    keys.end(SERVICE_KEY, KeyStatus.COMPROMISED, other)
    before = keys.all()
    assert sys.modules["restore"].copy("Restored", "Licenses", "license") == 0
    assert keys.all() == SigningKeys(world.dynamodb, "Licenses", "Licenses").all() == before


def test_the_keys_are_restored_as_licenses_are(world: World, replay: Any) -> None:
    world.dynamodb.create_table(TableName="Restored", **KEYS_TABLE)
    put_key(world.dynamodb, "Restored", SERVICE_KEY)
    wrong = a_key("somebody else's")
    put_key(
        world.dynamodb, "Keys", SigningKey(wrong.keyid, wrong.alg, wrong.public, KeyStatus.ACTIVE)
    )
    copy = sys.modules["restore"].copy
    assert copy("Restored", "Keys", "key") == 0
    assert SigningKeys(world.dynamodb, "Keys", "Licenses").all() == (SERVICE_KEY,)
    assert copy("Licenses", "Keys", "license") == 1  # no license was sold


def test_renewals_are_recorded_again_from_the_vendors_folder(
    world: World, replay: Any, tmp_path: Path
) -> None:
    """Nothing else has them: without their serials, the next renewal would be an older response."""
    world.sell(seats=2)
    for computer in (LAB_07, LAB_08):
        world.activate(a_request_file(computer))
    extend(world)
    table = LicenseTable(world)
    for renewed in (*renew(world, 1, 2), *renew(world, 1, again=True)):
        (tmp_path / response(renewed).file_name).write_bytes(renewed.file)
    (tmp_path / "damaged.response").write_bytes(b"{}")
    world.activate(a_request_file(LAB_08, "update", last_serial=5))
    before = table.sorted()
    table.go_back()
    replay._renewals = tmp_path
    assert replay.run() == 0
    assert table.sorted() == before
    assert replay.run() == 0
    assert table.sorted() == before
