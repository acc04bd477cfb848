"""Whether a Linux machine is physical, virtual, or a container, from its files."""

import os

from keyferry.machine.linux_files import Mount, entries, mounts, place_of, text
from keyferry.machine.makers import is_virtual

_FIRMWARE = ("sys_vendor", "product_name", "board_vendor", "bios_vendor")
_FIRST_PROCESSOR = 8192  # characters of /proc/cpuinfo
_DOM0 = 1 << 11  # XENFEAT_dom0 of Xen's features.h
# PCI vendors whose devices only a hypervisor makes: VMware, Red Hat (virtio and QEMU), VirtualBox,
# Parallels, XenSource, Microsoft.
_GUEST_VENDORS = ("0x15ad", "0x1af4", "0x1b36", "0x80ee", "0x1ab8", "0x5853", "0x1414")
# What runs around a single application, or is no container although systemd calls it one.
SANDBOXES = ("bubblewrap", "bwrap", "firejail", "flatpak", "pressure-vessel", "snap", "wsl")
# The paths that container engines mount in a container, and the engines' folders in those mounts.
_ENGINE_MOUNTS = ("/", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
_ENGINES = ("/docker/", "/containerd/", "/containers/", "/kubelet/", "/lxc/")
_ENGINE_GROUPS = ("/docker", "/kubepods", "/lxc", "/libpod", "/ecs/", "/crio-", "/cri-containerd-")
# The file systems of a container's root; an installed system has its own disk.
_LAYERS = ("overlay", "aufs", "9p", "virtiofs", "tmpfs", "fuse.fuse-overlayfs")


def environment(root: str = "/") -> str:
    """`container`, `virtual` or `physical`; `unknown` where nothing shows which.

    A hypervisor that the processor shows is not enough for a guest: it also runs below the host
    itself, where Hyper-V is on.
    """
    if _is_container(root):
        return "container"
    processor = text(root, "proc/cpuinfo", limit=_FIRST_PROCESSOR)
    flags = next((line for line in processor.splitlines() if line.startswith("flags")), "")
    hypervisor = "hypervisor" in flags.split() if flags else None
    firmware = " ".join(text(root, f"sys/class/dmi/id/{name}") for name in _FIRMWARE)
    if is_virtual(firmware, hypervisor) or is_wsl(root):
        return "virtual"
    if not _is_xen_host(root) and (
        text(root, "sys/hypervisor/type")
        or _has_guest_tree(root)
        or "User Mode Linux" in processor
        or (hypervisor and (not firmware.strip() or _is_virtualbox(root)))
        or (hypervisor is not False and _has_guest_devices(root))
    ):
        return "virtual"
    return "physical" if firmware.strip() or flags else "unknown"


def is_wsl(root: str = "/") -> bool:
    """Whether this is the Windows Subsystem for Linux, also with a kernel of the user's own."""
    release = text(root, "proc/sys/kernel/osrelease").lower()
    signs = ("run/WSL", "proc/sys/fs/binfmt_misc/WSLInterop")
    return (
        "microsoft" in release
        or "wsl" in release
        or any(os.path.exists(os.path.join(root, sign)) for sign in signs)
    )


def _is_xen_host(root: str) -> bool:
    features = text(root, "sys/hypervisor/properties/features")
    try:
        is_dom0 = bool(int(features or "0", 16) & _DOM0)
    except ValueError:
        is_dom0 = False
    return is_dom0 or "control_d" in text(root, "proc/xen/capabilities")


def _is_virtualbox(root: str) -> bool:
    """Whether VirtualBox passes on the host's firmware: the board stays its own."""
    system, board = (text(root, f"sys/class/dmi/id/{name}_vendor") for name in ("sys", "board"))
    return board == "Oracle Corporation" != system


def _has_guest_tree(root: str) -> bool:
    """Whether a hypervisor made the device tree, which machines without DMI have."""
    nodes = [os.path.basename(node) for node in entries(root, "proc/device-tree")]
    return (
        "hypervisor" in nodes
        or any(node.startswith("fw-cfg@") for node in nodes)
        or "linux,dummy-virt" in text(root, "proc/device-tree/compatible")
    )


def _has_guest_devices(root: str) -> bool:
    """Whether there are devices that only a hypervisor makes.

    The coprocessors of a physical board also speak virtio, but not on PCI or in its memory.
    """
    if next(entries(root, "sys/bus/vmbus/devices"), None) is not None:
        return True
    places = (place_of(root, device) for device in entries(root, "sys/bus/virtio/devices"))
    return any("/pci" in place or "virtio-mmio" in place for place in places) or any(
        text(device, "vendor") in _GUEST_VENDORS for device in entries(root, "sys/bus/pci/devices")
    )


def _is_container(root: str) -> bool:
    if os.path.exists(os.path.join(root, "run/.containerenv")):
        return True
    for sign in ("run/systemd/container", "run/host/container-manager"):
        if os.path.exists(os.path.join(root, sign)) and text(root, sign) not in SANDBOXES:
            return True
    groups, mounted = text(root, "proc/1/cgroup"), mounts(root)
    if any(word in groups for word in _ENGINE_GROUPS) or any(map(_is_of_engine, mounted)):
        return True
    is_marked = os.path.exists(os.path.join(root, ".dockerenv"))
    return is_marked and not _is_installed(groups, mounted)


def _is_of_engine(mount: Mount) -> bool:
    """Whether a container engine made this mount. On a host, its mounts are elsewhere."""
    if mount.place in _ENGINE_MOUNTS:
        return any(name in part for name in _ENGINES for part in (mount.origin, mount.options))
    return mount.place.startswith("/proc/") and mount.type == "fuse.lxcfs"


def _is_installed(groups: str, mounted: list[Mount]) -> bool:
    """Whether a system has its own init or disk, so its `/.dockerenv` is left over."""
    disks = [mount.type for mount in mounted if mount.place == "/"]
    return "/init.scope" in groups or (bool(disks) and disks[-1] not in _LAYERS)
