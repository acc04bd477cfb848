"""What Windows and macOS answer, and the components that come of it (docs/components.md)."""

import plistlib
import struct
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from tests.unit.conformance.cases.files import Vector
from tests.unit.conformance.cases.keys import b64

UUID = bytes.fromhex("44454c4c420010358051b7c04f4d3732")
UUID_TEXT = "4c4c4544-0042-3510-8051-b7c04f4d3732"
MODULUS = sha256(b"a modulus").digest() * 8
BUILT_IN = "{00000000-0000-0000-FFFF-FFFFFFFFFFFF}"
DOCK = "{9D7F3C1A-5B2E-4C3D-8F1E-0A1B2C3D4E5F}"
MAC, OTHER_MAC = "d0bf9c112233", "d0bf9c445566"


def vectors() -> Iterator[Vector]:
    for name, answers, components, environment in _windows():
        yield _vector(name, "windows", answers, components, environment)
    for name, answers, components, environment in _macos():
        yield _vector(name, "macos", answers, components, environment)


def _vector(name: str, system: str, answers: Any, components: Any, environment: str) -> Vector:
    expect = {"ok": True, "components": components, "environment": environment}
    name = f"{system}: {name}"
    return {"name": name, "system": system, "answers": answers, "expect": expect}


Case = tuple[str, dict[str, Any], dict[str, list[str]], str]


def structure(kind: int, formatted: bytes, *strings: bytes) -> bytes:
    body = bytes([kind, len(formatted) + 4, 0, 0]) + formatted
    return body + b"\0".join(strings) + b"\0\0"


def smbios(*structures: bytes, version: tuple[int, int] = (3, 2)) -> bytes:
    table = b"".join((*structures, structure(127, b"")))
    return bytes([0, *version, 0]) + struct.pack("<I", len(table)) + table


def firmware(maker: bytes = b"Dell Inc.", more: bytes = b"\0\0") -> bytes:
    return structure(0, bytes([1, 2, 0, 0, 3, 0]) + bytes(8) + more, maker, b"1.2", b"2026-01-01")


def system(
    maker: bytes = b"Dell Inc.", product: bytes = b"Latitude 7440", uuid: bytes = UUID
) -> bytes:
    return structure(1, bytes([1, 2, 0, 0]) + uuid + bytes(3), maker, product)


def board(serial: bytes = b"/7BT5VD3/CN/") -> bytes:
    return structure(2, bytes([1, 2, 0, 3, 0]) + bytes(6), b"Dell Inc.", b"0ABC", serial)


def card(address: str = MAC, **changes: Any) -> dict[str, Any]:
    usual = {
        "permanent_physical_address": address.ljust(64, "0"),
        "physical_address_length": len(address) // 2,
        "type": 6,
        "flags": 1,
        "device": "PCI\\VEN_8086&DEV_15F3",
        "container": BUILT_IN,
    }
    return usual | changes


def disk(serial: bytes, bus: int = 17, removable: int = 0, product: bytes = b"") -> str:
    place = 40 + len(serial) + 1 if product else 0
    head = struct.pack("<IIBBBBIIIIII", 40, 80, 0, 0, removable, 1, 0, place, 0, 40, bus, 0)
    return b64(head.ljust(40, b"\0") + serial + b"\0" + product + b"\0")


def key_blob(modulus: bytes = MODULUS, magic: bytes = b"RSA1", exponent: bytes = b"\1\0\1") -> str:
    head = struct.pack("<IIIII", len(modulus) * 8, len(exponent), len(modulus), 0, 0)
    return b64(magic + head + exponent + modulus)


def template(modulus: bytes) -> str:
    """TPM2B_PUBLIC of an endorsement key of template L-1, byte by byte as TCG prints it."""
    public = bytes.fromhex(
        "0001 000b 000300b2 0020"
        "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
        "0006 0080 0043 0010 0800 00000000 0100"
    )
    return sha256(struct.pack(">H", len(public) + len(modulus)) + public + modulus).hexdigest()


def answers(table: bytes = b"", **more: Any) -> dict[str, Any]:
    """The answers of Windows; a call that failed has none."""
    usual = {"smbios": b64(table), "cards": [], "disks": []}
    usual |= {"machine_guid": "", "endorsement_key": "", "sid": ""}
    return usual | more


