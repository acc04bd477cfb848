"""Interprets what Windows reports about its machine. Pure, so tests can use recorded answers.

`windows_calls.py` collects the answers, without administrator rights.
"""

import struct
from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

from keyferry.machine.instance_disks import is_instance_disk
from keyferry.machine.makers import is_virtual
from keyferry.machine.placeholders import is_placeholder, is_real_mac, is_real_uuid
from keyferry_protocol.components import COMPONENTS

_CARD_TYPES = (6, 71)  # IF_TYPE_ETHERNET_CSMACD, IF_TYPE_IEEE80211
# STORAGE_BUS_TYPE: FireWire, USB, iSCSI, SD, virtual, file-backed virtual, storage spaces
_FOREIGN_BUSES = (4, 7, 9, 12, 14, 15, 16)
# What enumerates the cards that are plugged in or made by software.
_FOREIGN_DEVICES = ("USB\\", "ROOT\\", "BTH\\", "BTHENUM\\", "SWD\\")
_HARDWARE, _FILTER = 0b01, 0b10  # of InterfaceAndOperStatusFlags
_BUILT_IN = "{00000000-0000-0000-ffff-ffffffffffff}"  # the container of all that is in the computer
_FIRMWARE, _SYSTEM, _BOARD, _LAST = 0, 1, 2, 127  # SMBIOS (DSP0134) structure types
_VIRTUAL_MACHINE = 0x10  # of the second byte that extends the firmware's characteristics
_RSA_PUBLIC = b"RSA1"  # BCRYPT_RSAPUBLIC_MAGIC


class Card(NamedTuple):
    """A network card: fields of its MIB_IF_ROW2, and its device, such as `PCI\\VEN_8086...`.

    `container` is the device's ContainerID: that of the computer unless the device, or one above
    it, can be taken away, such as a dock on Thunderbolt; "" if Windows does not tell.
    """

    permanent: bytes
    type: int
    is_hardware: bool
    device: str
    container: str = ""


def card_of_row(
    permanent: bytes, address_bytes: int, type: int, flags: int, device: str, container: str
) -> Card:
    """The card of a MIB_IF_ROW2: its address is the first bytes of a longer field."""
    is_hardware = bool(flags & _HARDWARE) and not flags & _FILTER
    return Card(permanent[:address_bytes], type, is_hardware, device, container)


class Recorded(NamedTuple):
    """The answers of Windows, unchanged; empty if a call failed."""

    smbios: bytes = b""  # GetSystemFirmwareTable("RSMB")
    cards: tuple[Card, ...] = ()  # GetIfTable2
    disks: tuple[bytes, ...] = ()  # STORAGE_DEVICE_DESCRIPTOR of each drive
    machine_guid: str = ""  # HKLM\SOFTWARE\Microsoft\Cryptography
    endorsement_key: bytes = b""  # PCP_EKPUB: a BCRYPT_RSAPUBLIC_BLOB
    sid: str = ""  # of the user who runs this


class Structure(NamedTuple):
    """One SMBIOS structure: its formatted part from byte 0, and its strings, numbered from 1."""

    type: int
    formatted: bytes
    strings: tuple[str, ...]

    def text(self, offset: int) -> str:
        """The string whose number is at this offset; "" if there is none."""
        number = self.formatted[offset] if offset < len(self.formatted) else 0
        return self.strings[number - 1] if 0 < number <= len(self.strings) else ""


def components(recorded: Recorded) -> dict[str, list[str]]:
    """The raw values that identify this machine, with `user` if it was recorded."""
    guid = COMPONENTS["os_id"].normalize(recorded.machine_guid)
    uuids = smbios_uuids(recorded.smbios)
    # Hyper-V may assign the address of a guest's card again, so it is the last resort.
    cards = () if uuids and _is_hyper_v_guest(recorded.smbios) else recorded.cards
    read = {
        "tpm_key": tpm_keys(recorded.endorsement_key),
        "smbios_uuid": uuids,
        "board_serial": board_serials(recorded.smbios),
        "mac": macs(cards),
        "disk_serial": disk_serials(recorded.disks),
        "os_id": [] if is_placeholder(guid) else [guid],
        "user": [recorded.sid] if recorded.sid else [],
    }
    return {name: values for name, values in read.items() if values}


