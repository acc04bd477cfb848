"""The readers with the recorded answers of real machines; `recorded/README.md` names the sources.

The expected values were read from the recordings by hand.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from keyferry.machine import linux, macos, windows
from tests.unit.client.recordings import (
    linux_tree,
    macos_answers,
    names,
    parts,
    windows_answers,
)

LINUX = {
    "alibaba-bare-metal-arm64": "physical",
    "alibaba-cloud": "virtual",
    "alibaba-cloud-arm64": "virtual",
    "azure-temporary-disk": "unknown",
    "bhyve": "virtual",
    "bond": "unknown",
    "docker-cgroup1": "container",
    "docker-cgroup2": "container",
    "docker-cgroup2-ext4": "container",
    "docker-export-on-metal": "physical",
    "ec2-a1-arm64": "virtual",
    "ec2-c5": "virtual",
    "ec2-i3-metal": "physical",
    "ec2-instance-storage": "unknown",
    "ec2-m6g-metal-arm64": "physical",
    "ec2-xen": "virtual",
    "flatpak": "physical",
    "gce-c3-metal": "physical",
    "google-cloud-arm64": "virtual",
    "google-local-ssd": "unknown",
    "host-of-containers": "unknown",
    "hyper-v": "virtual",
    "kubernetes-containerd": "container",
    "kubernetes-docker": "container",
    "kubevirt-arm64": "virtual",
    "kvm-bochs": "virtual",
    "kvmtool-arm64": "virtual",
    "librerouter": "unknown",
    "lxc-btrfs": "container",
    "nutanix-ahv": "virtual",
    "openstack-arm64": "virtual",
    "oracle-x3-2l": "physical",
    "parallels": "virtual",
    "podman-cgroup1": "container",
    "qemu-arm64": "virtual",
    "raspbian-transient-id": "unknown",
    "rhev": "virtual",
    "sriov": "unknown",
    "sysfs-intel-server": "unknown",
    "thinkpad-dock": "unknown",
    "thinkpad-t510": "physical",
    "thunderbolt-nuc": "unknown",
    "udev-virtio-disk": "unknown",
    "udev-vmware": "unknown",
    "udev-wifi": "unknown",
    "vmware-esx": "virtual",
    "virtualbox-host-firmware": "virtual",
    "vmware-esx-arm64": "virtual",
    "wsl1": "virtual",
    "wsl2": "virtual",
    "wsl2-systemd": "virtual",
    "xen-arm64": "virtual",
    "xen-dom0": "physical",
    "xen-domu": "virtual",
}
LINUX_COMPONENTS = {
    "azure-temporary-disk": {"disk_serial": ["60022480a7c1d35f0b6e8a41c2f79d06"]},
    "bond": {"mac": ["000c29f5b711", "000c29f5b71b"]},
    "ec2-instance-storage": {"disk_serial": ["vol04b63ac805c7c73a5"]},
    "flatpak": {"os_id": ["8f2b9d3e6a514c07b1d0e4f5a6978812"]},
    "google-local-ssd": {"disk_serial": ["instance-1"]},
    "sriov": {"mac": ["b82a72d4109a"]},
    "sysfs-intel-server": {"mac": ["a0369fcb198d"]},
    "thinkpad-dock": {"mac": ["8c8caa000001"]},
    "udev-vmware": {"mac": ["000c29d21e2e"]},
    "thunderbolt-nuc": {"mac": ["94c6910b3e52", "94c6910b3e53"]},
    "udev-virtio-disk": {"disk_serial": ["data"]},
}


def uuid(value: str, board: str = "") -> dict[str, list[str]]:
    return {"smbios_uuid": [value], **({"board_serial": [board]} if board else {})}


# Windows swaps the first three fields of every UUID, dmidecode only from SMBIOS 2.6 on.
WINDOWS = {
    "alibaba-cloud": ("virtual", uuid("20fb1c97-feb0-4c45-b8b9-bb06feeba0b5")),
    "dell-cut-off": ("unknown", {}),
    "ec2-c5": ("virtual", uuid("ec2cecdd-c1c8-7a71-0ea8-aef580c9f845")),
    "ec2-i3-metal": ("physical", uuid("ec2240c6-8e37-edcf-72ac-7951361680f2")),
    "endorsement-key-1": (
        "unknown",
        {"tpm_key": ["388fea6b7e1701c3a3f6db3e8aa33d300f76b1bd617da959b09288d81c2a5d62"]},
    ),
    "endorsement-key-2": (
        "unknown",
        {"tpm_key": ["25ea9c298dc6bb0c34fb7022ac7f6c2300372fe22199c47f055c433b2fdf43ee"]},
    ),
    "gigabyte-ma74": ("physical", uuid("31433646-3635-3532-3445-3546ffffffff")),
    "google-cloud": (
        "virtual",
        uuid(
            "957edc41-6c53-b28f-6da3-5168b6f8648d",
            "Board-GoogleCloud-957EDC416C53B28F6DA35168B6F8648D",
        ),
    ),
    "hyper-v": (
        "virtual",
        uuid("543c1287-ba42-4d69-90ff-fd3b05dcdb42", "9531-7949-1919-0512-8596-0146-27"),
    ),
    "npcap-loopback": ("unknown", {}),
    "nutanix-ahv": ("virtual", uuid("b913c223-eede-4dfc-bb43-be1495f4388d")),
    "nvme-disk": ("unknown", {"disk_serial": ["ACE4_2E00_0502_2B01."]}),
    "parallels": ("virtual", uuid("34ff6b1c-960f-df46-a0f6-60d15356b85a")),
    "rhev": ("virtual", uuid("469665c0-69f7-436b-bbf3-6632988bedc8")),
    "surface-laptop-3": ("unknown", {"board_serial": ["B009250100J1939B"]}),
    "thinkpad-t510": ("physical", uuid("806f8c2b-5cb1-df11-9cfd-b727e82cf6bb", "1ZHXV08ACAF")),
    "thinkstation-p520": ("physical", uuid("3e2501d2-e648-e811-bad3-7020840f9d47")),
    "vmware-esx": ("virtual", uuid("2cbc4d56-c90f-2a1f-bdd6-7e67436b3541")),
}
MACOS = {
    "mac-t2": {"mac": ["14c213ec9fdd"]},  # not the T2 chip's own, which is the same in all
    "macbook-air-m1": {"smbios_uuid": ["998026d6-b382-5f3d-853f-b7b023e38f9b"]},
    "macbook-pro-m1-sequoia": {"mac": ["bcd0744f0001"]},
    "macbook-pro-m1-sonoma": {"mac": ["bcd0744f0001"]},
}


@pytest.mark.parametrize(
    ("system", "known"), [("linux", LINUX), ("windows", WINDOWS), ("macos", MACOS)]
)
def test_every_recording_is_tested(system: str, known: dict[str, object]) -> None:
    assert names(system) == set(known)


@pytest.mark.parametrize("name", LINUX)
def test_components_of_each_recorded_linux(tmp_path: Path, name: str) -> None:
    root = str(linux_tree(tmp_path, name).root)
    assert linux.environment(root) == LINUX[name]
    assert linux.components(root) == LINUX_COMPONENTS.get(name, {})


@pytest.mark.parametrize("name", WINDOWS)
def test_components_of_each_recorded_windows(name: str) -> None:
    recorded = windows_answers(name)
    assert (windows.environment(recorded.smbios), windows.components(recorded)) == WINDOWS[name]


@pytest.mark.parametrize("name", ["endorsement-key-1", "endorsement-key-2"])
def test_an_endorsement_key_hash_matches_the_one_of_its_tpm(name: str) -> None:
    public = bytes.fromhex(parts("windows", name)["public"])
    assert windows.tpm_keys(windows_answers(name).endorsement_key) == [sha256(public).hexdigest()]


def test_any_truncated_windows_table_is_read_up_to_the_cut() -> None:
    types = [structure.type for structure in windows.structures(windows_answers("dell-cut-off")[0])]
    assert types == [218]


@pytest.mark.parametrize("name", MACOS)
def test_components_of_each_recorded_mac(name: str) -> None:
    assert macos.components(macos_answers(name)) == MACOS[name]


# Root against plain user


def as_nobody(root: str) -> object:
    """What a plain user reads: a child process that drops root first."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.write(writing, json.dumps(read_machine(root)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        output = answer.read()
    os.waitpid(child, 0)
    return json.loads(output)