def _windows() -> Iterator[Case]:
    whole = answers(
        smbios(firmware(), system(), board()),
        cards=[card()],
        disks=[disk(b"S5GXNX0T1")],
        machine_guid="3D1219C7-C4C5-404A-AA1F-6D2A48ADFDA4",
        endorsement_key=key_blob(),
        sid="S-1-5-21-1-2-3-1001",
    )
    everything = {
        "tpm_key": [template(MODULUS)],
        "smbios_uuid": [UUID_TEXT],
        "board_serial": ["/7BT5VD3/CN/"],
        "mac": [MAC],
        "os_id": ["3d1219c7c4c5404aaa1f6d2a48adfda4"],
        "disk_serial": ["S5GXNX0T1"],
        "user": ["S-1-5-21-1-2-3-1001"],
    }
    yield "everything", whole, everything, "physical"
    yield "every call failed", answers(), {}, "unknown"
    yield from _tables()
    yield from _cards()
    yield from _disks()
    for name, blob in (
        ("an RSA key of 1,024 bits", key_blob(b"\1" * 128)),
        ("an RSA key of 3,072 bits", key_blob(b"\1" * 384)),
        ("a key of another kind", key_blob(magic=b"ECK1")),
        ("a blob that is cut off", key_blob(MODULUS[:-1])),
    ):
        yield name, answers(endorsement_key=blob), {}, "unknown"
    small = key_blob(exponent=b"\3")
    expect = {"tpm_key": [template(MODULUS)]}
    yield (
        "an endorsement key of another exponent",
        answers(endorsement_key=small),
        expect,
        "unknown",
    )
    for guid, value in (
        ("00000000-0000-0000-0000-000000000000", []),
        (" 2F4D7A3B-1C9E-4F5A-8B6C-7D8E9F0A1B2C\n", ["2f4d7a3b1c9e4f5a8b6c7d8e9f0a1b2c"]),
    ):
        expect = {"os_id": value} if value else {}
        yield f"MachineGuid {guid!r}", answers(machine_guid=guid), expect, "unknown"


def _tables() -> Iterator[Case]:
    uuid: dict[str, list[str]] = {"smbios_uuid": [UUID_TEXT]}
    old = smbios(system(), version=(2, 4))
    yield "a UUID of SMBIOS 2.4: the same byte order", answers(old), uuid, "physical"
    twice = smbios(system(), system(uuid=bytes(range(16))[::-1]))
    yield "two systems: the first", answers(twice), uuid, "physical"
    for name, value in (
        ("of zeros", bytes(16)),
        ("of ones", b"\xff" * 16),
        ("03000200-0400-0500-0006-000700080009", _uuid("03000200040005000006000700080009")),
        ("counted up, as it is printed", _uuid("00112233445566778899aabbccddeeff")),
        ("counted up, as it is stored", bytes.fromhex("00112233445566778899aabbccddeeff")),
        ("each field of one digit", _uuid("11111111222233334444555555555555")),
    ):
        yield f"a UUID {name}", answers(smbios(system(uuid=value))), {}, "physical"
    short = structure(1, bytes([1, 2, 0, 0]), b"Dell Inc.", b"Latitude")
    yield "a system of SMBIOS 2.0, without a UUID", answers(smbios(short)), {}, "physical"
    serials: list[tuple[str, bytes, list[str]]] = [
        ("spaces around it and inside", b"  PF3K   11QX \t", ["PF3K 11QX"]),
        ("a byte above 127", b"PF3K\xa911QX", ["PF3K\u00a911QX"]),
        ("no-break spaces around it", b"\xa0PF3K11QX\xa0", ["PF3K11QX"]),
        ("its case is kept", b"pf3k11qx", ["pf3k11qx"]),
        ("a placeholder", b"To be filled by O.E.M.", []),
        ("a placeholder with other spaces and case", b" DEFAULT   String ", []),
        ("one character repeated", b"XXXXXXX", []),
        ("counted up", b"3456789", []),
        ("zeros, dots and dashes", b"0-.0_ 0", []),
        ("almost a placeholder", b"Default string 2", ["Default string 2"]),
    ]
    for name, serial, value in serials:
        expect = {"board_serial": value} if value else {}
        table = smbios(board(serial))
        yield f"a board's serial number, {name}", answers(table), expect, "unknown"
    second = smbios(board(b"None"), board(b"PF3K11QX"))
    expect = {"board_serial": ["PF3K11QX"]}
    yield "two boards: the first with a real number", answers(second), expect, "unknown"
    absent = structure(2, bytes([1, 2, 0, 0]), b"Dell Inc.", b"0ABC")
    yield "a board whose string number is 0", answers(smbios(absent)), {}, "unknown"
    cut = smbios(firmware(), system(), board())
    yield "a table that is cut off in its board", answers(cut[:-24]), uuid, "physical"
    early = smbios(structure(127, b""), system())
    yield "what follows the end of the table", answers(early), {}, "unknown"
    for name, table, environment in (
        ("a guest of VMware", system(b"VMware, Inc.", b"VMware7,1"), "virtual"),
        ("a cloud", system(b"Amazon EC2", b"m7i.large"), "virtual"),
        ("a whole machine of a cloud", system(b"Amazon EC2", b"m7i.metal-24xl"), "physical"),
        ("the name in a longer word", system(b"Xenon GmbH", b"Xenon 5"), "physical"),
        ("the firmware says it is virtual", firmware(more=b"\0\x10") + system(), "virtual"),
        ("firmware of a hypervisor", firmware(b"SeaBIOS") + system(), "virtual"),
    ):
        yield name, answers(smbios(table)), uuid, environment


