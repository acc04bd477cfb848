"""Reads a Linux machine from files only: no process, no socket, no root privileges.

Every function takes the root folder, so a test can pass a recorded one.
"""

import os
from collections.abc import Iterator

from keyferry.machine.makers import is_virtual
from keyferry.machine.placeholders import is_placeholder, is_real_mac

_ETHERNET = "1"  # ARPHRD_ETHER of if_arp.h: wired and wireless cards
_PERMANENT = "0"  # NET_ADDR_PERM of netdevice.h: the address is the card's own
# The paths that container engines mount in a container, and the engines' folders in those mounts.
_ENGINE_MOUNTS = ("/", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
_ENGINES = ("/docker/", "/containerd/", "/containers/", "/kubelet/", "/lxc/")


def components(root: str = "/") -> dict[str, list[str]]:
    """The components that an unprivileged user can read: `mac`, `os_id`, `disk_serial`."""
    read = {"mac": macs(root), "os_id": os_ids(root), "disk_serial": disk_serials(root)}
    return {name: values for name, values in read.items() if values}


def macs(root: str = "/") -> list[str]:
    """The permanent addresses of its network cards, as 12 lower-case hex digits."""
    addresses = []
    for card in _entries(root, "sys/class/net"):
        if _text(card, "type") == _ETHERNET and _is_built_in(root, card):
            address = _udev(root, f"n{_text(card, 'ifindex')}", "ID_NET_NAME_MAC")[3:]
            if not address and _text(card, "addr_assign_type") == _PERMANENT:
                address = _text(card, "address").replace(":", "")
            if is_real_mac(address):
                addresses.append(address.lower())
    return addresses


def os_ids(root: str = "/") -> list[str]:
    """The installation's machine-id."""
    for name in ("etc/machine-id", "var/lib/dbus/machine-id"):
        value = _text(root, name).lower()
        if len(value) == 32 and not is_placeholder(value):
            return [value]
    return []


def disk_serials(root: str = "/") -> list[str]:
    """The serial numbers of its built-in disks."""
    serials = []
    for disk in _entries(root, "sys/block"):
        if _is_built_in(root, disk) and not _is_removable(disk):
            serial = (
                _udev(root, f"b{_text(disk, 'dev')}", "ID_SERIAL_SHORT")
                or _text(disk, "serial")
                or _text(disk, "device/serial")
            )
            if not is_placeholder(serial):
                serials.append(serial)
    return serials


def users(root: str = "/") -> list[str]:
    """The login name of the real user id."""
    uid = str(os.getuid())
    for line in _text(root, "etc/passwd").splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2] == uid:
            return [fields[0]]
    import pwd  # may query a directory service over a socket, so only for a user in no file

    try:
        return [pwd.getpwuid(os.getuid()).pw_name]
    except KeyError:
        return []


def os_name(root: str = "/") -> str:
    """The system's name for people, such as `Debian GNU/Linux 12 (bookworm)`."""
    for name in ("etc/os-release", "usr/lib/os-release"):
        for line in _text(root, name).splitlines():
            if line.startswith("PRETTY_NAME="):
                return line.partition("=")[2].strip("\"'")
    return "Linux"


def environment(root: str = "/") -> str:
    """`container`, `virtual` or `physical`; `unknown` where nothing shows which."""
    if _is_container(root):
        return "container"
    names = [_text(root, f"sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name")]
    product = " ".join(names)
    cpu = _text(root, "proc/cpuinfo")
    flags = next((line for line in cpu.splitlines() if line.startswith("flags")), "")
    if is_virtual(product) or _is_wsl(root):
        return "virtual"
    # Only this distinguishes a Xen host from its guests.
    is_host = "control_d" in _text(root, "proc/xen/capabilities")
    if not is_host and (
        "hypervisor" in flags.split() or _text(root, "sys/hypervisor/type") or _has_guest_tree(root)
    ):
        return "virtual"
    return "physical" if product.strip() or flags else "unknown"


def _is_wsl(root: str) -> bool:
    return "microsoft" in _text(root, "proc/sys/kernel/osrelease").lower()


def _has_guest_tree(root: str) -> bool:
    """Whether a hypervisor made the device tree, which machines without DMI have."""
    nodes = [os.path.basename(node) for node in _entries(root, "proc/device-tree")]
    return (
        "hypervisor" in nodes
        or any(node.startswith("fw-cfg@") for node in nodes)
        or "linux,dummy-virt" in _text(root, "proc/device-tree/compatible")
    )


def _is_container(root: str) -> bool:
    signs = (
        "run/.containerenv",
        ".dockerenv",
        "run/systemd/container",
        "run/host/container-manager",
    )
    if any(os.path.exists(os.path.join(root, sign)) for sign in signs):
        return True
    groups = _text(root, "proc/1/cgroup")
    if any(word in groups for word in ("/docker", "/kubepods", "/lxc", "/libpod")):
        return True
    mounts = _text(root, "proc/self/mountinfo").splitlines()
    return any(_is_of_engine(mount.split()) for mount in mounts)


def _is_of_engine(mount: list[str]) -> bool:
    """Whether a container engine made this mount. On a host, its mounts are elsewhere."""
    if len(mount) < 5:
        return False
    origin, place, options = mount[3], mount[4], mount[-1]
    if place in _ENGINE_MOUNTS:
        return any(engine in text for engine in _ENGINES for text in (origin, options))
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
    """Whether a device is part of the machine: not made by software, not plugged into USB."""
    place = os.path.relpath(os.path.realpath(entry), os.path.realpath(root))
    return not place.startswith("sys/devices/virtual/") and "/usb" not in place


def _is_removable(disk: str) -> bool:
    return _text(disk, "removable") == "1" or _text(disk, "device/type") == "SD"


def _udev(root: str, device: str, name: str) -> str:
    for line in _text(root, f"run/udev/data/{device}").splitlines():
        if line.startswith(f"E:{name}="):
            return line.partition("=")[2].strip()
    return ""


def _text(*path: str) -> str:
    """The trimmed text of a small file; "" if it does not exist or cannot be read."""
    try:
        with open(os.path.join(*path), encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip("\0 \t\r\n")
    except OSError:
        return ""
