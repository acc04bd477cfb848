"""Where a computer runs, in its owner's words: processor and firmware decide, not one sign."""

from pathlib import Path

import pytest

from keyferry.machine import linux, macos, windows
from tests.support.machines import Tree, board, smbios, structure, system

DMI = "sys/class/dmi/id"
X86 = "processor\t: 0\nflags\t\t: fpu vme vmx sse sse2\n"
X86_BELOW_A_HYPERVISOR = "processor\t: 0\nflags\t\t: fpu vme vmx sse sse2 hypervisor\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd evtstrm aes cpuid\n"
Files = dict[str, str]


def firmware(vendor: str, product: str = "", **others: str) -> Files:
    names = {"sys_vendor": vendor, "product_name": product, **others}
    return {f"{DMI}/{name}": f"{text}\n" for name, text in names.items()}


def processor(text: str) -> Files:
    return {"proc/cpuinfo": text}


def mounts(*lines: str) -> Files:
    return {"proc/self/mountinfo": "".join(f"{line}\n" for line in lines)}


LAPTOP = firmware("LENOVO", "20N2S00600") | processor(X86)
HOST = firmware("LENOVO", "20N2S00600") | processor(X86_BELOW_A_HYPERVISOR)
ON_A_DISK = "30 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw"
LINUX: dict[str, tuple[Files, str]] = {
    "a laptop": (LAPTOP, "physical"),
    "the root partition of Hyper-V": (HOST, "physical"),
    "Xen's dom0": (
        HOST | {"sys/hypervisor/type": "xen\n", "proc/xen/capabilities": "control_d\n"},
        "physical",
    ),
    "Xen's dom0, its /proc/xen not mounted": (
        HOST | {"sys/hypervisor/type": "xen\n", "sys/hypervisor/properties/features": "00000b05\n"},
        "physical",
    ),
    "a guest of Xen": (
        processor(X86) | {"sys/hypervisor/type": "xen\n", "proc/xen/capabilities": "\n"},
        "virtual",
    ),
    "a guest of KVM with its host's firmware": (
        HOST | {"sys/bus/pci/devices/0000:00:03.0/vendor": "0x1af4\n"},
        "virtual",
    ),
    "a guest of VMware with its host's firmware": (
        HOST | {"sys/bus/pci/devices/0000:00:0f.0/vendor": "0x15ad\n"},
        "virtual",
    ),
    "a guest of Hyper-V with its host's firmware": (
        HOST | {"sys/bus/vmbus/devices/5620e0c7/class_id": "{ba6163d9}\n"},
        "virtual",
    ),
    "a guest of VirtualBox with its host's firmware": (
        HOST | {f"{DMI}/board_vendor": "Oracle Corporation\n"},
        "virtual",
    ),
    "a guest whose firmware says nothing": (processor(X86_BELOW_A_HYPERVISOR), "virtual"),
    "Firecracker on x86": (processor(X86_BELOW_A_HYPERVISOR) | firmware("", ""), "virtual"),
    "QEMU, its manufacturer made up": (
        firmware("Tilaa", "VPS", bios_vendor="SeaBIOS") | processor(X86_BELOW_A_HYPERVISOR),
        "virtual",
    ),
    "Proxmox, its manufacturer made up": (
        firmware("ACME", "Desk", bios_vendor="Proxmox distribution of EDK II"),
        "virtual",
    ),
    "QEMU with its own product alone": (
        firmware("ACME", "Standard PC (Q35 + ICH9, 2009)") | processor(X86_BELOW_A_HYPERVISOR),
        "virtual",
    ),
    "QEMU that hides its hypervisor": (firmware("QEMU", "Standard PC") | processor(X86), "virtual"),
    "KubeVirt": (firmware("KubeVirt", "None") | processor(X86_BELOW_A_HYPERVISOR), "virtual"),
    "KubeVirt on arm64": (firmware("KubeVirt", "None") | processor(ARM), "virtual"),
    "OpenShift Virtualization on arm64": (
        firmware("Red Hat", "OpenShift Virtualization") | processor(ARM),
        "virtual",
    ),
    "Cloud Hypervisor": (firmware("Cloud Hypervisor", "cloud-hypervisor"), "virtual"),
    "a server of Xenon, not of Xen": (
        firmware("XENON", "RADON R2540") | processor(X86),
        "physical",
    ),
    "a server of Oracle": (
        firmware("Oracle Corporation", "SUN FIRE X4270 M3", board_vendor="Oracle Corporation")
        | processor(X86_BELOW_A_HYPERVISOR),
        "physical",
    ),
    "a Surface": (
        firmware("Microsoft Corporation", "Surface Laptop 3") | processor(X86),
        "physical",
    ),
    "a Chromebook of Google": (firmware("Google", "Eve") | processor(X86), "physical"),
    # Clouds
    "Google": (
        firmware("Google", "Google Compute Engine") | processor(X86_BELOW_A_HYPERVISOR),
        "virtual",
    ),
    "Google, bare metal": (
        firmware("Google", "Google Compute Engine") | processor(X86),
        "physical",
    ),
    "Google on arm64": (firmware("Google", "Google Compute Engine") | processor(ARM), "virtual"),
    "Amazon": (firmware("Amazon EC2", "m5d.large") | processor(X86_BELOW_A_HYPERVISOR), "virtual"),
    "Amazon, bare metal": (firmware("Amazon EC2", "m7i.metal-24xl") | processor(X86), "physical"),
    "Amazon on arm64": (firmware("Amazon EC2", "m7g.large") | processor(ARM), "virtual"),
    "Amazon on arm64, bare metal": (
        firmware("Amazon EC2", "c7g.metal") | processor(ARM),
        "physical",
    ),
    "Alibaba": (
        firmware("Alibaba Cloud", "Alibaba Cloud ECS") | processor(X86_BELOW_A_HYPERVISOR),
        "virtual",
    ),
    "Alibaba, bare metal": (
        firmware("Alibaba Cloud", "Alibaba Cloud ECS") | processor(X86),
        "physical",
    ),
    "Oracle's cloud": (
        firmware("QEMU", "Standard PC", chassis_asset_tag="OracleCloud.com")
        | processor(X86_BELOW_A_HYPERVISOR),
        "virtual",
    ),
    "Oracle's cloud, bare metal": (
        firmware("Oracle Corporation", "ORACLE SERVER X9-2c", chassis_asset_tag="OracleCloud.com")
        | processor(X86),
        "physical",
    ),
    "Oracle's cloud on arm64": (
        firmware("QEMU", "KVM Virtual Machine") | processor(ARM),
        "virtual",
    ),
    "Equinix Metal": (firmware("Dell Inc.", "PowerEdge R6515") | processor(X86), "physical"),
    "Scaleway": (firmware("Scaleway", "SCW-DEV1-S") | processor(X86_BELOW_A_HYPERVISOR), "virtual"),
    "Scaleway on arm64": (firmware("Scaleway", "SCW-COPARM1-2C-8G") | processor(ARM), "virtual"),
    "Vultr, bare metal": (firmware("Vultr", "VBM-4C-32GB") | processor(X86), "physical"),
    "UpCloud": (firmware("UpCloud", "") | processor(X86_BELOW_A_HYPERVISOR), "virtual"),
    "Hetzner's server on arm64": (firmware("Hetzner", "vServer") | processor(ARM), "virtual"),
    "Azure on arm64": (
        firmware("Microsoft Corporation", "Virtual Machine") | processor(ARM),
        "virtual",
    ),
    # arm64
    "a guest on a Mac": (
        firmware("Apple Inc.", "Apple Virtualization Generic Platform") | processor(ARM),
        "virtual",
    ),
    "a guest on a Mac, of Parallels": (
        firmware("Parallels International GmbH.", "Parallels ARM Virtual Machine") | processor(ARM),
        "virtual",
    ),
    "a guest on arm64 of a cloud that no list has": (
        firmware("ACME", "Cloud 1")
        | processor(ARM)
        | {"sys/bus/pci/devices/0000:00:01.0/vendor": "0x1af4\n"},
        "virtual",
    ),
    "a guest on arm64 with a device tree": (
        processor(ARM) | {"proc/device-tree/compatible": "linux,dummy-virt\0"},
        "virtual",
    ),
    "a Raspberry Pi": (
        processor(ARM) | {"proc/device-tree/compatible": "raspberrypi,4-model-b\0"},
        "unknown",
    ),
    # WSL
    "WSL 2": (
        {"proc/sys/kernel/osrelease": "5.15.167.4-microsoft-standard-WSL2\n"}
        | processor(X86_BELOW_A_HYPERVISOR),
        "virtual",
    ),
    "WSL 2 with systemd": (
        {"proc/sys/kernel/osrelease": "6.6.87.2-microsoft-standard-WSL2\n"}
        | {"run/systemd/container": "wsl\n"},
        "virtual",
    ),
    "WSL 2 from an exported image of Docker": (
        {"proc/sys/kernel/osrelease": "6.6.87.2-microsoft-standard-WSL2\n", ".dockerenv": ""}
        | mounts("30 1 8:32 / / rw,relatime - ext4 /dev/sdc rw,discard"),
        "virtual",
    ),
    "Docker on WSL 2": (
        {"proc/sys/kernel/osrelease": "6.6.87.2-microsoft-standard-WSL2\n", ".dockerenv": ""}
        | mounts("30 1 0:60 / / rw - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/XX"),
        "container",
    ),
    # Sandboxes, and what is left over
    "an application from Flatpak": (
        LAPTOP | {"run/host/container-manager": "flatpak\n", ".flatpak-info": "[Application]\n"},
        "physical",
    ),
    "an application from Snap": (
        LAPTOP
        | {"proc/1/cgroup": "0::/init.scope\n"}
        | mounts(
            "577 560 7:3 / / ro,nodev,relatime master:19 - squashfs /dev/loop3 ro,errors=continue",
            "610 577 259:2 /etc /etc rw,relatime master:1 - ext4 /dev/nvme0n1p2 rw",
            "611 577 259:2 / /var/lib/snapd/hostfs rw,relatime master:1 - ext4 /dev/nvme0n1p2 rw",
            "612 577 0:51 / /var/lib/snapd/hostfs/var/lib/docker/overlay2/81/merged rw - overlay"
            " overlay rw,lowerdir=/var/lib/docker/overlay2/l/XX",
        ),
        "physical",
    ),
    "an application in bubblewrap": (
        LAPTOP
        | {"proc/1/cgroup": "0::/user.slice/user-1000.slice/app.slice/app-gnome-lab-4711.scope\n"}
        | mounts(
            "701 593 0:59 / / rw,nosuid,nodev,relatime - tmpfs tmpfs rw,uid=1000",
            "702 701 259:2 /usr /usr ro,relatime master:1 - ext4 /dev/nvme0n1p2 rw",
            "703 701 259:2 /etc/hosts /etc/hosts ro,relatime master:1 - ext4 /dev/nvme0n1p2 rw",
        ),
        "physical",
    ),
    "a game in Steam's runtime": (
        LAPTOP | {"run/host/container-manager": "pressure-vessel\n"},
        "physical",
    ),
    "a system unpacked from an image of Docker": (
        LAPTOP | {".dockerenv": "", "proc/1/cgroup": "0::/init.scope\n"} | mounts(ON_A_DISK),
        "physical",
    ),
    "the same, /proc of others hidden": (
        LAPTOP | {".dockerenv": ""} | mounts(ON_A_DISK),
        "physical",
    ),
    "the same on ZFS": (
        LAPTOP | {".dockerenv": ""} | mounts("30 1 0:26 / / rw - zfs rpool/ROOT/lab rw,xattr"),
        "physical",
    ),
    "the same on a subvolume of Btrfs": (
        LAPTOP | {".dockerenv": ""} | mounts("30 1 0:26 /@ / rw - btrfs /dev/sda2 rw,subvol=/@"),
        "physical",
    ),
    "the same, read-only below an overlay": (
        LAPTOP
        | {".dockerenv": "", "proc/1/cgroup": "0::/init.scope\n"}
        | mounts("30 1 0:28 / / rw - overlay overlay rw,lowerdir=/ro,upperdir=/rw"),
        "physical",
    ),
    "the same in a guest": (
        firmware("QEMU", "Standard PC") | {".dockerenv": ""} | mounts(ON_A_DISK),
        "virtual",
    ),
    "a host of many containers": (
        LAPTOP
        | {"proc/1/cgroup": "0::/init.scope\n"}
        | mounts(
            ON_A_DISK,
            "88 30 0:51 / /var/lib/docker/overlay2/81/merged rw - overlay overlay"
            " rw,lowerdir=/var/lib/docker/overlay2/l/XX",
        ),
        "physical",
    ),
    # Containers
    "Docker": (
        LAPTOP
        | {".dockerenv": "", "proc/1/cgroup": "0::/\n"}
        | mounts(
            "600 500 0:60 / / rw - overlay overlay rw,lowerdir=/data/overlay2/l/XX",
            "610 600 8:2 /x/docker/containers/4f1c/hostname /etc/hostname rw - ext4 /dev/sda2 rw",
        ),
        "container",
    ),
    "Docker whose mounts are hidden": (LAPTOP | {".dockerenv": ""}, "container"),
    "Docker with gVisor": (
        {".dockerenv": "", "proc/1/cgroup": "0::/\n"}
        | mounts("1 0 0:1 / / rw - 9p none rw,trans=fd"),
        "container",
    ),
    "Docker that keeps its layers on Btrfs": (
        {".dockerenv": ""}
        | mounts(
            "600 500 0:26 /@/var/lib/docker/btrfs/subvolumes/4f1c / rw - btrfs /dev/sda2 rw",
        ),
        "container",
    ),
    "Podman": (LAPTOP | {"run/.containerenv": 'engine="podman-4.9"\n'}, "container"),
    "Podman as an export has it": (LAPTOP | {"run/.containerenv": ""}, "container"),
    "LXC with systemd": (LAPTOP | {"run/systemd/container": "lxc\n"}, "container"),
    "LXC with its own /proc": (
        LAPTOP | mounts("9 8 0:64 /proc/cpuinfo /proc/cpuinfo rw - fuse.lxcfs lxcfs rw"),
        "container",
    ),
    "systemd-nspawn": (LAPTOP | {"run/host/container-manager": "systemd-nspawn\n"}, "container"),
    "Kubernetes": (
        LAPTOP | {"proc/1/cgroup": "0::/kubepods.slice/pod1/cri-1.scope\n"},
        "container",
    ),
    "Kubernetes with a private view of groups": (
        LAPTOP
        | {"proc/1/cgroup": "0::/\n"}
        | mounts(
            "9 8 8:1 /var/lib/kubelet/pods/4f1c/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw",
        ),
        "container",
    ),
    "Amazon ECS": (LAPTOP | {"proc/1/cgroup": "9:memory:/ecs/4f1c/9d7f\n"}, "container"),
    "an unknown computer": ({}, "unknown"),
}


