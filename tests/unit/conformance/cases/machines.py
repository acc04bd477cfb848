"""Component hashes, the weight of a set, and the machine rule."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.unit.conformance.cases.files import Vector, component
from tests.unit.conformance.cases.keys import NUMBER

Set = Mapping[str, list[str]]
WEIGHTS = {
    "tpm_key": 5,
    "smbios_uuid": 5,
    "board_serial": 3,
    "mac": 3,
    "os_id": 3,
    "disk_serial": 2,
}
MAX_HASHES = {"mac": 8, "disk_serial": 8}
MAX_HASHES |= dict.fromkeys(("smbios_uuid", "tpm_key", "board_serial", "os_id", "user"), 1)


def _set(*names: str, **several: int) -> dict[str, list[str]]:
    """Components by name with one hash each, or with as many as the number says."""
    counts = dict.fromkeys(names, 1) | several
    return {
        name: sorted(component(name, f"value {i}") for i in range(count))
        for name, count in counts.items()
    }


def _changed(recorded: Set, *names: str) -> dict[str, list[str]]:
    return {
        name: [component(name, "another")] if name in names else hashes
        for name, hashes in recorded.items()
    }


def _new(*names: str) -> dict[str, list[str]]:
    """Components with a hash that no other set has."""
    return {name: [component(name, "new")] for name in names}


def _some(recorded: Set, name: str, count: int) -> dict[str, list[str]]:
    """A set that keeps only `count` of a component's hashes."""
    return {**recorded, name: recorded[name][:count]}


WINDOWS = _set(*WEIGHTS)
WINDOWS_NO_TPM = {name: hashes for name, hashes in WINDOWS.items() if name != "tpm_key"}
MAC_OS = _set("smbios_uuid", "mac", "disk_serial")
LINUX = _set("mac", "os_id", "disk_serial")
TWO_CARDS = _set("os_id", "disk_serial", mac=2)
PERSONAL = WINDOWS | {"user": [component("user", "anna")]}
OTHER_USER = {"user": [component("user", "ben")]}
GUEST = _set("os_id", "disk_serial")
CARRIED = {"mac": [component("mac", "carried from machine to machine")]}

