"""What is lent for a boot, a plug, or a run, and what a whole product line shares, as stories.

The reports behind each story are in `tests/unit/client/recorded` and in the comments here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.client import test_machine_stories
from tests.support.computers import (
    ALL_ENVIRONMENTS,
    ANOTHER,
    BOX,
    BUILT_IN,
    BY_SOFTWARE,
    CLOUD,
    DESKTOP,
    GUEST,
    ID,
    LAPTOP,
    MACBOOK,
    NEW_UUID,
    NO_TPM,
    OTHER_ID,
    OTHER_PC,
    OTHER_WIRED,
    WIRED,
    Facts,
    on_linux,
    on_macos,
    on_windows,
    outcome_of,
    story,
)
from tests.support.machines import NET, card, controller, disk, drive
from tests.support.offline import Room

DISK = f"{NET}/0000:00:17.0/ata1/block"
VMBUS = "sys/devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0004:00/VMBUS:00"
SCSI = f"{VMBUS}/f8b3781a-1e82-4818-a1c3-63d806ec15bb/host0/target0:0:0"


def mounted(*lines: str) -> dict[str, str]:
    return {"proc/self/mountinfo": "".join(f"{line}\n" for line in lines)}


# The Windows Subsystem for Linux: microsoft/WSL#5291, #5352; its card hangs on the VMBus.
WSL_KERNEL = {"proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2\n"}


def wsl(address: str, swap: str = "SWAP-1", **facts: Any) -> Facts:
    card = (address, f"{VMBUS}/5b1f8a8e/net", "0")
    disks = (("60022480-ROOT", SCSI), (swap, SCSI))
    return {"cards": (card,), "disks": disks, "id": ID, "files": WSL_KERNEL} | facts


# Its card is all the hardware that shows: the disk is a card of flash, or has no number.
DISKLESS_BOX: Facts = BOX | {"disks": ()}
# A read-only root: RPi-Distro/repo#66, balena-os/meta-balena#379.
READ_ONLY = mounted(
    "22 1 179:2 / / ro,noatime shared:1 - ext4 /dev/root ro",
    "31 22 0:23 /machine-id /etc/machine-id ro shared:6 - tmpfs tmpfs rw,mode=755",
)
OVERLAID = mounted(
    "22 1 0:21 / / ro - overlay overlay ro,lowerdir=/lower,upperdir=/upper",
    "31 22 0:23 /machine-id /etc/machine-id ro - ramfs ramfs rw",
)
DISKLESS = mounted("1 1 0:2 / / rw - rootfs rootfs rw", "20 1 0:24 / / rw - tmpfs tmpfs rw")
PERSISTED = mounted(
    "22 1 0:21 / / ro - squashfs /dev/loop0 ro",
    "31 22 8:3 /state/etc/machine-id /etc/machine-id rw - ext4 /dev/sda3 rw",
)
# Bonds: open-license-manager/licensecc#109, jaypipes/ghw#367.
TWO_WIRED: Facts = BOX | {"cards": ((WIRED, BUILT_IN, "0"), (OTHER_WIRED, BUILT_IN, "0"))}
IN_A_BOND = ((WIRED, BUILT_IN, "3"), (WIRED, BUILT_IN, "3"))


def bond(*addresses: str) -> dict[str, str]:
    parts = [
        f"Slave Interface: net{index}\nMII Status: up\nPermanent HW addr: {address}\n\n"
        for index, address in enumerate(addresses, 2)
    ]
    return {"proc/net/bonding/bond0": "Bonding Mode: active-backup\n\n" + "".join(parts)}


BONDED: Facts = TWO_WIRED | {"cards": IN_A_BOND, "files": bond(WIRED, OTHER_WIRED)}
UDEV = {
    "run/udev/data/n2": f"E:ID_NET_NAME_MAC=enx{WIRED.replace(':', '')}\n",
    "run/udev/data/n3": f"E:ID_NET_NAME_MAC=enx{OTHER_WIRED.replace(':', '')}\n",
}
# 16 functions of one card: canonical/lxd#8162.
FUNCTIONS = tuple(
    (f"b8:2a:71:be:ef:{n:02x}", f"{NET}/0000:01:01.{n % 8}/net", "0") for n in range(16)
)
PARTS_OF_A_CARD = {
    f"{place}/net{index}/device/physfn/class": "0x020000\n"
    for index, (_, place, _) in enumerate(FUNCTIONS, 4)
}
MANY_PORTS = tuple((f"b8:2a:71:be:ef:{n:02x}", BUILT_IN, "0") for n in range(64))


def cloud(*disks: tuple[str, str], **files: str) -> Facts:
    """A cloud's machine with disks of these serial numbers and models."""
    models = {f"{DISK}/disk{n}/device/model": f"{model}\n" for n, (_, model) in enumerate(disks)}
    return CLOUD | {
        "disks": tuple((serial, DISK) for serial, _ in disks),
        "files": models | {path.replace("__", "/"): text for path, text in files.items()},
    }