@pytest.mark.parametrize("computer", LINUX)
def test_the_environment_of_each_linux(tmp_path: Path, computer: str) -> None:
    files, expected = LINUX[computer]
    tree = Tree(tmp_path)
    for path, text in files.items():
        tree.put(path, text)
    assert linux.environment(str(tmp_path)) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        pytest.param("platform/soc/30890000.remoteproc/virtio0", "physical", id="a coprocessor"),
        pytest.param("platform/a003e00.virtio-mmio/virtio0", "virtual", id="virtio in memory"),
        pytest.param("pci0000:00/0000:00:02.0/virtio0", "virtual", id="virtio on PCI"),
    ],
)
def test_virtio_tells_a_guest_only_where_a_hypervisor_puts_it(
    tmp_path: Path, place: str, expected: str
) -> None:
    tree = Tree(tmp_path)
    for path, text in (firmware("NXP", "i.MX8MP") | processor(ARM)).items():
        tree.put(path, text)
    tree.put(f"sys/devices/{place}/device", "0x0007\n")
    tree.link("sys/bus/virtio/devices", "virtio0", f"sys/devices/{place}")
    assert linux.environment(str(tmp_path)) == expected


@pytest.mark.parametrize("sign", ["run/WSL/1_interop", "proc/sys/fs/binfmt_misc/WSLInterop"])
def test_wsl_is_known_with_a_kernel_of_the_users_own(tmp_path: Path, sign: str) -> None:
    tree = Tree(tmp_path)
    tree.put("proc/sys/kernel/osrelease", "6.12.1-homemade\n")
    tree.put(sign, "")
    assert linux.environment(str(tmp_path)) == "virtual"


