"""How the ledger's rows hold the bytes that were signed."""

import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from keyferry_protocol.envelope import RESPONSE, open_envelope
from tests.support.builders import LAB_07, a_request_file
from tests.support.samples import NUMBER
from tests.support.world import World

OLD_FORM = "body"  # as 0.9.0 wrote it
FORMS: dict[str, Callable[[bytes], bytes]] = {OLD_FORM: bytes, "body_zlib": zlib.compress}


def ledger_row(world: World) -> dict[str, Any]:
    (row,) = [row for row in world.rows("Licenses") if row["sk"]["S"].startswith("answer#")]
    return row


def body_of(response: bytes) -> bytes:
    return open_envelope(response, RESPONSE).body


@pytest.mark.parametrize("form", FORMS)
def test_the_same_file_gets_the_same_answer_from_a_row_of_either_form(
    world: World, form: str
) -> None:
    world.sell()
    file = a_request_file(LAB_07)
    body = body_of(world.response(world.activate(file)))
    row = {name: value for name, value in ledger_row(world).items() if name not in FORMS}
    row[form] = {"B": FORMS[form](body)}
    world.dynamodb.put_item(TableName="Licenses", Item=row)
    world.now += 60
    assert body_of(world.response(world.activate(file))) == body
    assert [entry.body for entry in world.licenses.ledger_entries(NUMBER)] == [body]


@pytest.mark.parametrize(
    "stored",
    [zlib.compress(bytes(20_000_000), 9), zlib.compress(b"{}")[:-1]],
    ids=["a bomb", "half a row"],
)
def test_a_row_that_somebody_else_wrote_is_not_unpacked_beyond_what_can_be_signed(
    world: World, stored: bytes
) -> None:
    world.sell()
    file = a_request_file(LAB_07)
    world.activate(file)
    row = ledger_row(world) | {"body_zlib": {"B": stored}}
    world.dynamodb.put_item(TableName="Licenses", Item=row)
    tracemalloc.start()
    with pytest.raises(zlib.error):
        world.licenses.ledger_entries(NUMBER).__next__()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5_000_000
