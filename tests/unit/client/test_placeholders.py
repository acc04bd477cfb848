"""What every unit of a product has tells no computer from another."""

import random
from uuid import UUID

import pytest

from keyferry.machine.placeholders import is_placeholder, is_real_mac, is_real_uuid


@pytest.mark.parametrize(
    "address",
    [
        "00:00:00:00:00:01",
        "00:00:00:00:01:02",
        "00:01:02:03:04:05",
        "00:0a:0b:0c:0d:0e",
        "00:11:11:11:11:11",
        "00:11:22:33:44:55",
        "00:11:22:33:44:5f",
        "00:11:22:aa:bb:cc",
        "00:a0:c9:00:00:02",
        "00:de:ad:be:ef:07",
        "00:e0:4c:00:00:01",
        "00:12:34:56:78:90",
        "00:12:34:56:78:9a",
        "00:23:45:67:89:ab",
        "00:e0:4c:00:e0:4c",
        "08:08:08:08:08:09",
        "10:20:10:20:10:20",
        "50:40:30:20:10:00",
        "54:32:10:fe:dc:ba",
        "88:88:88:88:87:88",
        "00:1b:21:00:00:00",
        "98:76:54:32:10:98",
    ],
)
def test_an_address_that_a_person_made_up_is_no_cards_own(address: str) -> None:
    for text in (address.replace(":", ""), address.replace(":", "").upper()):
        assert not is_real_mac(text)


@pytest.mark.parametrize(
    "address",
    [
        "d0bf9c112233",
        "a483e7112233",
        "005056112233",
        "000c29f5b711",
        "0c4de9123456",
        "001122a3b9c5",
    ],
)
def test_an_address_with_a_few_neat_octets_is_a_cards_own(address: str) -> None:
    assert is_real_mac(address)


@pytest.mark.parametrize(
    "uuid",
    [
        "00000000-0000-0000-0000-000000000001",
        "00010203-0405-0607-0809-0a0b0c0d0e0f",
        "00020003-0004-0005-0006-000700080009",
        "00112233-4455-6677-8899-aabbccddeeff",
        "01010101-0101-0101-0101-010101010101",
        "01020304-0506-0708-090a-0b0c0d0e0f10",
        "01234567-89ab-cdef-0123-456789abcdef",
        "03000200-0400-0500-0006-000700080009",
        "03020100-0504-0706-0809-0a0b0c0d0e0f",
        "0f0e0d0c-0b0a-0908-0706-050403020100",
        "11111111-2222-3333-4444-555555555555",
        "12345678-1234-1234-1234-123456789abc",
        "12345678-1234-5678-1234-567812345678",
        "12345678-1234-5678-90ab-cddeefaabbcc",
        "4c4c4544-0000-2010-8020-80c04f202020",
        "6ab5b300-538d-1014-9fb5-b0684d007b53",
        "78563412-3412-7856-90ab-cddeefaabbcc",
        "deadbeef-dead-beef-dead-beefdeadbeef",
        "ffffff00-ffff-ffff-ffff-ffffffffffff",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "03000200-0400-0500-0006-0007000800",
        "not a uuid",
        "",
    ],
)
def test_a_uuid_that_a_person_made_up_is_no_computers_own(uuid: str) -> None:
    assert not is_real_uuid(uuid)
    assert not is_real_uuid(uuid.upper())


@pytest.mark.parametrize(
    "uuid",
    [
        "4c4c4544-0042-3510-8051-b7c04f4d3732",
        "00000000-0000-0000-0000-ac1f6b8a21c4",  # Supermicro: the address of its card
        "03aa02fc-0414-0507-bc06-d70708000900",  # Gigabyte: its card's address between the digits
        "31433646-3635-3532-3445-3546ffffffff",
        "A8E2B0C4-0042-5310-8051-B7C04F4D3732",
    ],
)
def test_a_uuid_that_holds_an_address_or_a_serial_number_is_a_computers_own(uuid: str) -> None:
    assert is_real_uuid(uuid)


def test_what_is_drawn_at_random_is_never_taken_for_made_up() -> None:
    draw = random.Random(13)
    for _ in range(20_000):
        assert is_real_mac(f"a0369f{draw.getrandbits(24) | 1:06x}")
    for _ in range(5_000):
        assert is_real_uuid(str(UUID(int=draw.getrandbits(128), version=4)))


@pytest.mark.parametrize(
    ("value", "counted"),
    [
        ("12345", True),
        ("123456789012", True),
        ("123456789ABC", True),
        ("fedcba9876543210", True),
        ("0123456789abcdef0123456789abcdef", True),
        ("1234", False),
        ("S1234567", False),
        ("123457", False),
    ],
)
def test_a_serial_number_that_is_a_count_tells_nothing(value: str, counted: bool) -> None:
    assert is_placeholder(value) is counted