def _uuid(digits: str) -> bytes:
    """A UUID as firmware stores it, from the digits that Windows prints."""
    raw = bytes.fromhex(digits)
    return raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]


def _cards() -> Iterator[Case]:
    counted: list[tuple[str, dict[str, Any]]] = [
        ("Wi-Fi", card(type=71)),
        ("a container that Windows does not tell", card(container="")),
        ("a container in lower case", card(container=BUILT_IN.lower())),
        ("other flags set", card(flags=0b1111_1101)),
        ("on a bus of a hypervisor", card(device="VMBUS\\{F8615163-DF3E}")),
    ]
    for name, one in counted:
        yield f"a card, {name}", answers(cards=[one]), {"mac": [MAC]}, "unknown"
    odd: list[tuple[str, dict[str, Any]]] = [
        ("on USB", card(device="USB\\VID_0BDA&PID_8153")),
        ("made by software", card(device="ROOT\\VMS_MP\\0000")),
        ("on Bluetooth", card(device="BTH\\MS_BTHPAN")),
        ("on Bluetooth too", card(device="bthenum\\DEV_1")),
        ("made by Windows", card(device="SWD\\MSRRAS\\MS_NDISWANIP")),
        ("in a dock on Thunderbolt", card(container=DOCK)),
        ("no HardwareInterface", card(flags=0)),
        ("a FilterInterface", card(flags=0b11)),
        ("a loopback", card(type=24)),
        ("locally administered", card("02bf9c112233")),
        ("multicast", card("01005e112233")),
        ("of five bytes", card("d0bf9c1122")),
        ("without an address", card("")),
        ("of zeros", card("000000000000")),
        ("its last three octets are zero", card("d0bf9c000000")),
        ("of one pattern", card("102010201020")),
        ("all but one octet equal", card("888888888788")),
        ("both halves counted up", card("001122aabbcc")),
        ("an address of every unit", card("00059a3c7a00")),
    ]
    for name, one in odd:
        both = answers(cards=[one, card(OTHER_MAC)])
        yield f"a card, {name}", both, {"mac": [OTHER_MAC]}, "unknown"
    equal = answers(cards=[card(), card(OTHER_MAC), card()])
    yield "two cards of one address", equal, {"mac": [MAC, OTHER_MAC]}, "unknown"
    guest = system(b"Microsoft Corporation", b"Virtual Machine")
    table = answers(smbios(guest), cards=[card()])
    expect = {"smbios_uuid": [UUID_TEXT]}
    yield "a guest of Hyper-V: its UUID, not its card", table, expect, "virtual"
    blank = system(b"Microsoft Corporation", b"Virtual Machine", bytes(16))
    table = answers(smbios(blank), cards=[card()])
    yield "a guest of Hyper-V without a UUID: its card", table, {"mac": [MAC]}, "virtual"


def _disks() -> Iterator[Case]:
    kept: list[tuple[str, str, str]] = [
        ("spaces around it", disk(b"  0025_38B1. "), "0025_38B1."),
        ("spaces inside", disk(b"WD  12   34"), "WD 12 34"),
        ("on SATA", disk(b"S5GXNX0T1", bus=11), "S5GXNX0T1"),
        ("a cloud's disk that lasts", disk(b"vol04b63ac805", product=b"Amazon Elastic B"), ""),
    ]
    for name, one, value in kept:
        value = value or "vol04b63ac805"
        yield f"a disk, {name}", answers(disks=[one]), {"disk_serial": [value]}, "unknown"
    odd: list[tuple[str, str]] = [
        *((f"bus {bus}", disk(b"USB1", bus=bus)) for bus in (4, 7, 9, 12, 14, 15, 16)),
        ("removable", disk(b"CARD1", removable=1)),
        ("a blank serial number", disk(b"   ")),
        ("a placeholder", disk(b"None")),
        ("no serial number", b64(struct.pack("<II", 40, 40).ljust(40, b"\0"))),
        ("a descriptor that is cut off", disk(b"S5GXNX0T1")[:40]),
        ("a cloud's that ends with the instance", disk(b"x1", product=b"Amazon EC2 NVMe ")),
        ("the same by its serial number", disk(b"AWS66337A23B237EFE14_00000001.")),
        ("the same with spaces before it", disk(b"  AWS66337A23B237EFE14_00000001.")),
        ("Google's local disk", disk(b"x1", product=b"nvme_card0")),
    ]
    for name, one in odd:
        both = answers(disks=[one, disk(b"S5GXNX0T1")])
        yield f"a disk, {name}", both, {"disk_serial": ["S5GXNX0T1"]}, "unknown"


