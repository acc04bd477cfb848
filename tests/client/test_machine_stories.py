"""What happens to a computer, in its owner's words, and whether its license keeps working.

Each story changes what the operating system would answer; readers and rule decide the rest.
"""

from pathlib import Path
from typing import Any

import pytest

from keyferry_protocol.components import hash_components
from keyferry_protocol.errors import KeyferryError
from keyferry_protocol.matching import MIN_WEIGHT, hardware_weight
from tests.support.computers import (
    ANOTHER,
    BOX,
    BUILT_IN,
    BY_SOFTWARE,
    CLOUD,
    DESKTOP,
    DOCK,
    GUEST,
    LAPTOP,
    MACBOOK,
    NEW_BOARD,
    NEW_UUID,
    NO_TPM,
    OTHER_ID,
    OTHER_PC,
    OTHER_WIFI,
    OTHER_WIRED,
    USB,
    VMWARE,
    WIRED,
    Facts,
    on_linux,
    on_macos,
    on_windows,
    outcome_of,
    story,
)
from tests.support.machines import NET, card, controller, drive
from tests.support.offline import Room
from tests.support.samples import NUMBER

LINUX_STORIES = [
    story("nothing changed", on_linux, LAPTOP, {}),
    story("renamed the computer", on_linux, LAPTOP, {"files": {"etc/hostname": "NEW"}}),
    story("reinstalled Linux on the same disk", on_linux, LAPTOP, {"id": OTHER_ID}),
    story("cloned the system to a bigger disk", on_linux, LAPTOP, {"disks": (("NEW1", BUILT_IN),)}),
    story(
        "set up afresh on a new disk",
        on_linux,
        LAPTOP,
        {"disks": (("NEW1", BUILT_IN),), "id": OTHER_ID},
        ANOTHER,
    ),
    story(
        "wifi card replaced",
        on_linux,
        LAPTOP,
        {"cards": ((WIRED, BUILT_IN, "0"), (OTHER_WIFI, BUILT_IN, "0"))},
    ),
    story(
        "wifi switched off in the firmware", on_linux, LAPTOP, {"cards": ((WIRED, BUILT_IN, "0"),)}
    ),
    story(
        "the only network card replaced",
        on_linux,
        BOX,
        {"cards": ((OTHER_WIRED, BUILT_IN, "0"),)},
        ANOTHER,
    ),
    story("the only network card broke", on_linux, BOX, {"cards": ()}, ANOTHER),
    story(
        "a second network card put in",
        on_linux,
        BOX,
        {"cards": ((WIRED, BUILT_IN, "0"), (OTHER_WIRED, BUILT_IN, "0"))},
    ),
    story(
        "put into a dock with a network card",
        on_linux,
        LAPTOP,
        {"cards": (*LAPTOP["cards"], (DOCK, USB, "0"))},
    ),
    story(
        "activated in the dock, carried home",
        on_linux,
        LAPTOP | {"cards": (*LAPTOP["cards"], (DOCK, USB, "0"))},
        {"cards": LAPTOP["cards"]},
    ),
    story(
        "a phone tethered over USB",
        on_linux,
        LAPTOP,
        {"cards": (*LAPTOP["cards"], ("ce:11:22:33:44:55", USB, "1"))},
    ),
    story(
        "wifi randomises its address",
        on_linux,
        LAPTOP,
        {"cards": ((WIRED, BUILT_IN, "0"), ("da:12:34:56:78:9a", BUILT_IN, "3"))},
    ),
    story(
        "a VPN and Docker brought cards made by software",
        on_linux,
        LAPTOP,
        {
            "cards": (
                *LAPTOP["cards"],
                ("02:42:ac:11:00:02", BY_SOFTWARE, "3"),
                ("00:ff:aa:bb:cc:dd", BY_SOFTWARE, "0"),
            )
        },
    ),
    story(
        "a USB disk plugged in",
        on_linux,
        LAPTOP,
        {"disks": (*LAPTOP["disks"], ("USB1", f"{NET}/0000:00:14.0/usb1/1-1/host1"))},
    ),
    story(
        "a second disk built in", on_linux, LAPTOP, {"disks": (*LAPTOP["disks"], ("S9", BUILT_IN))}
    ),
    story(
        "one of two disks taken out",
        on_linux,
        LAPTOP | {"disks": (("S1", BUILT_IN), ("S2", BUILT_IN))},
        {"disks": (("S1", BUILT_IN),)},
    ),
    story(
        "disk moved to another box",
        on_linux,
        BOX,
        {"cards": ((OTHER_WIRED, BUILT_IN, "0"),)},
        ANOTHER,
    ),
    story(
        "network card moved to another box",
        on_linux,
        BOX,
        {"disks": (("NEW1", BUILT_IN),), "id": OTHER_ID},
        ANOTHER,
    ),
    story(
        "folder copied to another computer",
        on_linux,
        LAPTOP,
        {"cards": ((OTHER_WIRED, BUILT_IN, "0"),), "disks": (("N1", BUILT_IN),), "id": OTHER_ID},
        ANOTHER,
    ),
    story(
        "another computer given this one's machine-id",
        on_linux,
        LAPTOP,
        {"cards": ((OTHER_WIRED, BUILT_IN, "0"),), "disks": (("N1", BUILT_IN),)},
        ANOTHER,
    ),
]
GUEST_STORIES = [
    story("VM moved to another host", on_linux, VMWARE, {}),
    story(
        "VM given a new network card",
        on_linux,
        VMWARE,
        {"cards": (("00:50:56:99:99:99", BUILT_IN, "0"),)},
        ANOTHER,
    ),
    story("VM cloned twice, all its numbers too", on_linux, VMWARE, {}),
    story(
        "VM cloned, its copy set up as new",
        on_linux,
        VMWARE,
        {"cards": (("00:50:56:99:99:99", BUILT_IN, "0"),), "id": OTHER_ID},
        ANOTHER,
    ),
    story(
        "cloud machine stopped and started on other hardware",
        on_linux,
        CLOUD,
        {"cards": (("06:99:99:aa:bb:cc", BUILT_IN, "0"),)},
    ),
    story("cloud machine created again from its image", on_linux, CLOUD, {"id": OTHER_ID}, ANOTHER),
]
WINDOWS_STORIES = [
    story("Windows updated", on_windows, DESKTOP, {}),
    story(
        "Windows reinstalled on a new disk",
        on_windows,
        DESKTOP,
        {"guid": OTHER_PC["guid"], "disks": OTHER_PC["disks"]},
    ),
    story("firmware update rewrote the UUID", on_windows, DESKTOP, {"uuid": NEW_UUID}),
    story("TPM switched off in the firmware", on_windows, DESKTOP, {"tpm": b""}),
    story("TPM module replaced", on_windows, DESKTOP, {"tpm": OTHER_PC["tpm"]}),
    story(
        "TPM and firmware both renewed",
        on_windows,
        DESKTOP,
        {"tpm": OTHER_PC["tpm"], "uuid": OTHER_PC["uuid"]},
        ANOTHER,
    ),
    story("every network card replaced", on_windows, DESKTOP, {"cards": OTHER_PC["cards"]}),
    story(
        "network card in USB only",
        on_windows,
        DESKTOP,
        {"cards": (card("00e04c680001", device="USB\\VID_0BDA"),)},
    ),
    story(
        "Hyper-V brought its own card",
        on_windows,
        DESKTOP,
        {"cards": (*DESKTOP["cards"], card("00155d010203", device="ROOT\\VMS_MP"))},
    ),
    story("mainboard replaced in repair", on_windows, DESKTOP, NEW_BOARD, ANOTHER),
    story(
        "disk moved to another PC",
        on_windows,
        DESKTOP,
        OTHER_PC | {"disks": DESKTOP["disks"], "guid": DESKTOP["guid"]},
        ANOTHER,
    ),
    story(
        "without TPM: firmware update rewrote the UUID",
        on_windows,
        NO_TPM,
        {"uuid": NEW_UUID},
    ),
    story(
        "without TPM: new UUID and new network cards",
        on_windows,
        NO_TPM,
        {"uuid": NEW_UUID, "cards": OTHER_PC["cards"]},
        ANOTHER,
    ),
    story(
        "without TPM: reinstalled on a new disk",
        on_windows,
        NO_TPM,
        {"guid": OTHER_PC["guid"], "disks": OTHER_PC["disks"]},
    ),
    story(
        "board serial is a placeholder since the repair",
        on_windows,
        DESKTOP,
        {"board": "To be filled by O.E.M."},
    ),
]
MACOS_STORIES = [
    story("macOS reinstalled", on_macos, MACBOOK, {}),
    story(
        "a Thunderbolt dock plugged in",
        on_macos,
        MACBOOK,
        {"cards": (*MACBOOK["cards"], controller("a483e7445566", False))},
    ),
    story(
        "an external disk plugged in",
        on_macos,
        MACBOOK,
        {"disks": (*MACBOOK["disks"], drive("USB1", "External", "USB"))},
    ),
    story(
        "private wifi address on",
        on_macos,
        MACBOOK,
        {"cards": (*MACBOOK["cards"], controller("36112233aabb", True))},
    ),
    story("the built-in network card does not answer", on_macos, MACBOOK, {"cards": ()}),
    story(
        "logic board replaced",
        on_macos,
        MACBOOK,
        {
            "uuid": "11111111-0042-5310-8051-B7C04F4D3732",
            "cards": (controller("a483e7999999", True),),
            "disks": (drive("new"),),
        },
        ANOTHER,
    ),
    story(
        "old disk and card in another Mac",
        on_macos,
        MACBOOK,
        {"uuid": "11111111-0042-5310-8051-B7C04F4D3732"},
        ANOTHER,
    ),
    story(
        "Mac carried over by Migration Assistant",
        on_macos,
        MACBOOK,
        {
            "uuid": "22222222-0042-5310-8051-B7C04F4D3732",
            "cards": (controller("a483e7888888", True),),
            "disks": (drive("other"),),
        },
        ANOTHER,
    ),
]
STORIES = LINUX_STORIES + GUEST_STORIES + WINDOWS_STORIES + MACOS_STORIES