EBS, INSTANCE = "Amazon Elastic Block Store", "Amazon EC2 NVMe Instance Storage"
AZURE: Facts = GUEST | {
    "disks": (("600224-OS", f"{SCSI}/0:0:0:0/block"), ("600224-TEMP-1", f"{SCSI}/0:0:0:1/block")),
    "files": {"sys/class/dmi/id/chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77\n"},
}
# Docks: since Linux 5.14 the kernel calls what is behind a port to the outside `removable`;
# before, only the controller's own host interface tells (intel/thunderbolt-software-user-space#8).
PORT = f"{NET}/0000:00:07.0"
DOCKED = ("00:50:b6:9f:21:c8", f"{PORT}/0000:20:00.0/0000:21:01.0/0000:22:00.0/net", "0")
NEW_KERNEL = {f"{PORT}/0000:20:00.0/removable": "removable\n"}
SWITCH = f"{NET}/0000:00:1c.4/0000:07:00.0"
OLD_DOCKED = ("00:50:b6:9f:21:c8", f"{SWITCH}/0000:08:01.0/0000:0a:00.0/0000:0c:00.0/net", "0")
OLD_KERNEL = {f"{SWITCH}/0000:08:00.0/0000:09:00.0/uevent": "DRIVER=thunderbolt\n"}


def docked(card: Sequence[str], files: dict[str, str]) -> Facts:
    return LAPTOP | {"cards": (*LAPTOP["cards"], card), "files": files}


