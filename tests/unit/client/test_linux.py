"""Linux is read only from the files that the format names."""

import subprocess
from pathlib import Path

import pytest

from keyferry.machine import linux
from tests.support.machines import NET, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def cat(path: str) -> str:
    """What `cat` prints of a file on this machine, "" where it cannot."""
    return subprocess.run(["cat", path], capture_output=True, text=True, check=False).stdout.strip()


def test_this_machines_values_are_what_cat_prints_of_the_named_files() -> None:
    components = linux.components()
    machine_id = cat("/etc/machine-id") or cat("/var/lib/dbus/machine-id")
    assert components.get("os_id", []) == ([machine_id] if machine_id else [])
    serials = {
        text
        for disk in Path("/sys/block").glob("*")
        for text in (
            _udev(f"/run/udev/data/b{cat(f'{disk}/dev')}", "ID_SERIAL_SHORT")
            or cat(f"{disk}/serial")
            or cat(f"{disk}/device/serial"),
        )
        if text and "/devices/virtual/" not in str(disk.resolve())
    }
    assert set(components.get("disk_serial", [])) <= serials
    addresses = {
        (
            _udev(f"/run/udev/data/n{cat(f'{card}/ifindex')}", "ID_NET_NAME_MAC")[3:]
            or cat(f"{card}/address").replace(":", "")
        )
        for card in Path("/sys/class/net").glob("*")
        if "/devices/virtual/" not in str(card.resolve())
    }
    permanent = {address for address in addresses if not int(address[:2] or "2", 16) & 2}
    assert set(components.get("mac", [])) == permanent
    assert components, "this machine shows nothing, so nothing was compared"


def _udev(path: str, name: str) -> str:
    return next((t[len(name) + 3 :] for t in cat(path).splitlines() if t[2:].startswith(name)), "")


def test_a_machine_shows_card_disk_and_machine_id(tree: Tree) -> None:
    tree.put("etc/machine-id", "8F2B9D3E6A514C07B1D0E4F5A6978812\n")
    tree.card("eno1", "d0:bf:9c:11:22:33")
    tree.disk("sda", udev="S5GXNX0T123456")
    assert tree.read() == {
        "mac": ["d0bf9c112233"],
        "os_id": ["8f2b9d3e6a514c07b1d0e4f5a6978812"],
        "disk_serial": ["S5GXNX0T123456"],
    }


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        pytest.param({"udev": "enxd0bf9c445566"}, ["d0bf9c445566"], id="udev knows it"),
        pytest.param({"assign_type": "1"}, [], id="made up at random"),
        pytest.param({"assign_type": "3"}, [], id="set by somebody"),
        pytest.param(
            {"assign_type": "3", "udev": "enxd0bf9c445566"}, ["d0bf9c445566"], id="set, but udev"
        ),
        pytest.param({"address": "02:bf:9c:11:22:33"}, [], id="locally administered"),
        pytest.param({"udev": "enx02bf9c445566"}, [], id="locally administered, says udev"),
        pytest.param({"address": "00:00:00:00:00:00"}, [], id="zeros"),
        pytest.param({"address": ""}, [], id="none"),
        pytest.param({"kind": "772"}, [], id="loopback"),
        pytest.param({"kind": "32"}, [], id="InfiniBand"),
        pytest.param({"place": "sys/devices/virtual/net"}, [], id="below devices/virtual"),
        pytest.param({"place": f"{NET}/usb1/1-1/1-1:1.0/net"}, [], id="plugged into USB"),
        pytest.param({"address": "52:54:00:11:22:33"}, [], id="QEMU's prefix is a local one"),
        pytest.param({"address": "00:50:56:11:22:33"}, ["005056112233"], id="VMware's is a card's"),
        pytest.param({"assign_type": "2"}, [], id="stolen from another card"),
        pytest.param({"assign_type": ""}, [], id="a kernel that does not tell whose it is"),
    ],
)
def test_which_network_cards_count(tree: Tree, card: dict[str, str], expected: list[str]) -> None:
    tree.card("eno1", **{"address": "d0:bf:9c:11:22:33", **card})  # type: ignore[arg-type]
    assert linux.macs(str(tree.root)) == expected


