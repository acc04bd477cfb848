"""Placeholders that manufacturers and firmware leave instead of real values (docs/format.md)."""

_PLACEHOLDERS = frozenset(
    {
        "",
        "(null string)",
        "0",
        "00000000-0000-0000-0000-000000000000",
        "01234567-89ab-cdef-0123-456789abcdef",
        "0123456789",
        "0123456789abcdef",
        "03000200-0400-0500-0006-000700080009",
        "12345",
        "123456",
        "1234567",
        "12345678",
        "123456789",
        "1234567890",
        "4c4c4544-0000-2010-8020-80c04f202020",
        "6ab5b300-538d-1014-9fb5-b0684d007b53",
        "base board serial number",
        "base board version",
        "board serial number",
        "chassis serial number",
        "default string",
        "empty",
        "eval",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "invalid",
        "mb-1234567890",
        "n/a",
        "na",
        "no asset information",
        "none",
        "not applicable",
        "not available",
        "not defined",
        "not present",
        "not settable",
        "not specified",
        "null",
        "nvme_card",
        "nvme_card-pd",
        "o.e.m.",
        "oem",
        "oem_serial",
        "persistent-disk-0",
        "serial",
        "serial number",
        "sernum",
        "sn-12345",
        "sn-1234567890",
        "sys-1234567890",
        "sys-9876543210",
        "system product name",
        "system serial number",
        "systemserialnumb",
        "to be filled",
        "to be filled by o.e.m",
        "to be filled by o.e.m.",
        "to be filled by oem",
        "type2 - board serial number",
        "uninitialized",
        "unknow",
        "unknown",
        "xxxxxxxxxx",
    }
)

# The first digits of addresses that every unit of a product has. Reports are GitHub issues.
SHARED_ADDRESSES = (
    "000000",  # emulators and test tools
    "00005e",  # virtual routers (RFC 9568)
    "00037f",  # Atheros, Qualcomm: aredn/aredn#397, openwrt/openwrt#21917
    "00059a3c7",  # Cisco AnyConnect
    "00090faa0001",  # FortiClient
    "00090ffe0001",  # FortiClient
    "000a3500",  # Xilinx: u-boot's zynq_zed.h
    "000af58989ff",  # Qualcomm WCN36xx
    "000bcafe000",  # Juniper
    "000c43",  # Ralink, MediaTek: openwrt/mt76#630
    "000ec6877201",  # ASIX AX88772: u-boot's colibri_t30.h
    "00101800000",  # Broadcom without its own address
    "00117f133636",  # LibreRouterOrg/board#20
    "001518018131",  # Amlogic: its u-boot's CONFIG_ETHADDR
    "001c42000008",  # Parallels on its host
    "001c42000009",  # Parallels on its host
    "004854200",  # Radxa E24C: armbian/linux-rockchip#525
    "00504300000",  # Marvell without its own address
    "005056c0",  # VMware on its host
    "00904c",  # Broadcom: brcmfmac's default and its sisters
    "00a0c900000",  # Intel without its own address: canonical/cloud-init#6991
    "00c0ffee",  # made up
    "00deadbeef",  # made up
    "00e04c0000",  # Realtek without its own address
    "00e04c3600",  # Realtek RTL8152
    "00e04c534458",  # Realtek RTL8153
    "00e04c6800",  # Realtek RTL8153
    "080027000192",  # Nuvoton: OpenNuvoton/NUC980-linux-4.4.y#8
    "080027000193",  # Nuvoton: OpenNuvoton/MA35D1_Buildroot#9
    "143df2cc927",  # LibreRouterOrg/board#20
    "204153594eff",  # Windows' RAS adapter
    "24b620524153",  # Windows' RAS adapter
    "505054503030",  # Windows' PPTP adapter
    "5cbbf69eeefa",  # microsoft/WSL#9492
    "6ccf3900755",  # StarFive JH7110
    "acde48001122",  # Apple's T2 chip
    "f0ad4e03647f",  # ESPRESSObin: its u-boot's ethaddr
)
# Hex digits in the order in which people count.
_UP = ("0123456789abcdef" * 2, "1234567890abcdef" * 2, "0123456789" * 4)
_COUNTS = (*_UP, *(count[::-1] for count in _UP))
_COUNTED_DIGITS = 9  # no address and no UUID that was drawn at random has as many
_COUNTED_CHARACTERS = 5  # a whole serial number, such as 12345


def is_placeholder(value: str) -> bool:
    """Whether a value tells nothing: a known placeholder, one repeated character, or a count."""
    value = " ".join(value.lower().split())
    bare = value.strip(".-_ 0")
    is_count = len(value) >= _COUNTED_CHARACTERS and any(value in count for count in _COUNTS)
    return value in _PLACEHOLDERS or not bare or len(set(value)) == 1 or is_count


def is_real_mac(value: str) -> bool:
    """Whether 12 hex digits are an address that the manufacturer assigned to a single card."""
    try:
        octets = bytes.fromhex(value)
    except ValueError:
        return False
    if len(octets) != 6 or octets[0] & 0b11:  # bit 0: multicast; bit 1: locally administered
        return False
    is_shared = value.lower().startswith(SHARED_ADDRESSES)
    return any(octets[3:]) and not is_shared and not _has_pattern(octets)


def is_real_uuid(value: str) -> bool:
    """Whether a UUID, 8-4-4-4-12, is neither a placeholder nor of one pattern.

    Firmware stores the first three fields in either byte order, so both are looked at.
    """
    fields = value.strip().lower().split("-")
    try:
        octets = bytes.fromhex("".join(fields))
    except ValueError:
        return False
    if len(octets) != 16 or is_placeholder(value):
        return False
    swapped = octets[3::-1] + octets[5:3:-1] + octets[7:5:-1] + octets[8:]
    return (
        any(len(set(field)) > 1 for field in fields)
        and not _has_pattern(octets)
        and not _has_pattern(swapped)
    )


def _has_pattern(octets: bytes) -> bool:
    """Whether a person made up the octets: one repeated pattern, or counted up or down.

    One octet may break the pattern, because units are often counted in the last one.
    """
    size, digits = len(octets), octets.hex()
    repeated = any(octets == octets[:n] * (size // n) for n in range(1, size) if size % n == 0)
    words = [int.from_bytes(octets[i : i + 2], "big") for i in range(0, size, 2)]
    return (
        repeated
        or max(map(octets.count, octets)) >= size - 1
        or _equal_steps(list(octets), 256) >= size - 1
        or (
            size == 6
            and _equal_steps(list(octets[:3]), 256) == 3 == _equal_steps(list(octets[3:]), 256)
        )
        or (size == 16 and _equal_steps(words, 65536) >= len(words) - 1)
        or any(
            digits[i : i + _COUNTED_DIGITS] in count
            for i in range(len(digits) - _COUNTED_DIGITS + 1)
            for count in _COUNTS
        )
    )


def _equal_steps(numbers: list[int], modulus: int) -> int:
    """The length of the longest run of numbers that are one step apart."""
    longest = run = 2
    for first, second, third in zip(numbers, numbers[1:], numbers[2:], strict=False):
        run = run + 1 if (second - first - third + second) % modulus == 0 else 2
        longest = max(longest, run)
    return longest
