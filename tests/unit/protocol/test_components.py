"""How the components of a machine are normalized, hashed and parsed."""

import hmac

import pytest

from keyferry_protocol.components import (
    COMPONENTS,
    PROTECTIONS,
    Component,
    hash_component,
    hash_components,
    limit_hashes,
    parse_components,
)
from keyferry_protocol.encoding import b64, unb64
from keyferry_protocol.messages import sentences
from keyferry_protocol.strict_json import InvalidMember, JsonObject
from tests.support.samples import NUMBER


def test_hashes_are_half_an_hmac_under_the_license_number() -> None:
    assert hash_component(NUMBER, "mac", "001122334455") != hash_component(
        "015120020094", "mac", "001122334455"
    )
    assert len(unb64(hash_component(NUMBER, "mac", "001122334455"))) == 16


def test_a_value_that_is_not_text_is_hashed_as_its_bytes() -> None:
    read = b"PF3K\xff".decode("utf-8", "surrogateescape")  # as Python reads a file name
    expected = hmac.digest(NUMBER.encode(), b"board_serial\0PF3K\xff", "sha256")[:16]
    assert hash_component(NUMBER, "board_serial", read) == b64(expected)


def test_values_are_hashed_in_one_form() -> None:
    def hashes(**values: list[str]) -> dict[str, tuple[str, ...]]:
        return hash_components(NUMBER, values, "machine")

    assert hashes(smbios_uuid=[" 4C4C4544-0042 \n"]) == hashes(smbios_uuid=["4c4c4544-0042"])
    assert hashes(mac=["00:11:22:AA:BB:CC"]) == hashes(mac=["001122aabbcc", "00-11-22-AA-BB-CC"])
    assert hashes(os_id=["AB-CD"]) == hashes(os_id=["abcd"])
    assert hashes(disk_serial=["WD  12"]) == hashes(disk_serial=["WD 12"])
    assert hashes(disk_serial=["WD 12"]) != hashes(disk_serial=["wd 12"])
    assert hashes(mac=[""], board_serial=[]) == {}


def test_a_set_has_the_components_of_its_protection() -> None:
    values = {"mac": [f"{i:012x}" for i in range(12)], "user": ["ann"], "shoe_size": ["42"]}
    machine = hash_components(NUMBER, values, "machine")
    assert set(machine) == {"mac"}
    assert len(machine["mac"]) == 12
    assert list(machine["mac"]) == sorted(machine["mac"])
    assert set(hash_components(NUMBER, values, "personal")) == {"mac", "user"}
    assert hash_components(NUMBER, values, "dongle") == {}


def test_a_request_contains_at_most_eight_hashes_and_those_that_were_recorded_first() -> None:
    values = {"mac": [f"{i:012x}" for i in range(12)], "tpm_key": ["ab", "cd"]}
    current = hash_components(NUMBER, values, "machine")
    cards = current["mac"]
    lowest = limit_hashes(current, {})
    assert (lowest["mac"], len(lowest["tpm_key"])) == (cards[:8], 1)
    kept = limit_hashes(current, {"mac": (*cards[10:], "a card that is gone")})
    assert kept["mac"] == (*cards[:6], *cards[10:])


@pytest.mark.parametrize("component", COMPONENTS.values(), ids=lambda component: component.name)
def test_the_catalog_names_every_component(component: Component) -> None:
    catalog = {f"{room}.{name}" for room in ("doctor",) for name in sentences(room)}
    names = {f"{part}.{component.name}" for part in ("doctor.missing", "doctor.part")}
    if component.max_hashes > 1:
        names.add(f"doctor.some.{component.name}")
    assert names <= catalog


@pytest.mark.parametrize("protection", PROTECTIONS)
def test_hashes_are_read_as_they_were_written(protection: str) -> None:
    values = {name: ["1", "2"] for name in (*COMPONENTS, "user")}
    hashes = limit_hashes(hash_components(NUMBER, values, protection), {})
    document = JsonObject({"components": {name: list(values) for name, values in hashes.items()}})
    assert parse_components(document, protection) == hashes


def test_no_hash_stands_twice_in_a_set() -> None:
    twice = hash_component(NUMBER, "mac", "1")
    hashes = {"mac": [twice], "smbios_uuid": [twice]}
    with pytest.raises(InvalidMember, match="mac contains a hash that another component has too"):
        parse_components(JsonObject({"components": hashes}), "machine")
    ignored = {"mac": [twice], "user": [twice], "cpu": [twice]}
    assert parse_components(JsonObject({"components": ignored}), "machine") == {"mac": (twice,)}


def test_a_component_that_its_protection_does_not_hold_is_not_read() -> None:
    hashes = {name: list(values) for name, values in hash_components(
        NUMBER, {"mac": ["1"], "user": ["ann"]}, "personal").items()}  # fmt: skip
    assert set(parse_components(JsonObject({"components": hashes}), "machine")) == {"mac"}
    with pytest.raises(InvalidMember, match="components is not empty"):
        parse_components(JsonObject({"components": hashes}), "dongle")
