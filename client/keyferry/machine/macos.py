"""Interprets what macOS reports about its machine. Pure, so tests can use recorded output.

`macos_calls.py` collects the output, without root privileges.
"""

import plistlib
from collections.abc import Iterator
from typing import Any, NamedTuple
from xml.parsers.expat import ExpatError

from keyferry.machine.placeholders import is_placeholder, is_real_mac, is_real_uuid

_VIRTUAL_MODELS = ("VirtualMac", "VMware", "Parallels")  # kernels before macOS 11 tell only these


class Recorded(NamedTuple):
    """What `ioreg -a -r -c CLASS` printed for each class; empty where it printed nothing."""

    platform: bytes = b""  # IOPlatformExpertDevice
    controllers: tuple[bytes, ...] = ()  # classes of network controllers
    disks: bytes = b""  # IOBlockStorageDevice


def components(recorded: Recorded) -> dict[str, list[str]]:
    """The raw values that identify this machine."""
    read = {
        "smbios_uuid": smbios_uuids(recorded.platform),
        "mac": macs(recorded.controllers),
        "disk_serial": disk_serials(recorded.disks),
    }
    return {name: values for name, values in read.items() if values}


def environment(hypervisor: str, model: str) -> str:
    """`virtual` or `physical` by the kernel's kern.hv_vmm_present and hw.model; else `unknown`.

    A Mac that runs virtual machines is physical: the kernel asks whether itself is in one.
    """
    if hypervisor == "1" or model.startswith(_VIRTUAL_MODELS):
        return "virtual"
    return "physical" if hypervisor == "0" else "unknown"


def smbios_uuids(platform: bytes) -> list[str]:
    """The IOPlatformUUID."""
    for entry in _entries(platform):
        uuid = str(entry.get("IOPlatformUUID", "")).lower()
        if is_real_uuid(uuid):
            return [uuid]
    return []


def macs(controllers: tuple[bytes, ...]) -> list[str]:
    """The addresses of controllers with a built-in interface: neither USB nor Thunderbolt."""
    addresses = set()
    for printed in controllers:
        for entry in _entries(printed):
            address = entry.get("IOMACAddress")
            if isinstance(address, bytes) and is_real_mac(address.hex()) and _is_built_in(entry):
                addresses.add(address.hex())
    return sorted(addresses)


def disk_serials(disks: bytes) -> list[str]:
    """The serial numbers of internal disks."""
    serials = []
    for entry in _entries(disks):
        protocol = entry.get("Protocol Characteristics", {})
        device = entry.get("Device Characteristics", {})
        serial = str(device.get("Serial Number", "")).strip()
        if (
            protocol.get("Physical Interconnect Location") == "Internal"
            and protocol.get("Physical Interconnect") not in ("USB", "Secure Digital")
            and not is_placeholder(serial)
        ):
            serials.append(serial)
    return serials


def _is_built_in(entry: dict[str, Any]) -> bool:
    return any(child.get("IOBuiltin") is True for child in _with_children(entry))


def _entries(printed: bytes) -> Iterator[dict[str, Any]]:
    """Every entry that ioreg printed, with all children; none if it is not a property list."""
    if not printed.strip():
        return
    try:
        roots = plistlib.loads(printed, fmt=plistlib.FMT_XML)
    except (plistlib.InvalidFileException, ExpatError, ValueError):
        return
    for root in roots if isinstance(roots, list) else [roots]:
        yield from _with_children(root)


def _with_children(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield entry
    for child in entry.get("IORegistryEntryChildren", []):
        yield from _with_children(child)
