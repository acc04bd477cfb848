"""Windows and macOS, read from answers in their systems' own form."""

import struct
from hashlib import sha256

import pytest

from keyferry.machine import macos, windows
from keyferry.machine.windows import Card
from tests.support.machines import (
    board,
    card,
    controller,
    disk,
    drive,
    endorsement_key,
    printed,
    smbios,
    structure,
    system,
)


def test_a_windows_machine_shows_everything() -> None:
    recorded = windows.Recorded(
        smbios=smbios(structure(0, bytes(20), "BIOS"), system(), board()),
        cards=(card(),),
        disks=(disk(),),
        machine_guid="3D1219C7-C4C5-404A-AA1F-6D2A48ADFDA4",
        endorsement_key=endorsement_key(),
        sid="S-1-5-21-1-2-3-1001",
    )
    components = windows.components(recorded)
    assert components.pop("tpm_key")[0] == sha256(_template(b"\xc1" * 256)).hexdigest()
    assert components == {
        "smbios_uuid": ["4c4c4544-0042-3510-8051-b7c04f4d3732"],
        "board_serial": ["/7BT5VD3/CN/"],
        "mac": ["d0bf9c112233"],
        "disk_serial": ["S5GXNX0T1"],
        "os_id": ["3d1219c7c4c5404aaa1f6d2a48adfda4"],
        "user": ["S-1-5-21-1-2-3-1001"],
    }
    assert windows.environment(recorded.smbios) == "physical"


def _template(modulus: bytes) -> bytes:
    """TPM2B_PUBLIC of the default RSA endorsement key, byte by byte as TCG prints it."""
    public = bytes.fromhex(
        "0001 000b 000300b2 0020"
        "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
        "0006 0080 0043 0010 0800 00000000 0100"
    )
    return struct.pack(">H", len(public) + len(modulus)) + public + modulus


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"RSA1",
        endorsement_key(b"\1" * 128),
        b"ECK1" + endorsement_key()[4:],
        endorsement_key()[:-1],
    ],
)
def test_an_endorsement_key_of_another_kind_is_ignored(blob: bytes) -> None:
    assert windows.tpm_keys(blob) == []


@pytest.mark.parametrize(
    "uuid", [bytes(16), b"\xff" * 16, bytes.fromhex("00020003000400050006000700080009")]
)
def test_a_placeholder_is_not_a_uuid(uuid: bytes) -> None:
    assert windows.smbios_uuids(smbios(system(uuid=uuid))) == []


@pytest.mark.parametrize("serial", ["Default string", "To be filled by O.E.M.", "", "None", "0"])
def test_a_placeholder_is_not_a_board_serial(serial: str) -> None:
    assert windows.board_serials(smbios(board(serial))) == []


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_a_truncated_table_is_read_up_to_the_cut(cut: int) -> None:
    whole = smbios(system(), board())
    everything = list(windows.structures(whole))
    for part in (whole[:cut], whole[: len(whole) - cut]):
        structures = list(windows.structures(part))
        assert structures == everything[: len(structures)]
        assert (len(structures) == len(everything)) is (part == whole)


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (card(device="USB\\VID_0BDA"), "USB"),
        (card(device="ROOT\\VMS_MP"), "made by software"),
        (card(hardware=False), "a filter"),
        (card(type=24), "loopback"),
        (card("02bf9c112233"), "locally administered"),
        (card("000000000000"), "zeros"),
        (card("888888888788"), "the default of a controller without its own address"),
        (card("00059a3c7a00"), "a VPN's on every computer"),
        (card(device="SWD\\MSRRAS\\MS_NDISWANIP"), "made by Windows"),
        (card(device="BTHENUM\\DEV_1"), "on Bluetooth"),
        (card(container="{9d7f3c1a-5b2e-4c3d-8f1e-0a1b2c3d4e5f}"), "in a dock on Thunderbolt"),
    ],
)
def test_a_card_that_is_not_built_in_does_not_count(odd: Card, why: str) -> None:
    assert windows.macs((odd, card("d0bf9c445566", type=71))) == ["d0bf9c445566"], why


def test_a_card_in_the_computer_counts() -> None:
    inside = card(container="{00000000-0000-0000-FFFF-FFFFFFFFFFFF}")
    assert windows.macs((inside,)) == ["d0bf9c112233"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        pytest.param(system("Microsoft Corporation", "Virtual Machine"), [], id="its UUID is read"),
        pytest.param(
            system("Microsoft Corporation", "Virtual Machine", bytes(16)),
            ["00155d010203"],
            id="its UUID is blank",
        ),
        pytest.param(
            system("Microsoft Corporation", "Surface Pro 9"), ["00155d010203"], id="a Surface"
        ),
        pytest.param(system("VMware, Inc.", "VMware7,1"), ["00155d010203"], id="another guest"),
    ],
)
def test_a_hyper_v_guests_card_counts_only_without_its_uuid(
    table: bytes, expected: list[str]
) -> None:
    recorded = windows.Recorded(smbios(table), (card("00155d010203", device="VMBUS\\{F86}"),))
    assert windows.components(recorded).get("mac", []) == expected


@pytest.mark.parametrize(
    ("product", "serial", "lasts"),
    [
        ("Amazon EC2 NVMe", "AWS66337A23B237EFE14_00000001.", False),
        ("", "AWS66337A23B237EFE14_00000001.", False),
        ("Amazon Elastic B", "vol04b63ac805c7c73a5_00000001.", True),
        ("Microsoft NVMe Direct Disk v2", "1cf3ab3ce1db00000001", False),
        ("nvme_card", "x1", False),
        ("nvme_card-pd", "x1", True),
        ("Samsung SSD 990", "S5GXNX0T1", True),
    ],
)
def test_a_clouds_disk_that_ends_with_the_instance_is_no_component(
    product: str, serial: str, lasts: bool
) -> None:
    assert windows.disk_serials((disk(serial, product=product),)) == ([serial] if lasts else [])


@pytest.mark.parametrize(
    "odd", [disk(bus=7), disk(bus=14), disk(bus=12), disk(removable=1), disk(" "), b"", b"\0" * 50]
)
def test_a_disk_that_is_not_built_in_does_not_count(odd: bytes) -> None:
    assert windows.disk_serials((odd, disk("  0025_38B1. "))) == ["0025_38B1."]


# macOS


def test_a_mac_shows_its_uuid_cards_and_disks() -> None:
    recorded = macos.Recorded(
        platform=printed({"IOPlatformUUID": "A8E2B0C4-0042-5310-8051-B7C04F4D3732"}),
        controllers=(
            printed(
                controller("a483e7112233", True),
                controller("a483e7445566", False),
                controller("36112233aabb", True),
            ),
            b"",
        ),
        disks=printed(
            drive(" 0ba0112233 "),
            drive("USB1", "External", "USB"),
            drive("SD1", "Internal", "Secure Digital"),
        ),
    )
    assert macos.components(recorded) == {
        "smbios_uuid": ["a8e2b0c4-0042-5310-8051-b7c04f4d3732"],
        "mac": ["a483e7112233"],
        "disk_serial": ["0ba0112233"],
    }


@pytest.mark.parametrize("answer", [b"", b"\n", b"ioreg: error", b"<plist", printed({})])
def test_a_mac_that_answers_nothing_shows_nothing(answer: bytes) -> None:
    assert macos.components(macos.Recorded(answer, (answer,), answer)) == {}