# A sandbox around one application: OpenCPN/OpenCPN#4119.
FLATPAK = {
    "run/host/container-manager": "flatpak\n",
    ".flatpak-info": "[Application]\n",
    "sys/class/dmi/id/sys_vendor": "LENOVO\n",
} | mounted(
    "701 593 0:59 / / rw,nosuid,nodev - tmpfs tmpfs rw,uid=1000",
    "702 701 259:2 /etc/machine-id /etc/machine-id ro master:1 - ext4 /dev/nvme0n1p2 rw",
)
LINUX_STORIES = [
    story("WSL started again", on_linux, wsl("00:15:5d:aa:bb:01"), wsl("00:15:5d:aa:bb:02")),
    story(
        "WSL started again, with a kernel built at home",
        on_linux,
        wsl("00:15:5d:aa:bb:01", files={"proc/sys/fs/binfmt_misc/WSLInterop": "enabled\n"}),
        wsl("00:15:5d:aa:bb:02", files={"proc/sys/fs/binfmt_misc/WSLInterop": "enabled\n"}),
    ),
    story(
        "WSL made a new disk to swap on",
        on_linux,
        wsl("00:15:5d:aa:bb:01"),
        wsl("00:15:5d:aa:bb:01", "SWAP-2"),
    ),
    story(
        "WSL bridged: every computer has the same address",
        on_linux,
        wsl("5c:bb:f6:9e:ee:fa"),
        wsl("5c:bb:f6:9e:ee:fa", id=OTHER_ID),
        ANOTHER,
    ),
    story(
        "a read-only root gets an id at each boot",
        on_linux,
        DISKLESS_BOX | {"files": READ_ONLY},
        {"id": OTHER_ID},
    ),
    story(
        "a read-only root below an overlay gets an id at each boot",
        on_linux,
        DISKLESS_BOX | {"files": OVERLAID},
        {"id": OTHER_ID},
    ),
    story(
        "the whole system runs in memory and gets an id at each boot",
        on_linux,
        DISKLESS_BOX | {"files": DISKLESS},
        {"id": OTHER_ID},
    ),
    story(
        "the read-only image boots on another box",
        on_linux,
        DISKLESS_BOX | {"files": READ_ONLY},
        {"cards": ((OTHER_WIRED, BUILT_IN, "0"),), "id": OTHER_ID},
        ANOTHER,
    ),
    story(
        "a read-only root that keeps its id on another partition, wifi card replaced",
        on_linux,
        LAPTOP | {"files": PERSISTED},
        {"cards": ((WIRED, BUILT_IN, "0"), ("a4:bb:6d:aa:bb:02", BUILT_IN, "0"))},
    ),
    story(
        "activated at the first boot, without an id",
        on_linux,
        BOX | {"id": "uninitialized"},
        {"id": ID},
    ),
    story("two cards bonded later", on_linux, TWO_WIRED, BONDED),
    story("activated bonded, the bond dissolved", on_linux, BONDED, TWO_WIRED | {"files": {}}),
    story(
        "two cards bonded later, and udev remembers them",
        on_linux,
        TWO_WIRED,
        {"cards": IN_A_BOND, "files": UDEV},
    ),
    story(
        "two cards teamed later, and udev remembers them",
        on_linux,
        TWO_WIRED,
        {"cards": ((OTHER_WIRED, BUILT_IN, "3"), (OTHER_WIRED, BUILT_IN, "3")), "files": UDEV},
    ),
    story(
        "another computer's bond is given the same address",
        on_linux,
        BONDED,
        {"files": bond("a4:bb:6d:cc:00:01", "a4:bb:6d:cc:00:02"), "disks": (("NEW1", DISK),)},
        ANOTHER,
    ),
    story(
        "every computer of the image is given one address by its network settings",
        on_linux,
        BOX | {"cards": ((WIRED, BUILT_IN, "3"),)},
        {"disks": (("NEW1", DISK),)},
        ANOTHER,
    ),
    story(
        "16 functions of the card switched on",
        on_linux,
        TWO_WIRED,
        {"cards": (*TWO_WIRED["cards"], *FUNCTIONS), "files": PARTS_OF_A_CARD},
    ),
    story(
        "activated with 16 functions, which are off now",
        on_linux,
        TWO_WIRED
        | {
            "cards": (*TWO_WIRED["cards"], *FUNCTIONS),
            "disks": (),
            "files": PARTS_OF_A_CARD,
        },
        {"cards": TWO_WIRED["cards"], "files": {}},
    ),
    story(
        "16 network cards of four ports put in",
        on_linux,
        TWO_WIRED | {"disks": ()},
        {"cards": (*TWO_WIRED["cards"], *MANY_PORTS)},
    ),
    story(
        "Amazon: stopped and started",
        on_linux,
        cloud(("vol04b63ac805c7c73a5", EBS), ("AWS66337A23B237EFE14", INSTANCE)),
        cloud(("vol04b63ac805c7c73a5", EBS), ("AWS24BBF51AF55097008", INSTANCE)),
    ),
    story(
        "Amazon: created again from the image",
        on_linux,
        cloud(("vol04b63ac805c7c73a5", EBS), ("AWS66337A23B237EFE14", INSTANCE)),
        cloud(("vol0cd37dab9e4a5c184", EBS), ("AWS66337A23B237EFE14", INSTANCE)),
        ANOTHER,
    ),
    story(
        "Google: stopped and started",
        on_linux,
        cloud(("lab-07", "nvme_card-pd"), ("local-nvme-ssd-0", "nvme_card")),
        cloud(("lab-07", "nvme_card-pd")),
    ),
    story(
        "Google: stopped and started, its local disk on SCSI",
        on_linux,
        cloud(("lab-07", "PersistentDisk"), ("local-ssd-0", "EphemeralDisk")),
        cloud(("lab-07", "PersistentDisk")),
    ),
    story(
        "Azure: stopped and started on other hardware",
        on_linux,
        AZURE,
        {"disks": (AZURE["disks"][0], ("600224-TEMP-2", f"{SCSI}/0:0:0:1/block"))},
    ),
    story(
        "Azure: stopped and started, its local disk on NVMe",
        on_linux,
        cloud(("1c1", "MSFT NVMe Accelerator v1.0"), ("1cf3", "Microsoft NVMe Direct Disk v2")),
        cloud(("1c1", "MSFT NVMe Accelerator v1.0"), ("351f", "Microsoft NVMe Direct Disk v2")),
    ),
    story("put into a dock on Thunderbolt", on_linux, LAPTOP, docked(DOCKED, NEW_KERNEL)),
    story(
        "activated in a dock on Thunderbolt, carried home",
        on_linux,
        DISKLESS_BOX | {"cards": (*BOX["cards"], DOCKED), "files": NEW_KERNEL},
        {"cards": BOX["cards"]},
    ),
    story(
        "activated in a dock on Thunderbolt under an old kernel, carried home",
        on_linux,
        DISKLESS_BOX | {"cards": (*BOX["cards"], OLD_DOCKED), "files": OLD_KERNEL},
        {"cards": BOX["cards"]},
    ),
    story(
        "the dock on Thunderbolt is put at another computer",
        on_linux,
        docked(DOCKED, NEW_KERNEL),
        {
            "cards": ((OTHER_WIRED, BUILT_IN, "0"), DOCKED),
            "disks": (("NEW1", DISK),),
            "id": OTHER_ID,
        },
        ANOTHER,
    ),
    story(
        "activated with a disk on Thunderbolt, unplugged",
        on_linux,
        BOX
        | {
            "disks": (*BOX["disks"], ("TB-1", f"{PORT}/0000:20:00.0/0000:22:00.0/nvme/nvme1")),
            "files": NEW_KERNEL,
        },
        {"disks": BOX["disks"]},
    ),
    story(
        "activated with a second computer on a Thunderbolt cable",
        on_linux,
        DISKLESS_BOX
        | {
            "cards": (
                *BOX["cards"],
                ("0c:11:22:fa:41:07", f"{NET}/0000:00:0d.2/domain0/0-0/0-1/0-1.0/net", "0"),
            )
        },
        {"cards": BOX["cards"]},
    ),
    story(
        "activated with a phone tethered over Bluetooth",
        on_linux,
        DISKLESS_BOX
        | {
            "cards": (
                *BOX["cards"],
                ("d0:bf:9c:77:88:90", f"{NET}/0000:00:15.0/bluetooth/hci0/hci0:11/net", "0"),
            )
        },
        {"cards": BOX["cards"]},
    ),
    story("the same laptop, the application from Flatpak", on_linux, LAPTOP, {"files": FLATPAK}),
    story(
        "activated with VMware's cards for its guests",
        on_linux,
        BOX | {"cards": (*BOX["cards"], ("00:50:56:c0:00:08", BY_SOFTWARE, "0"))},
        {"cards": BOX["cards"]},
    ),
]
# Units of a line that was imaged: the machine-id is the same, only the disk is its own.
DEFAULT_ADDRESSES = [
    "00:00:00:00:00:01",
    "00:01:02:03:04:05",
    "00:02:03:04:05:06",
    "00:03:7f:11:23:c6",
    "00:03:7f:ba:db:ad",
    "00:0a:35:00:01:22",
    "00:0c:43:4a:21:4e",
    "00:11:22:33:44:55",
    "00:11:22:33:44:56",
    "00:12:34:56:78:90",
    "00:12:34:56:78:9a",
    "00:15:18:01:81:31",
    "00:48:54:20:00:01",
    "00:90:4c:c5:12:38",
    "00:a0:c9:00:00:00",
    "00:aa:bb:cc:dd:ee",
    "00:e0:4c:36:00:01",
    "00:e0:4c:68:00:01",
    "00:ff:00:ff:00:ff",
    "02:00:00:00:00:00",
    "08:00:27:00:01:92",
    "14:3d:f2:cc:92:72",
    "10:20:30:40:50:60",
    "44:44:44:44:44:44",
    "54:44:34:24:14:04",
    "5c:bb:f6:9e:ee:fa",
    "88:88:88:88:87:88",
    "ac:de:48:00:11:22",
    "f0:ad:4e:03:64:7f",
]
IMAGED_STORIES = [
    story(
        f"another unit of the imaged line with {address}",
        on_linux,
        {"cards": ((address, BUILT_IN, "0"),), "disks": (("DISK-A", DISK),), "id": ID},
        {"disks": (("DISK-B", DISK),)},
        ANOTHER,
    )
    for address in DEFAULT_ADDRESSES
]
# Windows and macOS
HYPER_V: Facts = NO_TPM | {
    "maker": "Microsoft Corporation",
    "product": "Virtual Machine",
    "cards": (card("00155d010203", device="VMBUS\\{F8615163}"),),
    "board": "9531-7949-1919-0512-8596-0146-27",
}
NO_UUID = bytes(16)
IMAGED_PC: Facts = NO_TPM | {
    "uuid": bytes.fromhex("00020003000400050006000700080009"),
    "board": "Default string",
    "cards": (card("888888888788"),),
}
OUTSIDE = "{9d7f3c1a-5b2e-4c3d-8f1e-0a1b2c3d4e5f}"
INSIDE = "{00000000-0000-0000-FFFF-FFFFFFFFFFFF}"
PLAIN_PC: Facts = NO_TPM | {"cards": (card("d0bf9c112233", container=INSIDE),)}
OTHER_STORIES = [
    story(
        "Hyper-V: the guest moved to another host, its address is new",
        on_windows,
        HYPER_V,
        {"cards": (card("00155d040506", device="VMBUS\\{F8615163}"),)},
    ),
    story(
        "Hyper-V: another guest was given the address",
        on_windows,
        HYPER_V,
        {"uuid": NEW_UUID, "board": "1111-2222-0000-4444-5555-6666-77", "guid": OTHER_PC["guid"]},
        ANOTHER,
    ),
    story(
        "Hyper-V: a guest without a UUID, its disk copied to one with another address",
        on_windows,
        HYPER_V | {"uuid": NO_UUID, "board": "None"},
        {"cards": (card("00155d040506", device="VMBUS\\{F8615163}"),)},
        ANOTHER,
    ),
    story(
        "another PC of the imaged line: default UUID, default address",
        on_windows,
        IMAGED_PC,
        {"disks": (disk("DISK-B"),)},
        ANOTHER,
    ),
    story(
        "Windows: activated in a dock on Thunderbolt, carried home",
        on_windows,
        PLAIN_PC | {"cards": (*PLAIN_PC["cards"], card("0050b69f21c8", container=OUTSIDE))},
        {"cards": PLAIN_PC["cards"]},
    ),
    story(
        "Windows: a VPN brought its card, the same on every PC",
        on_windows,
        DESKTOP,
        {"cards": (*DESKTOP["cards"], card("00059a3c7a00", device="PCI\\VPN"))},
    ),
    story(
        "Windows on Amazon: stopped and started",
        on_windows,
        NO_TPM
        | {
            "disks": (
                disk("vol04b63ac805c7c73a5_00000001."),
                disk("AWS66337A23B237EFE14_00000001."),
            )
        },
        {"disks": (disk("vol04b63ac805c7c73a5_00000001."), disk("AWS24BBF51AF55097008_00000001."))},
    ),
    story(
        "Mac: a Thunderbolt bridge set up",
        on_macos,
        MACBOOK,
        {"cards": (*MACBOOK["cards"], controller("36112233aab0", True))},
    ),
    story(
        "Mac: activated with a network adapter on Thunderbolt, unplugged",
        on_macos,
        MACBOOK | {"cards": (*MACBOOK["cards"], controller("245ebe4e2585", False))},
        {"cards": MACBOOK["cards"]},
    ),
    story(
        "Mac: another one with the same T2 card and a copied disk's number",
        on_macos,
        MACBOOK | {"cards": (controller("acde48001122", True),)},
        {"uuid": "11111111-0042-5310-8051-B7C04F4D3732"},
        ANOTHER,
    ),
    story(
        "Mac: a virtual machine copied, macOS gave it another UUID",
        on_macos,
        MACBOOK | {"cards": (controller("5a94ef010203", True),), "disks": ()},
        {"uuid": "5D2C1B0A-7E6F-4A3B-9C8D-1F2E3D4C5B6A"},
        ANOTHER,
    ),
    story(
        "Mac: a disk image opened",
        on_macos,
        MACBOOK,
        {"disks": (*MACBOOK["disks"], drive("IMAGE-1", "File", "Virtual Interface"))},
    ),
]
STORIES = LINUX_STORIES + IMAGED_STORIES + OTHER_STORIES


@pytest.mark.parametrize(("reader", "before", "after", "outcome"), STORIES)
def test_what_is_lent_or_shared_tells_nothing(
    room: Room, tmp_path: Path, reader: Any, before: Facts, after: Facts, outcome: str
) -> None:
    room.machine = reader(tmp_path / "before", before)
    room.activate(environments=ALL_ENVIRONMENTS)
    room.machine = reader(tmp_path / "after", after)
    assert outcome_of(room) == outcome


def test_each_story_is_told_once() -> None:
    names = [one.id for one in (*STORIES, *test_machine_stories.STORIES)]
    assert len(set(names)) == len(names) >= 80 + len(DEFAULT_ADDRESSES)