def read_machine(root: str) -> object:
    return [linux.environment(root), linux.components(root)]


@pytest.fixture
def laptop() -> Iterator[str]:
    """A laptop's root folder with the files that Linux shows only to root."""
    folder = Path(tempfile.mkdtemp())
    tree = linux_tree(folder, "thinkpad-t510")
    tree.put("etc/machine-id", "8f2b9d3e6a514c07b1d0e4f5a6978812\n")
    tree.card("eno1", "d0:bf:9c:11:22:33")
    tree.disk("sda", udev="S5GXNX0T123456")
    for path in (
        "sys/class/dmi/id/product_uuid",
        "sys/class/dmi/id/product_serial",
        "sys/class/dmi/id/board_serial",
        "proc/1/environ",
    ):
        tree.put(path, "container=lxc\0")
        (folder / path).chmod(0o400)
    for part in (folder, *folder.rglob("*")):
        if part.is_dir() and not part.is_symlink():
            part.chmod(0o755)
    yield str(folder)
    shutil.rmtree(folder)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become a plain user")
@pytest.mark.parametrize("where", ["this machine", "a laptop"])
def test_root_and_a_plain_user_see_the_same_machine(where: str, laptop: str) -> None:
    root = "/" if where == "this machine" else laptop
    assert as_nobody(root) == read_machine(root)
