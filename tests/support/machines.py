"""Machines for tests: what each system would answer, to be changed as a customer changes it."""

import plistlib
import struct
from pathlib import Path
from typing import Any

from keyferry.machine import linux
from keyferry.machine.windows import Card

NET = "sys/devices/pci0000:00"


class Tree:
    """A made-up root folder with the files that a machine would show."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def card(
        self,
        name: str,
        address: str,
        place: str = f"{NET}/0000:00:1f.6/net",
        kind: str = "1",
        assign_type: str = "0",
        udev: str = "",
        index: int = 2,
    ) -> None:
        device = f"{place}/{name}"
        for file, text in (
            ("address", address),
            ("addr_assign_type", assign_type),
            ("type", kind),
            ("ifindex", str(index)),
        ):
            self.put(f"{device}/{file}", text + "\n")
        if udev:
            self.put(f"run/udev/data/n{index}", f"I:1\nE:ID_NET_NAME_MAC={udev}\n")
        self.link("sys/class/net", name, device)

    def disk(
        self,
        name: str,
        serial: str = "",
        place: str = f"{NET}/0000:00:17.0/ata1/block",
        udev: str = "",
        numbers: str = "8:0",
        **files: str,
    ) -> None:
        device = f"{place}/{name}"
        attributes = {"dev": numbers, "removable": "0", **files}
        if serial:
            attributes["serial"] = serial
        for file, text in attributes.items():
            self.put(f"{device}/{file.replace('__', '/')}", text + "\n")
        if udev:
            self.put(f"run/udev/data/b{numbers}", f"S:disk\nE:ID_SERIAL_SHORT={udev}\n")
        self.link("sys/block", name, device)

    def link(self, folder: str, name: str, device: str) -> None:
        (self.root / folder).mkdir(parents=True, exist_ok=True)
        (self.root / folder / name).symlink_to(self.root / device)

    def read(self) -> dict[str, list[str]]:
        return linux.components(str(self.root))


# Windows

UUID = bytes.fromhex("44454c4c4200103580" + "51b7c04f4d3732")


def structure(kind: int, formatted: bytes, *strings: str) -> bytes:
    body = bytes([kind, len(formatted) + 4, 0, 0]) + formatted
    return body + b"\0".join(s.encode() for s in strings) + b"\0\0"


def smbios(*structures: bytes) -> bytes:
    table = b"".join((*structures, structure(127, b"")))
    return b"\0\x03\x02\0" + struct.pack("<I", len(table)) + table


def system(maker: str = "Dell Inc.", product: str = "Latitude", uuid: bytes = UUID) -> bytes:
    return structure(1, bytes([1, 2, 0, 0]) + uuid + bytes(3), maker, product)


def board(serial: str = "/7BT5VD3/CN/") -> bytes:
    return structure(2, bytes([1, 2, 0, 3, 0]) + bytes(6), "Dell Inc.", "0ABC", serial)


def disk(serial: str = "S5GXNX0T1", bus: int = 17, removable: int = 0, product: str = "") -> bytes:
    place = 40 + len(serial) + 1 if product else 0
    head = struct.pack("<IIBBBBIIIIII", 40, 80, 0, 0, removable, 1, 0, place, 0, 40, bus, 0)
    return head.ljust(40, b"\0") + serial.encode() + b"\0" + product.encode() + b"\0"


def card(address: str = "d0bf9c112233", device: str = "PCI\\VEN_8086", **facts: Any) -> Card:
    return Card(
        bytes.fromhex(address),
        facts.get("type", 6),
        facts.get("hardware", True),
        device,
        facts.get("container", ""),
    )


def endorsement_key(modulus: bytes = b"\xc1" * 256) -> bytes:
    head = b"RSA1" + struct.pack("<IIIII", len(modulus) * 8, 3, len(modulus), 0, 0)
    return head + b"\x01\x00\x01" + modulus


# macOS


def printed(*entries: dict[str, Any]) -> bytes:
    return plistlib.dumps(list(entries))


def controller(address: str, built_in: bool) -> dict[str, Any]:
    interface = {"BSD Name": "en0", "IOBuiltin": built_in}
    return {"IOMACAddress": bytes.fromhex(address), "IORegistryEntryChildren": [interface]}


def drive(serial: str, place: str = "Internal", bus: str = "Apple Fabric") -> dict[str, Any]:
    return {
        "Device Characteristics": {"Serial Number": serial},
        "Protocol Characteristics": {
            "Physical Interconnect": bus,
            "Physical Interconnect Location": place,
        },
    }