def environment(smbios: bytes) -> str:
    """`virtual` or `physical`; `unknown` if the firmware does not tell.

    The processor is not asked: it shows a hypervisor on a physical computer too, where Hyper-V, WSL
    or the security that is based on virtualization is on.
    """
    names: list[str] = []
    is_known = False
    for structure in structures(smbios):
        if structure.type == _FIRMWARE:
            names.append(structure.text(4))
            if structure.formatted[19:20] and structure.formatted[19] & _VIRTUAL_MACHINE:
                return "virtual"
        elif structure.type == _BOARD:
            names.append(structure.text(4))
        elif structure.type == _SYSTEM:
            names += [structure.text(4), structure.text(5)]
            is_known = True
    if not is_known:
        return "unknown"
    return "virtual" if is_virtual(" ".join(names)) else "physical"


def _is_hyper_v_guest(smbios: bytes) -> bool:
    names = [(s.text(4), s.text(5)) for s in structures(smbios) if s.type == _SYSTEM]
    return ("Microsoft Corporation", "Virtual Machine") in names


def smbios_uuids(smbios: bytes) -> list[str]:
    """The system's UUID, its first three fields little-endian, as Windows prints it."""
    for structure in structures(smbios):
        raw = structure.formatted[8:24]
        if structure.type == _SYSTEM and len(raw) == 16:
            first, second, third = struct.unpack_from("<IHH", raw)
            rest = raw[8:].hex()
            uuid = f"{first:08x}-{second:04x}-{third:04x}-{rest[:4]}-{rest[4:]}"
            return [uuid] if is_real_uuid(uuid) else []
    return []


def board_serials(smbios: bytes) -> list[str]:
    for structure in structures(smbios):
        if structure.type == _BOARD and not is_placeholder(structure.text(7)):
            return [structure.text(7).strip()]
    return []


def structures(smbios: bytes) -> Iterator[Structure]:
    """The structures of a RawSMBIOSData, up to the first truncated one."""
    table = smbios[8:]  # after the calling method, version and length
    while len(table) >= 4:
        kind, length = table[0], table[1]
        end = table.find(b"\0\0", length)
        if length < 4 or end < 0 or kind == _LAST:
            return
        strings = table[length:end].split(b"\0")
        yield Structure(kind, table[:length], tuple(s.decode("latin-1") for s in strings))
        table = table[end + 2 :]


def macs(cards: tuple[Card, ...]) -> list[str]:
    """The permanent addresses of built-in cards."""
    return [
        card.permanent.hex()
        for card in cards
        if card.type in _CARD_TYPES
        and card.is_hardware
        and not card.device.upper().startswith(_FOREIGN_DEVICES)
        and card.container.lower() in ("", _BUILT_IN)
        and is_real_mac(card.permanent.hex())
    ]


def disk_serials(descriptors: tuple[bytes, ...]) -> list[str]:
    """The serial numbers of built-in disks."""
    serials = []
    for descriptor in descriptors:
        if len(descriptor) < 36:
            continue
        removable = descriptor[10]
        product, _, offset, bus = struct.unpack_from("<IIII", descriptor, 16)
        serial = _text_at(descriptor, offset)
        if removable or bus in _FOREIGN_BUSES or is_placeholder(serial):
            continue
        if not is_instance_disk(_text_at(descriptor, product), serial):
            serials.append(serial)
    return serials


def _text_at(descriptor: bytes, offset: int) -> str:
    """The text at an offset of a STORAGE_DEVICE_DESCRIPTOR; "" if there is none."""
    if not 0 < offset < len(descriptor):
        return ""
    return descriptor[offset:].partition(b"\0")[0].decode("latin-1").strip()


def tpm_keys(blob: bytes) -> list[str]:
    """SHA-256 of the endorsement key's TPM2B_PUBLIC, rebuilt from its modulus.

    This is default template L-1 of TCG's EK Credential Profile: RSA 2048, SHA-256, decrypt only.
    """
    if len(blob) < 24 or blob[:4] != _RSA_PUBLIC:
        return []
    bits, exponent_bytes, modulus_bytes = struct.unpack_from("<III", blob, 4)
    modulus = blob[24 + exponent_bytes : 24 + exponent_bytes + modulus_bytes]
    if bits != 2048 or len(modulus) != 256:
        return []
    public = (
        struct.pack(">HHI", 0x0001, 0x000B, 0x000300B2)  # RSA, SHA-256, attributes
        + struct.pack(">H", len(_POLICY_A))
        + _POLICY_A
        + struct.pack(">HHHHHI", 0x0006, 128, 0x0043, 0x0010, 2048, 0)  # AES-128-CFB, no scheme
        + struct.pack(">H", len(modulus))
        + modulus
    )
    return [sha256(struct.pack(">H", len(public)) + public).hexdigest()]


_POLICY_A = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