@pytest.mark.parametrize(
    ("device", "removable", "built_in"),
    [
        pytest.param("0000:00:1f.6", {}, True, id="on the board"),
        pytest.param("0000:00:07.0/0000:20:00.0", {"0000:00:07.0": "fixed"}, True, id="in a slot"),
        pytest.param("0000:00:1f.6", {"0000:00:1f.6": "removable"}, False, id="itself"),
        pytest.param(
            "0000:00:07.0/0000:20:00.0/0000:21:00.0",
            {"0000:00:07.0/0000:20:00.0": "removable"},
            False,
            id="what it hangs on",
        ),
        pytest.param("0000:00:07.0/0000:20:00.0", {"0000:00:07.0": "unknown"}, True, id="unknown"),
    ],
)
def test_what_can_be_taken_away_is_no_component(
    tree: Tree, device: str, removable: dict[str, str], built_in: bool
) -> None:
    tree.card("eno1", "d0:bf:9c:11:22:33", f"{NET}/{device}/net")
    tree.disk("nvme0n1", "S5GXNX0T1", f"{NET}/{device}/nvme/nvme0")
    for place, text in removable.items():
        tree.put(f"{NET}/{place}/removable", text + "\n")
    expected = {"mac": ["d0bf9c112233"], "disk_serial": ["S5GXNX0T1"]} if built_in else {}
    assert tree.read() == expected


def test_a_card_beside_a_thunderbolt_controller_is_built_in(tree: Tree) -> None:
    """Both hang on a switch of the board; only what is behind the controller's ports is not."""
    switch = f"{NET}/0000:00:01.0/0000:01:00.0"
    tree.put(
        f"{switch}/0000:02:01.0/0000:03:00.0/0000:04:00.0/0000:05:00.0/uevent", "DRIVER=thunderbolt"
    )
    tree.card("eno1", "d0:bf:9c:11:22:33", f"{switch}/0000:02:00.0/0000:09:00.0/net")
    assert tree.read() == {"mac": ["d0bf9c112233"]}


BOND = "proc/net/bonding/bond0"
CARD, ADDRESS = "Slave Interface: eno1\n", "Permanent HW addr: d0:bf:9c:44:55:66\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, [], id="the bond does not tell"),
        pytest.param({BOND: CARD + ADDRESS}, ["d0bf9c445566"], id="the bond tells"),
        pytest.param(
            {BOND: CARD + ADDRESS, "run/udev/data/n2": "E:ID_NET_NAME_MAC=enxd0bf9c778899\n"},
            ["d0bf9c778899"],
            id="udev was there before",
        ),
        pytest.param({BOND: CARD.replace("1", "2") + ADDRESS}, [], id="another card's"),
        pytest.param({BOND: ADDRESS + CARD}, [], id="nobody's"),
        pytest.param(
            {BOND: CARD + ADDRESS.replace("d0:", "d2:")}, [], id="locally administered before"
        ),
    ],
)
def test_a_card_in_a_bond_has_its_own_address(
    tree: Tree, files: dict[str, str], expected: list[str]
) -> None:
    tree.card("eno1", "d0:bf:9c:11:22:33", assign_type="3")
    for path, text in files.items():
        tree.put(path, text)
    assert linux.macs(str(tree.root)) == expected


def test_wsl_shows_only_its_installation(tree: Tree) -> None:
    """Its card is new at each start, and the disks are files, of which that for swapping is new."""
    tree.put("proc/sys/kernel/osrelease", "5.15.167.4-microsoft-standard-WSL2\n")
    tree.put("etc/machine-id", "a1" * 16)
    tree.card("eth0", "00:15:5d:a7:47:e7")
    tree.disk("sda", udev="60022480a7c1d35f0b6e8a41c2f79d06")
    assert tree.read() == {"os_id": ["a1" * 16]}