def printed(*entries: dict[str, Any]) -> str:
    return plistlib.dumps(list(entries)).decode()


def controller(address: str, built_in: Any = True, **more: Any) -> dict[str, Any]:
    interface = {"BSD Name": "en0"} | ({} if built_in is None else {"IOBuiltin": built_in})
    return {"IOMACAddress": bytes.fromhex(address), "IORegistryEntryChildren": [interface]} | more


def drive(serial: str, place: str = "Internal", bus: str = "Apple Fabric") -> dict[str, Any]:
    return {
        "Device Characteristics": {"Serial Number": serial},
        "Protocol Characteristics": {
            "Physical Interconnect": bus,
            "Physical Interconnect Location": place,
        },
    }


def mac_answers(**changes: Any) -> dict[str, Any]:
    """The answers of macOS; a class without an entry prints nothing."""
    usual = {"platform": "", "controllers": [], "disks": "", "user": ""}
    return usual | {"hv_vmm_present": "0", "model": "Mac14,2"} | changes


def _macos() -> Iterator[Case]:
    uuid = "A8E2B0C4-0042-5310-8051-B7C04F4D3732"
    whole = mac_answers(
        platform=printed({"IOPlatformUUID": uuid}),
        controllers=[printed(controller("a483e7112233")), ""],
        disks=printed(drive(" 0ba0112233 ")),
        user="anna",
    )
    everything = {
        "smbios_uuid": [uuid.lower()],
        "mac": ["a483e7112233"],
        "disk_serial": ["0ba0112233"],
        "user": ["anna"],
    }
    yield "everything", whole, everything, "physical"
    yield "nothing was printed", mac_answers(hv_vmm_present="", model=""), {}, "unknown"
    nested = controller("a483e7112233", None)
    nested["IORegistryEntryChildren"] = [{"IORegistryEntryChildren": [{"IOBuiltin": True}]}]
    outer = {"IORegistryEntryChildren": [controller("a483e7112233")]}
    for name, entry in (
        ("its interface further below", nested),
        ("an entry below another", outer),
        ("the same in two classes", controller("a483e7112233")),
    ):
        both = [printed(entry), printed(controller("a483e7112233"))]
        printed_by = mac_answers(controllers=both[:1] if "two" not in name else both)
        yield f"a card, {name}", printed_by, {"mac": ["a483e7112233"]}, "physical"
    for name, entry in (
        ("not built in", controller("a483e7445566", False)),
        ("which does not say whether it is built in", controller("a483e7445566", None)),
        ("locally administered", controller("36112233aabb")),
        ("of Apple's T2 chip, alike in every Mac", controller("acde48001122")),
    ):
        both = mac_answers(controllers=[printed(entry, controller("a483e7112233"))])
        yield f"a card, {name}", both, {"mac": ["a483e7112233"]}, "physical"
    for name, entry in (
        ("outside", drive("TB1", "External", "PCI-Express")),
        ("a card in its slot", drive("SD1", "Internal", "Secure Digital")),
        ("inside, on USB", drive("USB2", "Internal", "USB")),
        ("a placeholder", drive("Unknown")),
    ):
        both = mac_answers(disks=printed(entry, drive("0ba0112233")))
        yield f"a disk, {name}", both, {"disk_serial": ["0ba0112233"]}, "physical"
    for name, value in (("of zeros", "0" * 8 + "-0000-0000-0000-" + "0" * 12), ("not a UUID", "x")):
        blank = mac_answers(platform=printed({"IOPlatformUUID": value}))
        yield f"IOPlatformUUID {name}", blank, {}, "physical"
    for hypervisor, model, environment in (
        ("1", "VirtualMac2,1", "virtual"),
        ("1", "Mac14,2", "virtual"),
        ("", "VMware7,1", "virtual"),
        ("", "Parallels16,1", "virtual"),
        ("", "MacBookPro11,1", "unknown"),
    ):
        name = f"kern.hv_vmm_present {hypervisor!r}, hw.model {model}"
        yield name, mac_answers(hv_vmm_present=hypervisor, model=model), {}, environment