RULE: list[tuple[str, Set, Set, bool]] = [
    ("nothing changed", WINDOWS, WINDOWS, True),
    ("everything changed", WINDOWS, _changed(WINDOWS, *WEIGHTS), False),
    ("nothing seen", WINDOWS, {}, False),
    (
        "reinstalled on a new disk: 16 of 21",
        WINDOWS,
        _changed(WINDOWS, "os_id", "disk_serial"),
        True,
    ),
    ("a new TPM: 16 of 21", WINDOWS, _changed(WINDOWS, "tpm_key"), True),
    (
        "TPM and firmware UUID gone: 11 of 21, but 8 of 18 of the hardware",
        WINDOWS,
        _changed(WINDOWS, "tpm_key", "smbios_uuid"),
        False,
    ),
    (
        "board and card gone: 15 of 21, 12 of 18",
        WINDOWS,
        _changed(WINDOWS, "board_serial", "mac"),
        True,
    ),
    (
        "TPM, board and card gone: 10 of 21",
        WINDOWS,
        _changed(WINDOWS, "tpm_key", "board_serial", "mac"),
        False,
    ),
    (
        "UUID, disk and system gone: 11 of 21, 11 of 18",
        WINDOWS,
        _changed(WINDOWS, "smbios_uuid", "disk_serial", "os_id"),
        True,
    ),
    (
        "disk moved to another computer: 5 of 21",
        WINDOWS,
        _changed(WINDOWS, "tpm_key", "smbios_uuid", "board_serial", "mac"),
        False,
    ),
    ("no TPM, a new UUID: 11 of 16", WINDOWS_NO_TPM, _changed(WINDOWS_NO_TPM, "smbios_uuid"), True),
    (
        "no TPM, UUID and disk gone: 9 of 16, but 6 of 13 of the hardware",
        WINDOWS_NO_TPM,
        _changed(WINDOWS_NO_TPM, "smbios_uuid", "disk_serial"),
        False,
    ),
    (
        "no TPM, UUID and system gone: 8 of 16 is half, not more",
        WINDOWS_NO_TPM,
        _changed(WINDOWS_NO_TPM, "smbios_uuid", "os_id"),
        False,
    ),
    (
        "macOS, a new card and disk: 5 of 10 is half",
        MAC_OS,
        _changed(MAC_OS, "mac", "disk_serial"),
        False,
    ),
    ("macOS, a new card: 7 of 10", MAC_OS, _changed(MAC_OS, "mac"), True),
    ("macOS, a new UUID: 5 of 10 is half", MAC_OS, _changed(MAC_OS, "smbios_uuid"), False),
    ("Linux, a new card: 5 of 8, but 2 of 5, and no body", LINUX, _changed(LINUX, "mac"), False),
    ("Linux, a new disk: 6 of 8, 3 of 5", LINUX, _changed(LINUX, "disk_serial"), True),
    ("Linux, reinstalled: 5 of 8, 5 of 5", LINUX, _changed(LINUX, "os_id"), True),
    (
        "Linux, a new disk set up afresh: 3 of 8",
        LINUX,
        _changed(LINUX, "os_id", "disk_serial"),
        False,
    ),
    ("one of two cards gone: 6.5 of 8, 3.5 of 5", TWO_CARDS, _some(TWO_CARDS, "mac", 1), True),
    (
        "one of two cards and the disk gone: 4.5 of 8, but 1.5 of 5",
        TWO_CARDS,
        _changed(_some(TWO_CARDS, "mac", 1), "disk_serial"),
        False,
    ),
    (
        "a card added",
        LINUX,
        {**LINUX, "mac": sorted([*LINUX["mac"], component("mac", "new")])},
        True,
    ),
    ("one of eight cards alone: 0.375 of 3", _set(mac=8), _some(_set(mac=8), "mac", 1), False),
    ("four of eight cards: half", _set(mac=8), _some(_set(mac=8), "mac", 4), False),
    ("five of eight cards: more than half", _set(mac=8), _some(_set(mac=8), "mac", 5), True),
    ("two of three cards", _set(mac=3), _some(_set(mac=3), "mac", 2), True),
    ("three of seven cards", _set(mac=7), _some(_set(mac=7), "mac", 3), False),
    ("four of seven cards", _set(mac=7), _some(_set(mac=7), "mac", 4), True),
    ("body alone, the same", _set("smbios_uuid"), _set("smbios_uuid"), True),
    ("guest without body or card: system and disk", GUEST, GUEST, True),
    (
        "guest, a new disk: 3 of 5, but nothing of the hardware",
        GUEST,
        _changed(GUEST, "disk_serial"),
        False,
    ),
    ("guest, a new system: 2 of 5", GUEST, _changed(GUEST, "os_id"), False),
    ("the system's id alone", _set("os_id"), _set("os_id"), True),
    ("the system's id alone, another one", _set("os_id"), _changed(_set("os_id"), "os_id"), False),
    (
        "disks enough for half, no body hash: 3 of 5 with the system",
        _set("mac", "disk_serial"),
        _changed(_set("mac", "disk_serial"), "mac"),
        False,
    ),
    ("a set of one card: 3 of the 8 of a Linux machine", _set("mac"), LINUX, False),
    ("a set of one card: 3 of the 10 of a Mac", _set("mac"), MAC_OS, False),
    ("a set of one card: 3 of the 21 of a Windows machine", _set("mac"), WINDOWS, False),
    ("a set of one card: 3 of 5", _set("mac"), _set("mac", "disk_serial"), True),
    ("a set of one card: 3 of 6 is half", _set("mac"), _set("mac", "os_id"), False),
    ("system and disk: 5 of the 8 of a Linux machine with a new card", GUEST, LINUX, True),
    ("UUID and disk: 7 of 10", _set("smbios_uuid", "disk_serial"), MAC_OS, True),
    ("the UUID alone: 5 of 10 is half", _set("smbios_uuid"), MAC_OS, False),
    ("11 of 21", _set("smbios_uuid", "board_serial", "mac"), WINDOWS, True),
    ("10 of 21", _set("tpm_key", "smbios_uuid"), WINDOWS, False),
    ("8 of 16 is half", LINUX, WINDOWS_NO_TPM, False),
    ("what else is seen weighs though it was never recorded", LINUX, LINUX | _new("tpm_key"), True),
    (
        "what else is seen weighs as much as what was recorded",
        LINUX,
        LINUX | _new("tpm_key", "board_serial"),
        False,
    ),
    ("what was recorded weighs whole though it is not seen", MAC_OS, _set("smbios_uuid"), False),
    (
        "recorded parts that are not seen still weigh: 11 against 8",
        _set("smbios_uuid", "mac", "os_id"),
        _set("smbios_uuid", "mac"),
        True,
    ),
    ("one card of eight weighs as all: 3 of 5", _set(mac=8), _set("disk_serial", mac=8), True),
    (
        "eight cards seen weigh as one: 3 of 5",
        _set("mac"),
        _set("disk_serial", mac=8),
        True,
    ),
    ("more cards seen than a set can contain", _set(mac=8), _set(mac=12), True),
    (
        "a carried card and a made-up disk: a Linux machine, 3 of 5 and 5 of 8",
        CARRIED | _new("disk_serial"),
        LINUX | CARRIED,
        True,
    ),
    (
        "a carried card and a made-up disk: no Mac, 5 of 10 is half",
        CARRIED | _new("disk_serial"),
        MAC_OS | CARRIED,
        False,
    ),
    (
        "a carried card and a made-up system: 3 of 6 is half",
        CARRIED | _new("os_id"),
        LINUX | CARRIED,
        False,
    ),
    (
        "a carried card and filler for Windows: 3 of 11",
        CARRIED | _new("smbios_uuid", "board_serial"),
        WINDOWS | CARRIED,
        False,
    ),
    (
        "a Mac's UUID and a made-up disk: 5 of 7 and 7 of 10",
        _set("smbios_uuid") | _new("disk_serial"),
        MAC_OS,
        True,
    ),
    ("nothing recorded, nothing seen", {}, {}, True),
    ("nothing recorded", {}, LINUX, False),
    ("nothing recorded, a user seen", {}, OTHER_USER, True),
    ("personal, the same user", PERSONAL, PERSONAL, True),
    ("personal, another user", PERSONAL, PERSONAL | OTHER_USER, False),
    ("personal, no user seen", PERSONAL, WINDOWS, False),
    ("machine, a user seen where none was recorded", WINDOWS, PERSONAL, True),
    ("machine, another user", PERSONAL, PERSONAL | OTHER_USER, True),
    ("machine, no user seen", PERSONAL, WINDOWS, True),
    ("the same hash under another name", _set("mac"), {"os_id": _set("mac")["mac"]}, False),
]


