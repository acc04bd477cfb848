"""Computers as their owners would describe them, each read by its operating system's reader."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from keyferry.machine import linux, macos, windows
from keyferry_protocol.components import Machine
from keyferry_protocol.errors import KeyferryError
from tests.support.machines import (
    NET,
    Tree,
    board,
    card,
    controller,
    disk,
    drive,
    endorsement_key,
    printed,
    smbios,
    system,
)
from tests.support.offline import Room

RUNS, ANOTHER = "runs", "wrong-machine"
Facts = Mapping[str, Any]
WIRED, WIFI, DOCK = "d0:bf:9c:11:22:33", "d0:bf:9c:44:55:66", "00:e0:4c:68:00:01"
OTHER_WIRED, OTHER_WIFI = "a4:bb:6d:aa:bb:01", "a4:bb:6d:aa:bb:02"
BUILT_IN = f"{NET}/0000:00:1f.6/net"
USB = f"{NET}/0000:00:14.0/usb2/2-1/2-1:1.0/net"
BY_SOFTWARE = "sys/devices/virtual/net"
ID, OTHER_ID = "8f2b9d3e6a514c07b1d0e4f5a6978812", "1" + "c" * 31

# card: (address, bus, addr_assign_type); disk: (serial, bus)
LAPTOP: Facts = {
    "cards": ((WIRED, BUILT_IN, "0"), (WIFI, BUILT_IN, "0")),
    "disks": (("S5GXNX0T1", f"{NET}/0000:01:00.0/nvme/nvme0"),),
    "id": ID,
}
BOX: Facts = LAPTOP | {"cards": ((WIRED, BUILT_IN, "0"),)}
GUEST: Facts = {"cards": (("52:54:00:11:22:33", BUILT_IN, "0"),), "disks": (), "id": ID}
VMWARE: Facts = GUEST | {"cards": (("00:50:56:11:22:33", BUILT_IN, "0"),)}
CLOUD: Facts = {"cards": (("06:1b:3c:aa:bb:cc", BUILT_IN, "0"),), "disks": (), "id": ID}


def on_linux(folder: Path, facts: Facts) -> Machine:
    tree = Tree(folder)
    for index, (address, place, assign_type) in enumerate(facts["cards"], 2):
        tree.card(f"net{index}", address, place, assign_type=assign_type, index=index)
    for index, (serial, place) in enumerate(facts["disks"]):
        tree.disk(f"disk{index}", serial, place, numbers=f"8:{index}")
    if facts["id"]:
        tree.put("etc/machine-id", facts["id"] + "\n")
    for path, text in facts.get("files", {}).items():
        tree.put(path, text)
    root = str(folder)
    return Machine("HOST", "Linux", linux.environment(root), linux.components(root))


DESKTOP: Facts = {
    "tpm": endorsement_key(),
    "uuid": bytes.fromhex("44454c4c4200103580 51b7c04f4d3732"),
    "board": "/7BT5VD3/CN/",
    "cards": (card("d0bf9c112233"), card("d0bf9c445566", type=71)),
    "disks": (disk("S5GXNX0T1"),),
    "guid": "3D1219C7-C4C5-404A-AA1F-6D2A48ADFDA4",
}
NO_TPM: Facts = DESKTOP | {"tpm": b""}
OTHER_PC: Facts = {
    "tpm": endorsement_key(b"\xd2" * 256),
    "uuid": bytes.fromhex("44454c4c3900583280 31cac04f5a4131"),
    "board": "/9XZ1AA0/CN/",
    "cards": (card("a4bb6daabb01"),),
    "disks": (disk("WD-9"),),
    "guid": "11111111-C4C5-404A-AA1F-6D2A48ADFDA4",
}
NEW_UUID = bytes.fromhex("d2a1c07e5b3c4f1d9e0a63f7b8142c95")
NEW_BOARD = {name: OTHER_PC[name] for name in ("tpm", "uuid", "board", "cards")}


def on_windows(folder: Path, facts: Facts) -> Machine:
    del folder
    recorded = windows.Recorded(
        smbios=smbios(
            system(
                facts.get("maker", "Dell Inc."), facts.get("product", "Latitude"), facts["uuid"]
            ),
            board(facts["board"]),
        ),
        cards=facts["cards"],
        disks=facts["disks"],
        machine_guid=facts["guid"],
        endorsement_key=facts["tpm"],
    )
    components = windows.components(recorded)
    return Machine("HOST", "Windows 11", windows.environment(recorded.smbios), components)


MACBOOK: Facts = {
    "uuid": "A8E2B0C4-0042-5310-8051-B7C04F4D3732",
    "cards": (controller("a483e7112233", True),),
    "disks": (drive("0ba0112233"),),
}


def on_macos(folder: Path, facts: Facts) -> Machine:
    del folder
    platform = printed({"IOPlatformUUID": facts["uuid"]})
    recorded = macos.Recorded(platform, (printed(*facts["cards"]),), printed(*facts["disks"]))
    return Machine("HOST", "macOS 15", "physical", macos.components(recorded))


def story(words: str, reader: Any, before: Facts, changes: Facts, outcome: str = RUNS) -> Any:
    return pytest.param(reader, before, before | changes, outcome, id=words)


ALL_ENVIRONMENTS = ("physical", "virtual", "container")


def outcome_of(room: Room) -> str:
    try:
        room.load()
    except KeyferryError as error:
        return error.code
    return RUNS