@pytest.mark.parametrize(
    ("disk", "expected"),
    [
        pytest.param({"serial": "VB1234"}, ["VB1234"], id="sysfs"),
        pytest.param({"device__serial": "S4EW NX0R"}, ["S4EW NX0R"], id="sysfs of the device"),
        pytest.param({"serial": "A", "udev": "B1"}, ["B1"], id="udev first"),
        pytest.param({}, [], id="none reported"),
        pytest.param({"serial": "To Be Filled By O.E.M."}, [], id="a placeholder"),
        pytest.param({"serial": "0000000000"}, [], id="zeros"),
        pytest.param({"serial": "X1", "place": "sys/devices/virtual/block"}, [], id="loop or zram"),
        pytest.param({"serial": "X1", "place": f"{NET}/usb2/2-1/block"}, [], id="a USB drive"),
        pytest.param({"serial": "X1", "removable": "1"}, [], id="a disc drive"),
        pytest.param({"serial": "X1", "device__type": "SD"}, [], id="an SD card"),
        pytest.param({"serial": "0x1234", "device__type": "MMC"}, ["0x1234"], id="built-in flash"),
        pytest.param(
            {"serial": "AWS66337A23B237EFE14", "device__model": "Amazon EC2 NVMe Instance Storage"},
            [],
            id="Amazon's that ends with the instance",
        ),
        pytest.param({"serial": "AWS66337A23B237EFE14"}, [], id="Amazon's without its model"),
        pytest.param({"serial": "AWS66337A23B237EFE1"}, ["AWS66337A23B237EFE1"], id="not Amazon's"),
        pytest.param(
            {"serial": "vol04b63ac805c7c73a5", "device__model": "Amazon Elastic Block Store"},
            ["vol04b63ac805c7c73a5"],
            id="Amazon's that lasts",
        ),
        pytest.param({"serial": "x1", "device__model": "nvme_card0"}, [], id="Google's, numbered"),
        pytest.param(
            {"serial": "x1", "device__model": "nvme_card-pd"}, ["x1"], id="Google's, lasts"
        ),
        pytest.param({"serial": "nvme_card-pd"}, [], id="Google's for every disk"),
        pytest.param(
            {"serial": "1cf3", "device__model": "Microsoft NVMe Direct Disk"}, [], id="Azure's"
        ),
        pytest.param(
            {"serial": "1cf3", "device__model": "MSFT NVMe Accelerator v1.0"},
            ["1cf3"],
            id="Azure's that lasts",
        ),
    ],
)
def test_which_disks_count(tree: Tree, disk: dict[str, str], expected: list[str]) -> None:
    tree.disk("sda", **disk)
    assert linux.disk_serials(str(tree.root)) == expected


MOUNT = "31 22 0:23 /machine-id /etc/machine-id ro shared:6 master:2 - {} rw,mode=755\n"
OVER = "22 1 0:21 / / ro - overlay overlay ro\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"etc/machine-id": "a1" * 16}, ["a1" * 16]),
        ({"var/lib/dbus/machine-id": "a1" * 16}, ["a1" * 16]),
        ({"etc/machine-id": "", "var/lib/dbus/machine-id": "a1" * 16}, ["a1" * 16]),
        ({"etc/machine-id": "uninitialized"}, []),
        ({"etc/machine-id": "uninitialized", "var/lib/dbus/machine-id": "a1" * 16}, []),
        ({"etc/machine-id": "0" * 32}, []),
        ({}, []),
    ],
)
def test_the_machine_id(tree: Tree, files: dict[str, str], expected: list[str]) -> None:
    for path, text in files.items():
        tree.put(path, text + "\n")
    assert linux.os_ids(str(tree.root)) == expected


@pytest.mark.parametrize(
    ("mounts", "lasts"),
    [
        pytest.param(MOUNT.format("tmpfs tmpfs"), False, id="systemd's for one boot"),
        pytest.param(OVER + MOUNT.format("tmpfs none"), False, id="over a read-only root"),
        pytest.param(MOUNT.format("tmpfs tmpfs") + OVER, False, id="in any order"),
        pytest.param(MOUNT.format("ramfs ramfs"), False, id="in memory otherwise"),
        pytest.param(
            MOUNT.format("ext4 /dev/sda3") + MOUNT.format("tmpfs tmpfs"),
            False,
            id="the last is seen",
        ),
        pytest.param(
            MOUNT.format("tmpfs tmpfs") + MOUNT.format("ext4 /dev/sda3"), True, id="made lasting"
        ),
        pytest.param(MOUNT.format("ext4 /dev/sda3"), True, id="kept on another partition"),
        pytest.param("22 1 0:21 / / rw - tmpfs tmpfs rw\n", False, id="the root is in memory"),
        pytest.param(
            "22 1 0:21 / / rw - tmpfs tmpfs rw\n30 22 8:1 /etc /etc rw - ext4 /dev/sda1 rw\n",
            True,
            id="a sandbox with the folder of its host",
        ),
        pytest.param(
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 22 0:30 / /etc rw - tmpfs tmpfs rw\n",
            False,
            id="the folder is in memory",
        ),
        pytest.param("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n", True, id="an installed system"),
        pytest.param(
            "22 1 8:1 / / ro - ext4 /dev/sda1 ro\n25 22 0:24 / /run rw - tmpfs tmpfs rw\n"
            "30 22 0:30 / /etc rw - overlay overlay rw,lowerdir=/etc,upperdir=/run/overlay/etc\n",
            False,
            id="the folder's overlay writes into memory",
        ),
        pytest.param(
            "22 1 8:1 / / ro - ext4 /dev/sda1 ro\n25 22 8:3 / /var rw - ext4 /dev/sda3 rw\n"
            "30 22 0:30 / /etc rw - overlay overlay rw,lowerdir=/etc,upperdir=/var/overlay/etc\n",
            True,
            id="the folder's overlay writes to a disk",
        ),
        pytest.param(
            "22 1 0:28 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/var/lib/docker/d\n",
            True,
            id="a container's layers",
        ),
        pytest.param("30 22 0:30 / /etc/machine-id.d rw - tmpfs t rw\n", True, id="another file"),
        pytest.param("31 22\nnonsense - \n", True, id="lines that say nothing"),
    ],
)
def test_a_machine_id_in_memory_ends_with_the_boot(tree: Tree, mounts: str, lasts: bool) -> None:
    tree.put("etc/machine-id", "a1" * 16)
    tree.put("proc/self/mountinfo", mounts)
    assert linux.os_ids(str(tree.root)) == (["a1" * 16] if lasts else [])


