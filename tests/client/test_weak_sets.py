"""A genuine response that names too little of a machine works on no machine."""

from dataclasses import replace

import pytest

from keyferry import KeyferryError, Machine, parse_request
from keyferry_protocol.components import USER, ComponentHashes
from keyferry_protocol.response import BoundTo
from tests.support.offline import LAB_07, Room

DISK = replace(LAB_07, components={"disk_serial": ["S5GXNX0T1"]})


def _bound(data: bytes, components: ComponentHashes) -> BoundTo:
    request = parse_request(data)
    return BoundTo(request.protection, request.device_key, request.load_key, components, None)


def _components(data: bytes) -> ComponentHashes:
    return parse_request(data).machine.components


def _code_of_install(room: Room, data: bytes, components: ComponentHashes) -> str:
    with pytest.raises(KeyferryError) as raised:
        room.install(room.answer(data, bound_to=_bound(data, components)))
    return raised.value.code


@pytest.mark.parametrize("machine", [LAB_07, DISK], ids=["its own machine", "a poor machine"])
def test_an_empty_set_identifies_no_machine(room: Room, machine: Machine) -> None:
    data = room.request()
    room.machine = machine
    before = room.files()
    assert _code_of_install(room, data, {}) == "machine-not-identified"
    assert room.files() == before


def test_a_disk_alone_identifies_no_machine(room: Room) -> None:
    data = room.request()
    disk = {"disk_serial": _components(data)["disk_serial"]}
    assert _code_of_install(room, data, disk) == "machine-not-identified"


def test_a_personal_set_without_its_user_identifies_nobody(room: Room) -> None:
    data = room.request(protection="personal")
    nobody = {name: hashes for name, hashes in _components(data).items() if name != USER}
    assert _code_of_install(room, data, nobody) == "machine-not-identified"


def test_the_smallest_sufficient_set_works(room: Room) -> None:
    room.machine = replace(LAB_07, components={"os_id": LAB_07.components["os_id"]})
    room.install(room.answer(room.request()))
    assert room.load().check()


def test_one_part_of_a_machine_does_not_stand_for_all_of_it(room: Room) -> None:
    data = room.request()
    card = {"mac": _components(data)["mac"]}
    assert _code_of_install(room, data, card) == "wrong-machine"