@pytest.mark.parametrize(("reader", "before", "after", "outcome"), STORIES)
def test_the_license_keeps_working_or_reports_another_machine(
    room: Room, tmp_path: Path, reader: Any, before: Facts, after: Facts, outcome: str
) -> None:
    room.machine = reader(tmp_path / "before", before)
    room.activate()
    room.machine = reader(tmp_path / "after", after)
    assert outcome_of(room) == outcome


def test_there_are_at_least_forty_different_stories() -> None:
    assert len({one.id for one in STORIES}) == len(STORIES) >= 40


TOO_LITTLE = "machine-not-identified"


@pytest.mark.parametrize(
    ("facts", "environment", "asks"),
    [
        pytest.param(GUEST, "unknown", "a license for virtual machines", id="guest of QEMU"),
        pytest.param(CLOUD, "unknown", "a license for virtual machines", id="cloud without DMI"),
        pytest.param(
            GUEST | {"files": {"proc/cpuinfo": "flags : fpu hypervisor\n"}},
            "virtual",
            "a license for virtual machines",
            id="the processor reports a hypervisor",
        ),
        pytest.param(GUEST | {"id": ""}, "unknown", TOO_LITTLE, id="image without a machine-id"),
        pytest.param(
            GUEST | {"id": "", "files": {".dockerenv": ""}},
            "container",
            TOO_LITTLE,
            id="container",
        ),
        pytest.param(BOX, "unknown", "any license", id="a box with one network card"),
        pytest.param(
            BOX | {"cards": ()},
            "unknown",
            "a license for virtual machines",
            id="a box without a network card",
        ),
    ],
)
def test_which_protections_a_computer_can_request(
    room: Room, tmp_path: Path, facts: Facts, environment: str, asks: str
) -> None:
    room.machine = on_linux(tmp_path / "machine", facts)
    assert room.machine.environment == environment
    assert license_to_ask_for(room) == asks


def license_to_ask_for(room: Room) -> str:
    try:
        room.request()
    except KeyferryError as error:
        return error.code
    weight = hardware_weight(hash_components(NUMBER, room.machine.components, "machine"))
    return "any license" if weight >= MIN_WEIGHT else "a license for virtual machines"
