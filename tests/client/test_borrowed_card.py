"""One seat for as many machines as a network card is carried to: the real client and service."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from keyferry import Machine
from keyferry_protocol.envelope import RESPONSE, seal
from keyferry_protocol.errors import WrongMachine
from keyferry_protocol.request import parse_request, verify_proofs
from keyferry_service.domain.allocate import Grant
from keyferry_service.domain.decide import decide
from keyferry_service.domain.ledger import response_to
from keyferry_service.domain.request_context import Snapshot
from tests.support.builders import ACTIVATION, SERVICE_KEY, VENDOR, a_license
from tests.support.offline import LAB_07, Room, key_set
from tests.support.samples import NOW

pytestmark = pytest.mark.attack

CARD = "00e04c680001"  # of a network adapter that fits into every machine
CARD_ALONE = Machine("EVE", "Debian 12", "physical", {"mac": [CARD]})


def rich_machines() -> list[Machine]:
    """Three machines that share nothing but the card, two of them with little to be known by."""
    linux = [
        Machine(
            f"EVE-{number}",
            "Debian 12",
            "physical",
            {
                "mac": [CARD, f"d0bf9c00000{number}"],
                "os_id": [f"{number}" * 32],
                "disk_serial": [f"DISK-{number}"],
            },
        )
        for number in (1, 2)
    ]
    windows = replace(LAB_07, name="EVE-3", components={**LAB_07.components, "mac": [CARD]})
    return [*linux, windows]


def test_a_seat_taken_for_a_card_runs_on_no_machine_that_the_card_is_put_into(
    tmp_path: Path,
) -> None:
    keys = key_set(VENDOR)
    first = Room(tmp_path / "first", CARD_ALONE, keys=keys)
    request = parse_request(first.request())
    verify_proofs(request, ACTIVATION.public)
    grant = decide(request, Snapshot(a_license()), [SERVICE_KEY], NOW)
    assert isinstance(grant, Grant), "a card alone is a weak machine, and no request is refused it"
    first.install(seal(RESPONSE, response_to(request, grant, NOW).to_bytes(), [VENDOR]))
    first.load()

    for machine in rich_machines():
        room = Room(tmp_path / machine.name, machine, keys=keys)
        shutil.copytree(first.state, room.state)  # the state, its keys, and the card
        with pytest.raises(WrongMachine):
            room.load()
