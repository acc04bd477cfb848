"""The machine rule, in the words of a customer."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyferry_protocol.matching import (
    ANCHORS,
    anchor_hashes,
    hardware_weight,
    is_identifiable,
    is_same_machine,
    match,
    recorded_weight,
)

WEIGHTS = {
    "tpm_key": 5,
    "smbios_uuid": 5,
    "board_serial": 3,
    "mac": 3,
    "os_id": 3,
    "disk_serial": 2,
}
WINDOWS = {name: (name,) for name in WEIGHTS}
LINUX = {"mac": ("m1", "m2"), "os_id": ("o",), "disk_serial": ("d",)}
MACOS = {"smbios_uuid": ("u",), "mac": ("m",), "disk_serial": ("d",)}


def without(recorded: dict[str, tuple[str, ...]], *names: str) -> dict[str, tuple[str, ...]]:
    return {name: hashes for name, hashes in recorded.items() if name not in names}


@pytest.mark.parametrize(
    ("recorded", "current", "same"),
    [
        pytest.param(WINDOWS, WINDOWS, True, id="nothing changed"),
        pytest.param(WINDOWS, without(WINDOWS, "os_id", "disk_serial"), True, id="new disk: 16/21"),
        pytest.param(WINDOWS, without(WINDOWS, "smbios_uuid"), True, id="firmware update: 16/21"),
        pytest.param(WINDOWS, without(WINDOWS, "tpm_key", "smbios_uuid"), False, id="new board"),
        pytest.param(
            WINDOWS,
            {"os_id": ("os_id",), "disk_serial": ("disk_serial",)},
            False,
            id="disk moved to another box: 5/21",
        ),
        pytest.param(LINUX, LINUX | {"mac": ("m1",)}, True, id="one of two cards gone: 6.5/8"),
        pytest.param(LINUX, LINUX | {"mac": ("m1", "m2", "m3")}, True, id="a card more"),
        pytest.param(LINUX, without(LINUX, "mac"), False, id="both cards gone"),
        pytest.param(LINUX, without(LINUX, "os_id"), True, id="reinstalled: 5/8"),
        pytest.param(LINUX, without(LINUX, "os_id", "disk_serial"), False, id="new system disk"),
        pytest.param(
            {"mac": ("m",), "os_id": ("o",), "disk_serial": ("d",)},
            {"os_id": ("o",), "disk_serial": ("d",)},
            False,
            id="the only card replaced",
        ),
        pytest.param(MACOS, without(MACOS, "smbios_uuid"), False, id="another Mac with its disk"),
        pytest.param(MACOS, without(MACOS, "mac"), True, id="Mac, card replaced: 7/10"),
        pytest.param({"os_id": ("o",)}, {"os_id": ("o",)}, True, id="os_id alone, unchanged"),
        pytest.param(
            {"os_id": ("o",), "disk_serial": ("d",)},
            {"os_id": ("o",)},
            False,
            id="no hardware left",
        ),
        pytest.param({"mac": ("a", "b")}, {"mac": ("a",)}, False, id="exactly half is not enough"),
        pytest.param({"mac": ("mac",)}, LINUX | {"mac": ("mac",)}, False, id="one card of three"),
        pytest.param(
            {"smbios_uuid": ("u",)}, without(MACOS, "disk_serial"), True, id="5 of 8 were recorded"
        ),
        pytest.param({"smbios_uuid": ("u",)}, MACOS, False, id="5 of 10 were recorded: half"),
        pytest.param({}, WINDOWS, False, id="nothing was recorded"),
        pytest.param({}, {}, True, id="nothing to compare, as for a dongle"),
    ],
)
def test_a_machine_is_known_by_more_than_half(
    recorded: dict[str, tuple[str, ...]], current: dict[str, tuple[str, ...]], same: bool
) -> None:
    assert is_same_machine(recorded, current) is same


def test_a_personal_license_needs_its_user() -> None:
    recorded = WINDOWS | {"user": ("ann",)}
    assert is_same_machine(recorded, recorded)
    assert not is_same_machine(recorded, WINDOWS | {"user": ("bob",)})
    assert not is_same_machine(recorded, WINDOWS)
    assert is_same_machine(WINDOWS, recorded)


def test_a_match_has_whole_points_and_the_names_of_changed_components() -> None:
    result = match(WINDOWS, without(WINDOWS, "mac"))
    assert (result.have, result.of, result.changed, result.same) == (18, 21, ("mac",), True)
    few = match({"mac": ("mac",)}, WINDOWS)
    assert (few.have, few.of, few.current, few.same) == (3, 3, 21, False)
    half = match(LINUX, LINUX | {"mac": ("m1",)})
    assert (half.have, half.of, half.changed) == (6, 8, ("mac",))
    assert str(half.have) == "6"


sets = st.dictionaries(
    st.sampled_from(list(WEIGHTS)),
    st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True).map(tuple),
)


@given(sets, sets)
def test_the_rule_is_the_one_of_the_specification(
    recorded: dict[str, tuple[str, ...]], current: dict[str, tuple[str, ...]]
) -> None:
    def share(names: list[str]) -> tuple[Fraction, int]:
        again = sum(
            (Fraction(WEIGHTS[n] * len({*recorded[n]} & {*current.get(n, ())}), len(recorded[n]))
             for n in names), Fraction(0))  # fmt: skip
        return again, sum(WEIGHTS[n] for n in names)

    def more_than_half(names: list[str]) -> bool:
        again, whole = share(names)
        return not names or again > Fraction(whole, 2)

    body = [n for n in recorded if n in ANCHORS]
    expected = (
        more_than_half(list(recorded))
        and more_than_half([n for n in recorded if n != "os_id"])
        and (not body or any(share([n])[0] for n in body))
        and (not current or 2 * share([*recorded])[1] > sum(WEIGHTS[n] for n in current))
    )
    assert is_same_machine(recorded, current) is expected


@given(sets, sets, sets)
def test_two_machines_without_common_hardware_never_both_match_one_set(
    recorded: dict[str, tuple[str, ...]],
    one: dict[str, tuple[str, ...]],
    other: dict[str, tuple[str, ...]],
) -> None:
    disjoint = {
        name: left
        for name, hashes in other.items()
        if (left := tuple(h for h in hashes if name == "os_id" or h not in one.get(name, ())))
    }
    if hardware_weight(recorded) >= 3:
        assert not (is_same_machine(recorded, one) and is_same_machine(recorded, disjoint))


# A part with one or two hashes, and what of it the one machine has; the other has the rest.
DIVIDED = [("", ""), ("a", ""), ("a", "a"), ("ab", ""), ("ab", "a"), ("ab", "ab")]


@pytest.mark.parametrize("os_id", ["", "o"], ids=["no os_id", "both have its os_id"])
def test_however_a_sets_hardware_is_divided_it_is_never_two_machines(os_id: str) -> None:
    """Exactly half each is the closest that two come, so "at least half" would be two machines."""
    hardware = [name for name in WEIGHTS if name != "os_id"]
    for parts in product(DIVIDED, repeat=len(hardware)):
        sets = {"recorded": {"os_id": os_id}, "one": {"os_id": os_id}, "other": {"os_id": os_id}}
        for name, (hashes, ones) in zip(hardware, parts, strict=True):
            sets["recorded"][name], sets["one"][name] = hashes, ones
            sets["other"][name] = "".join(h for h in hashes if h not in ones)
        recorded, one, other = (
            {name: tuple(hashes) for name, hashes in each.items() if hashes}
            for each in sets.values()
        )
        if hardware_weight(recorded) >= 3:
            assert not (is_same_machine(recorded, one) and is_same_machine(recorded, other))


@pytest.mark.parametrize(
    ("components", "protection", "enough"),
    [
        ({"mac": ("m",)}, "machine", True),
        ({"os_id": ("o",)}, "machine", True),
        ({"disk_serial": ("d",)}, "machine", False),
        ({}, "machine", False),
        ({"mac": ("m",)}, "personal", False),
        ({"mac": ("m",), "user": ("u",)}, "personal", True),
        ({"user": ("u",)}, "personal", False),
        ({}, "dongle", True),
    ],
)
def test_three_points_identify_a_machine(
    components: dict[str, tuple[str, ...]], protection: str, enough: bool
) -> None:
    assert is_identifiable(components, protection) is enough


def test_the_os_id_alone_is_not_hardware() -> None:
    assert (recorded_weight(WINDOWS), hardware_weight(WINDOWS)) == (21, 18)


def test_a_seat_is_found_by_the_hashes_of_its_anchors() -> None:
    assert anchor_hashes(LINUX) == ("m1", "m2")
    assert anchor_hashes(MACOS) == ("u", "m")
    assert anchor_hashes({"os_id": ("o",), "disk_serial": ("d",)}) == ()
