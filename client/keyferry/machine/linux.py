"""Reads a Linux machine from files only: no process, no socket, no root privileges.

Every function takes the root folder, so a test can pass a recorded one.
"""

import os

from keyferry.machine.instance_disks import is_instance_disk
from keyferry.machine.linux_environment import environment as environment
from keyferry.machine.linux_environment import is_wsl
from keyferry.machine.linux_files import Mount, entries, mounts, place_of, text, udev_property
from keyferry.machine.placeholders import is_placeholder, is_real_mac

_ETHERNET = "1"  # ARPHRD_ETHER of if_arp.h: wired and wireless cards
_PERMANENT = "0"  # NET_ADDR_PERM of netdevice.h: the address is the card's own
_MEMORY = ("tmpfs", "ramfs", "rootfs")
# Folders of sysfs for what hangs on USB, Thunderbolt or Bluetooth.
_PLUGS = ("usb", "domain", "thunderbolt", "bluetooth")
_AZURE = "7783-7084-3265-9085-8269-3286-77"  # the chassis's asset tag of every machine on Azure
# Azure's temporary disk is on the second IDE channel, or the second one of the SCSI controller.
_AZURE_IDE = "/00000000-0001-"
_AZURE_SCSI = "/f8b3781a-1e82-4818-a1c3-63d806ec15bb/"


def components(root: str = "/") -> dict[str, list[str]]:
    """The components that an unprivileged user can read: `mac`, `os_id`, `disk_serial`."""
    read = {"mac": macs(root), "os_id": os_ids(root), "disk_serial": disk_serials(root)}
    return {name: values for name, values in read.items() if values}


def macs(root: str = "/") -> list[str]:
    """The permanent addresses of its network cards, as 12 lower-case hex digits."""
    if is_wsl(root):  # makes its card anew at each start
        return []
    bonded = _bonded_addresses(root)
    addresses = []
    for card in entries(root, "sys/class/net"):
        if text(card, "type") == _ETHERNET and _is_built_in(card) and not _is_function(card):
            address = (
                udev_property(root, f"n{text(card, 'ifindex')}", "ID_NET_NAME_MAC")[3:]
                or bonded.get(os.path.basename(card), "")
                or (text(card, "address") if text(card, "addr_assign_type") == _PERMANENT else "")
            ).replace(":", "")
            if is_real_mac(address):
                addresses.append(address.lower())
    return addresses


def os_ids(root: str = "/") -> list[str]:
    """The installation's machine-id, unless it ends with this boot."""
    for name in ("etc/machine-id", "var/lib/dbus/machine-id"):
        value = text(root, name).lower()
        if value:
            is_lasting = len(value) == 32 and not is_placeholder(value)
            return [value] if is_lasting and not _is_in_memory(root, name) else []
    return []


def disk_serials(root: str = "/") -> list[str]:
    """The serial numbers of its built-in disks."""
    if is_wsl(root):  # its disks are files, and the one for swapping is new at each start
        return []
    serials = []
    for disk in entries(root, "sys/block"):
        if _is_built_in(disk) and text(disk, "device/type") != "SD":
            number = text(disk, "dev")
            serial = (
                udev_property(root, f"b{number}", "ID_SERIAL_SHORT")
                or text(disk, "serial")
                or text(disk, "device/serial")
            )
            if not is_placeholder(serial) and not _is_of_instance(root, disk, serial):
                serials.append(serial)
    return serials


def users(root: str = "/") -> list[str]:
    """The login name of the real user id."""
    uid = str(os.getuid())
    for line in text(root, "etc/passwd").splitlines():
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
        for line in text(root, name).splitlines():
            if line.startswith("PRETTY_NAME="):
                return line.partition("=")[2].strip("\"'")
    return "Linux"


def _bonded_addresses(root: str) -> dict[str, str]:
    """The own addresses of the cards in a bond, by card; the kernel shows the bond's for each."""
    addresses = {}
    for bond in entries(root, "proc/net/bonding"):
        card = ""
        for line in text(bond).splitlines():
            name, _, value = line.partition(": ")
            if name == "Slave Interface":
                card = value.strip()
            elif name == "Permanent HW addr" and card:
                addresses[card] = value.strip()
    return addresses


def _is_built_in(entry: str) -> bool:
    """Whether a device is part of the machine: not made by software, and not plugged in."""
    path = os.path.realpath(entry)
    parts = path.partition("/sys/devices/")[2].split("/")
    if parts[0] == "virtual" or any(part.startswith(_PLUGS) for part in parts):
        return False
    is_bridge = False
    for part in reversed(parts):
        if text(path, "removable") in ("1", "removable"):
            return False
        if _is_pci(part):
            if is_bridge and _is_thunderbolt(path):
                return False
            is_bridge = True  # each PCI device that is still above
        path = os.path.dirname(path)
    return True


def _is_thunderbolt(bridge: str) -> bool:
    """Whether a PCI bridge is a Thunderbolt controller's: beside its ports hangs its driver's part.

    Kernels before 5.14 do not call what is behind it removable.
    """
    return any(
        "DRIVER=thunderbolt" in text(function, "uevent").splitlines()
        for port in _pci_devices(bridge)
        for function in _pci_devices(port)
    )


def _pci_devices(bridge: str) -> list[str]:
    return [path for path in entries(bridge, "") if _is_pci(os.path.basename(path))]


def _is_pci(name: str) -> bool:
    """Whether a folder of sysfs is a PCI device, such as 0000:00:1f.6."""
    return name.count(":") == 2 and name[-2] == "."


def _is_function(card: str) -> bool:
    """Whether a card is a virtual function of another one (SR-IOV), which software adds."""
    return os.path.exists(os.path.join(card, "device/physfn"))


def _is_of_instance(root: str, disk: str, serial: str) -> bool:
    """Whether a disk ends with a cloud's instance."""
    model = text(disk, "device/model") or udev_property(root, f"b{text(disk, 'dev')}", "ID_MODEL")
    if is_instance_disk(model, serial):
        return True
    if text(root, "sys/class/dmi/id/chassis_asset_tag") != _AZURE:
        return False
    place = place_of(root, disk)
    return _AZURE_IDE in place or (_AZURE_SCSI in place and ":1/block/" in place)


def _is_in_memory(root: str, name: str) -> bool:
    """Whether a file lies in memory, such as a machine-id that systemd mounts for one boot.

    Of a read-only root below an overlay, all that is written lies where the overlay says.
    """
    mounted = mounts(root)
    mount = _mount_of("/" + place_of(root, os.path.join(root, name)), mounted)
    if mount and mount.type == "overlay":
        options = dict(option.partition("=")[::2] for option in mount.options.split(","))
        mount = _mount_of(options.get("upperdir", "/"), mounted)
    return mount is not None and mount.type in _MEMORY


def _mount_of(file: str, mounted: list[Mount]) -> Mount | None:
    """The mount that a file is seen in: the deepest one, and of several there the last one."""
    above = [
        mount
        for mount in mounted
        if mount.place in (file, "/") or file.startswith(mount.place + "/")
    ]
    return max(reversed(above), key=lambda mount: len(mount.place), default=None)