def test_only_the_first_processor_is_read(tmp_path: Path) -> None:
    """A server of 256 processors prints more than a megabyte, which takes milliseconds to make."""
    tree = Tree(tmp_path)
    tree.put("proc/cpuinfo", X86 + "x" * 9000 + X86_BELOW_A_HYPERVISOR)
    assert linux.environment(str(tmp_path)) == "physical"


# Windows


def bios(vendor: str = "LENOVO", virtual: bool = False) -> bytes:
    """Structure 0 (SMBIOS, DSP0134, 7.1): its bit 4 of byte 19 is set by a guest's firmware."""
    return structure(0, bytes([1]) + bytes(14) + bytes([0x10 if virtual else 0]) + bytes(4), vendor)


WINDOWS = {
    "a PC": (smbios(bios(), system("LENOVO", "20N2S00600"), board()), "physical"),
    "a PC with Hyper-V, WSL 2 and VBS on": (
        smbios(bios(), system("Dell Inc.", "Latitude 7440"), board()),
        "physical",
    ),
    "a guest of Hyper-V": (smbios(system("Microsoft Corporation", "Virtual Machine")), "virtual"),
    "a Surface": (smbios(system("Microsoft Corporation", "Surface Pro 9")), "physical"),
    "KubeVirt": (smbios(system("KubeVirt", "None")), "virtual"),
    "OpenShift Virtualization": (smbios(system("Red Hat", "OpenShift Virtualization")), "virtual"),
    "a guest whose firmware says so itself": (
        smbios(bios("ACME", virtual=True), system("ACME", "Cloud 1")),
        "virtual",
    ),
    "QEMU, its manufacturer made up": (
        smbios(bios("SeaBIOS"), system("ACME", "Cloud 1")),
        "virtual",
    ),
    "Amazon, bare metal": (
        smbios(bios("Amazon EC2"), system("Amazon EC2", "m5.metal")),
        "physical",
    ),
    "Amazon": (smbios(bios("Amazon EC2"), system("Amazon EC2", "m5.large")), "virtual"),
    "no firmware": (b"", "unknown"),
    "firmware without a system": (smbios(bios("SeaBIOS")), "unknown"),
}


@pytest.mark.parametrize("computer", WINDOWS)
def test_the_environment_of_each_windows(computer: str) -> None:
    table, expected = WINDOWS[computer]
    assert windows.environment(table) == expected


@pytest.mark.parametrize(
    ("hypervisor", "model", "expected"),
    [
        pytest.param("0", "Mac15,6", "physical", id="a Mac, with or without guests"),
        pytest.param("1", "VirtualMac2,1", "virtual", id="a guest on Apple silicon"),
        pytest.param("", "VMware7,1", "virtual", id="a guest of VMware under an old macOS"),
        pytest.param("", "MacBookPro11,3", "unknown", id="an old macOS"),
        pytest.param("0", "Macmini8,1", "physical", id="Amazon's mac1.metal"),
    ],
)
def test_the_environment_of_a_mac(hypervisor: str, model: str, expected: str) -> None:
    assert macos.environment(hypervisor, model) == expected