def test_a_machine_id_that_links_into_memory_ends_with_the_boot(tree: Tree) -> None:
    tree.put("run/machine-id", "a1" * 16)
    tree.link("etc", "machine-id", "run/machine-id")
    tree.put("proc/self/mountinfo", "20 1 0:24 / /run rw - tmpfs tmpfs rw\n")
    assert linux.os_ids(str(tree.root)) == []


@pytest.mark.parametrize(
    ("files", "environment"),
    [
        ({"sys/class/dmi/id/sys_vendor": "LENOVO"}, "physical"),
        ({"sys/class/dmi/id/sys_vendor": "QEMU"}, "virtual"),
        (
            {
                "sys/class/dmi/id/sys_vendor": "Microsoft Corporation",
                "sys/class/dmi/id/product_name": "Virtual Machine",
            },
            "virtual",
        ),
        ({"sys/class/dmi/id/sys_vendor": "Microsoft Corporation"}, "physical"),
        ({"proc/cpuinfo": "processor: 0\nflags\t\t: fpu hypervisor\n"}, "virtual"),
        ({"proc/cpuinfo": "processor: 0\nflags\t\t: fpu\n"}, "physical"),
        ({"sys/hypervisor/type": "xen"}, "virtual"),
        ({".dockerenv": ""}, "container"),
        ({"run/.containerenv": ""}, "container"),
        ({"run/host/container-manager": "systemd-nspawn\n"}, "container"),
        ({"proc/1/cgroup": "0::/kubepods/besteffort/pod1\n"}, "container"),
        (
            {
                "proc/self/mountinfo": "1063 1062 0:64 /proc/cpuinfo /proc/cpuinfo rw,relatime"
                " - fuse.lxcfs lxcfs rw,user_id=0\n"
            },
            "container",
        ),
        (
            {
                "proc/self/mountinfo": "30 1 259:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n"
                "88 30 0:51 / /var/lib/docker/overlay2/81d1/merged rw - overlay overlay"
                " rw,lowerdir=/var/lib/docker/overlay2/l/XXQH\n"
                "90 30 0:52 / /var/lib/lxcfs rw,relatime - fuse.lxcfs lxcfs rw\n",
                "sys/class/dmi/id/sys_vendor": "LENOVO",
            },
            "physical",
        ),
        (
            {
                "proc/self/mountinfo": "30 1 0:28 / / rw - overlay overlay"
                " rw,lowerdir=/media/root-ro,upperdir=/media/root-rw/overlay\n",
                "sys/class/dmi/id/sys_vendor": "LENOVO",
            },
            "physical",
        ),
        ({}, "unknown"),
    ],
)
def test_the_environment(tree: Tree, files: dict[str, str], environment: str) -> None:
    for path, text in files.items():
        tree.put(path, text)
    assert linux.environment(str(tree.root)) == environment


def test_the_user_is_read_from_the_password_file(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.put("etc/passwd", "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n")
    monkeypatch.setattr("os.getuid", lambda: 1000)
    assert linux.users(str(tree.root)) == ["anna"]


def test_the_name_of_the_system(tree: Tree) -> None:
    assert linux.os_name(str(tree.root)) == "Linux"
    tree.put("etc/os-release", 'ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    assert linux.os_name(str(tree.root)) == "Debian GNU/Linux 12 (bookworm)"
