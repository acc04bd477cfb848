"""Reads a Linux machine from files alone: no process, no socket, nothing that needs root.

Every function takes the root folder, so that a test may hand it a made-up one.
"""

import os
from collections.abc import Iterator

from keyferry.machine.makers import is_virtual
from keyferry.machine.placeholders import is_placeholder, is_real_mac

_ETHERNET = "1"  # ARPHRD_ETHER of if_arp.h: cards with and without wire
_GIVEN = "0"  # NET_ADDR_PERM of netdevice.h: the address is the card's own
# What a container engine lays over its container's root, and where its own folders show in it.
_LAID_MOUNTS = ("/", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
_ENGINES = ("/docker/", "/containerd/", "/containers/", "/kubelet/", "/lxc/")


def components(root: str = "/") -> dict[str, list[str]]:
    """What a plain user can read of this machine: `mac`, `os_id`, `disk_serial`."""
    read = {"mac": macs(root), "os_id": os_ids(root), "disk_serial": disk_serials(root)}
    return {name: values for name, values in read.items() if values}


def macs(root: str = "/") -> list[str]:
    """The permanent addresses of its network cards, as 12 lower-case hex digits."""
    found = []
    for card in _entries(root, "sys/class/net"):
        if _text(card, "type") == _ETHERNET and _is_built_in(root, card):
            address = _udev(root, f"n{_text(card, 'ifindex')}", "ID_NET_NAME_MAC")[3:]
            if not address and _text(card, "addr_assign_type") == _GIVEN:
                address = _text(card, "address").replace(":", "")
            if is_real_mac(address):
                found.append(address.lower())
    return found


def os_ids(root: str = "/") -> list[str]:
    """The installation's machine-id."""
    for name in ("etc/machine-id", "var/lib/dbus/machine-id"):
        value = _text(root, name).lower()
        if len(value) == 32 and not is_placeholder(value):
            return [value]
    return []


def disk_serials(root: str = "/") -> list[str]:
    """The serial numbers of its built-in disks."""
    found = []
    for disk in _entries(root, "sys/block"):
        if _is_built_in(root, disk) and not _is_exchangeable(disk):
            serial = (
                _udev(root, f"b{_text(disk, 'dev')}", "ID_SERIAL_SHORT")
                or _text(disk, "serial")
                or _text(disk, "device/serial")
            )
            if not is_placeholder(serial):
                found.append(serial)
    return found


def users(root: str = "/") -> list[str]:
    """The login name of the real user id."""
    uid = str(os.getuid())
    for line in _text(root, "etc/passwd").splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2] == uid:
            return [fields[0]]
    import pwd  # asks the directory service of a domain, through a socket: only who is in no file

    try:
        return [pwd.getpwuid(os.getuid()).pw_name]
    except KeyError:
        return []


def os_name(root: str = "/") -> str:
    """What people call the system, e.g. `Debian GNU/Linux 12 (bookworm)`."""
    for name in ("etc/os-release", "usr/lib/os-release"):
        for line in _text(root, name).splitlines():
            if line.startswith("PRETTY_NAME="):
                return line.partition("=")[2].strip("\"'")
    return "Linux"


def environment(root: str = "/") -> str:
    """`container`, `virtual` or `physical`; `unknown` where nothing says which."""
    if _is_container(root):
        return "container"
    makers = [_text(root, f"sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name")]
    told = " ".join(makers)
    cpu = _text(root, "proc/cpuinfo")
    flags = next((line for line in cpu.splitlines() if line.startswith("flags")), "")
    if is_virtual(told) or _is_wsl(root):
        return "virtual"
    # Xen's host shows what its guests show, but for this.
    is_host = "control_d" in _text(root, "proc/xen/capabilities")
    if not is_host and (
        "hypervisor" in flags.split() or _text(root, "sys/hypervisor/type") or _has_guest_tree(root)
    ):
        return "virtual"
    return "physical" if told.strip() or flags else "unknown"


def _is_wsl(root: str) -> bool:
    return "microsoft" in _text(root, "proc/sys/kernel/osrelease").lower()


def _has_guest_tree(root: str) -> bool:
    """Whether the device tree, which machines without DMI have, is one that a hypervisor made."""
    nodes = [os.path.basename(node) for node in _entries(root, "proc/device-tree")]
    return (
        "hypervisor" in nodes
        or any(node.startswith("fw-cfg@") for node in nodes)
        or "linux,dummy-virt" in _text(root, "proc/device-tree/compatible")
    )


def _is_container(root: str) -> bool:
    marks = (
        "run/.containerenv",
        ".dockerenv",
        "run/systemd/container",
        "run/host/container-manager",
    )
    if any(os.path.exists(os.path.join(root, mark)) for mark in marks):
        return True
    groups = _text(root, "proc/1/cgroup")
    if any(word in groups for word in ("/docker", "/kubepods", "/lxc", "/libpod")):
        return True
    mounts = _text(root, "proc/self/mountinfo").splitlines()
    return any(_is_of_engine(mount.split()) for mount in mounts)


def _is_of_engine(mount: list[str]) -> bool:
    """Whether a container engine made this mount; a host sees its containers' roots elsewhere."""
    if len(mount) < 5:
        return False
    origin, place, options = mount[3], mount[4], mount[-1]
    if place in _LAID_MOUNTS:
        return any(engine in told for engine in _ENGINES for told in (origin, options))
    return place.startswith("/proc/") and "fuse.lxcfs" in mount


def _entries(root: str, folder: str) -> Iterator[str]:
    path = os.path.join(root, folder)
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return
    for name in names:
        yield os.path.join(path, name)


def _is_built_in(root: str, entry: str) -> bool:
    """Whether a device hangs on this machine itself: not made by software, not plugged into USB."""
    place = os.path.relpath(os.path.realpath(entry), os.path.realpath(root))
    return not place.startswith("sys/devices/virtual/") and "/usb" not in place


def _is_exchangeable(disk: str) -> bool:
    return _text(disk, "removable") == "1" or _text(disk, "device/type") == "SD"


def _udev(root: str, device: str, name: str) -> str:
    for line in _text(root, f"run/udev/data/{device}").splitlines():
        if line.startswith(f"E:{name}="):
            return line.partition("=")[2].strip()
    return ""


def _text(*path: str) -> str:
    """A small file's text, trimmed; "" for one that is not there or may not be read."""
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip("\0 \t\r\n")
    except OSError:
        return ""
