"""Placeholders that makers and firmware leave instead of real values (docs/format.md)."""

_PLACEHOLDERS = frozenset(
    {
        "",
        "0",
        "00000000-0000-0000-0000-000000000000",
        "03000200-0400-0500-0006-000700080009",
        "0123456789",
        "01234567-89ab-cdef-0123-456789abcdef",
        "1234567",
        "12345678",
        "123456789",
        "1234567890",
        "base board serial number",
        "base board version",
        "board serial number",
        "chassis serial number",
        "default string",
        "empty",
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
        "o.e.m.",
        "oem",
        "serial",
        "serial number",
        "sernum",
        "system product name",
        "system serial number",
        "to be filled",
        "to be filled by o.e.m",
        "to be filled by o.e.m.",
        "to be filled by oem",
        "type2 - board serial number",
        "uninitialized",
        "unknown",
        "xxxxxxxxxx",
    }
)


def is_placeholder(value: str) -> bool:
    """Whether a value tells nothing: a known placeholder, or one repeated character."""
    value = " ".join(value.lower().split())
    bare = value.strip(".-_ 0")
    return value in _PLACEHOLDERS or not bare or len(set(value)) == 1


def is_real_mac(value: str) -> bool:
    """Whether 12 hex digits are an address that the maker assigned to a single card."""
    try:
        octets = bytes.fromhex(value)
    except ValueError:
        return False
    if len(octets) != 6 or octets[0] & 0b11:  # bit 0: multicast; bit 1: locally administered
        return False
    return any(octets[3:]) and octets != b"\0" * 6