def _shares(recorded: Set, current: Set, name: str) -> int:
    again = set(recorded[name]) & set(current.get(name, []))
    return WEIGHTS[name] * 840 * len(again) // len(recorded[name])


def rule_vectors() -> Iterator[Vector]:
    for name, recorded, current, same in RULE:
        counted = [component for component in recorded if component in WEIGHTS]
        yield {
            "name": name,
            "protection": "personal" if name.startswith("personal") else "machine",
            "recorded": recorded,
            "seen": current,
            "expect": {
                "same": same,
                "matching_840ths": sum(_shares(recorded, current, c) for c in counted),
                "recorded_840ths": sum(WEIGHTS[c] * 840 for c in counted),
                "seen_840ths": sum(840 * w for c, w in WEIGHTS.items() if c in current),
            },
        }


def identifiable_vectors() -> Iterator[Vector]:
    cases: list[tuple[str, str, Set, int, int, bool]] = [
        ("all parts", "machine", WINDOWS, 21, 18, True),
        ("nothing", "machine", {}, 0, 0, False),
        ("a disk alone", "machine", _set("disk_serial"), 2, 2, False),
        ("a card alone", "machine", _set("mac"), 3, 3, True),
        ("eight disks weigh what one does", "machine", _set(disk_serial=8), 2, 2, False),
        ("the system's id alone", "machine", _set("os_id"), 3, 0, True),
        ("system and disk", "machine", GUEST, 5, 2, True),
        ("personal with a user", "personal", PERSONAL, 21, 18, True),
        ("personal without a user", "personal", WINDOWS, 21, 18, False),
        ("a user and a disk", "personal", _set("disk_serial", "user"), 2, 2, False),
        ("a token needs no parts", "dongle", {}, 0, 0, True),
    ]
    for name, protection, components, weight, hardware, ok in cases:
        yield {
            "name": name,
            "protection": protection,
            "components": components,
            "expect": {"weight": weight, "hardware": hardware, "identifiable": ok},
        }


def hash_vectors() -> Iterator[Vector]:
    cases: list[tuple[str, str, str, str, str]] = [
        ("tpm_key", NUMBER, "tpm_key", "1F" * 32, "1f" * 32),
        (
            "smbios_uuid in upper case",
            NUMBER,
            "smbios_uuid",
            "4C4C4544-0042-3510-8051-B7C04F4D3732",
            "4c4c4544-0042-3510-8051-b7c04f4d3732",
        ),
        ("mac with colons", NUMBER, "mac", "D0:BF:9C:11:22:33", "d0bf9c112233"),
        ("mac with dashes", NUMBER, "mac", "d0-bf-9c-11-22-33", "d0bf9c112233"),
        (
            "MachineGuid with dashes",
            NUMBER,
            "os_id",
            "2F4D7A3B-1C9E-4F5A-8B6C-7D8E9F0A1B2C",
            "2f4d7a3b1c9e4f5a8b6c7d8e9f0a1b2c",
        ),
        ("serial with runs of spaces", NUMBER, "board_serial", "  PF3K   11QX ", "PF3K 11QX"),
        ("serials keep their case", NUMBER, "disk_serial", "s4ewNX0R612345\n", "s4ewNX0R612345"),
        ("a no-break space at its end", NUMBER, "board_serial", "PF3K\u00a0", "PF3K"),
        ("other white space around it", NUMBER, "disk_serial", "\x1c\u3000PF3K\x85", "PF3K"),
        ("nothing else is trimmed", NUMBER, "disk_serial", "\ufeffPF3K\u200b", "\ufeffPF3K\u200b"),
        ("a tab inside stays", NUMBER, "board_serial", "PF  3K\t 1", "PF 3K\t 1"),
        ("lower case is of A to Z", NUMBER, "os_id", "\u00c4-ABC\u212a", "\u00c4abc\u212a"),
        ("user of another script", NUMBER, "user", "\u00c5sa", "\u00c5sa"),
        ("user keeps its case", NUMBER, "user", "Anna", "Anna"),
        ("another license, another hash", "999999999999", "mac", "d0bf9c112233", "d0bf9c112233"),
    ]
    for name, number, part, value, hashed in cases:
        facts: dict[str, Any] = {"value": hashed, "hash": component(part, hashed, number)}
        inputs = {"number": number, "component": part, "input": value}
        yield {"name": name} | inputs | {"expect": {"ok": True} | facts}
