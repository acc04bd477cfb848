"""How a machine is recognised: component hashes and the rule (docs/format.md, "Machine")."""

import hmac
import re
from collections.abc import Mapping, Sequence

from keyferry_protocol.encoding import b64
from keyferry_protocol.frozen import frozen
from keyferry_protocol.strict_json import InvalidMember, JsonObject, matching

PROTECTIONS = ("machine", "personal", "dongle")
ENVIRONMENTS = ("physical", "virtual", "container", "unknown")
WEIGHTS = {
    "tpm_key": 5,
    "smbios_uuid": 5,
    "board_serial": 3,
    "mac": 3,
    "os_id": 3,
    "disk_serial": 2,
}
ANCHORS = ("tpm_key", "smbios_uuid", "board_serial", "mac")
USER = "user"  # weighs nothing, and must match
MAX_HASHES = {"mac": 8, "disk_serial": 8}  # one of every other component
MIN_WEIGHT = 3
_SHARES = 840  # the least number that 1 to 8 all divide, so shared weights stay integers

# Canonical base64 of 16 bytes, as a pattern: four bits are left in the last symbol.
_read_hash = matching("[A-Za-z0-9+/]{21}[AQgw]==", "a hash of 16 bytes")

Components = Mapping[str, tuple[str, ...]]


@frozen
class Machine:
    """A machine as it was read: raw values by component, hashed only inside requests."""

    name: str
    os: str
    environment: str
    components: Mapping[str, Sequence[str]]


@frozen
class Match:
    """How much of the recorded weight was seen again, in points; `changed` names what differs."""

    have: int
    of: int
    changed: tuple[str, ...]
    same: bool


def hash_component(number: str, name: str, value: str) -> str:
    """Base64 of half an HMAC-SHA256 under the license number: two licenses see two machines."""
    message = name.encode() + b"\0" + value.encode("utf-8", "surrogateescape")
    return b64(hmac.digest(number.encode(), message, "sha256")[:16])


def hash_components(
    number: str, values: Mapping[str, Sequence[str]], protection: str
) -> dict[str, tuple[str, ...]]:
    """The hashes of raw values; `{}` for a dongle, `user` for `personal` alone."""
    if protection == "dongle":
        return {}
    names = (*WEIGHTS, USER) if protection == "personal" else tuple(WEIGHTS)
    hashed = {}
    for name in names:
        read = {normalize(name, value) for value in values.get(name, ())} - {""}
        if read:
            hashes = sorted(hash_component(number, name, value) for value in read)
            hashed[name] = tuple(hashes[: MAX_HASHES.get(name, 1)])
    return hashed


def normalize(name: str, value: str) -> str:
    """A component's value in the one form that is hashed."""
    value = value.strip()
    if name in ("smbios_uuid", "tpm_key"):
        return value.lower()
    if name == "mac":
        return re.sub("[:-]", "", value).lower()
    if name == "os_id":
        return value.replace("-", "").lower()
    if name in ("board_serial", "disk_serial"):
        return re.sub(" +", " ", value)
    return value


def match(recorded: Components, seen: Components) -> Match:
    """Compare one recorded set, never a union, with what is seen now.

    One machine: more than half of the recorded weight, more than half of the recorded hardware's,
    and a body hash, each if any was recorded.
    """
    found = {name: _shares(name, recorded, seen) for name in WEIGHTS if name in recorded}
    hardware = [name for name in found if name != "os_id"]
    body = [name for name in found if name in ANCHORS]
    same = (
        _more_than_half(found, list(found))
        and _more_than_half(found, hardware)
        and (not body or any(found[name] for name in body))
    )
    return Match(
        have=sum(found.values()) // _SHARES,
        of=recorded_weight(recorded),
        changed=tuple(name for name in found if found[name] < WEIGHTS[name] * _SHARES),
        same=same and recorded.get(USER, ()) == (seen.get(USER, ()) if USER in recorded else ()),
    )


def is_same_machine(recorded: Components, seen: Components) -> bool:
    """Whether what is seen is the recorded machine, and for `personal` the recorded user."""
    return match(recorded, seen).same


def matching_weight(recorded: Components, seen: Components) -> int:
    """The recorded weight that is seen again, in 840ths of a point: orders several matches."""
    return sum(_shares(name, recorded, seen) for name in WEIGHTS if name in recorded)


def recorded_weight(components: Components) -> int:
    """The whole weight of a set in points; a component with several hashes weighs what one does."""
    return sum(weight for name, weight in WEIGHTS.items() if name in components)


def hardware_weight(components: Components) -> int:
    """The weight of all but `os_id`, which a machine's owner can write."""
    return recorded_weight({name: components[name] for name in components if name != "os_id"})


def anchor_hashes(components: Components) -> tuple[str, ...]:
    """The hashes by which the service finds a machine's own seat."""
    return tuple(item for name in ANCHORS for item in components.get(name, ()))


def is_identifiable(components: Components, protection: str) -> bool:
    """Whether a set is enough to recognise its machine again; a dongle needs none."""
    if protection == "dongle":
        return True
    enough = recorded_weight(components) >= MIN_WEIGHT
    return enough and (protection != "personal" or USER in components)


def read_components(record: JsonObject, protection: str) -> dict[str, tuple[str, ...]]:
    """The `components` member of a request's machine or a response's binding. Raises Malformed."""
    entries = record.record("components")
    if protection == "dongle":
        if next(entries.names(), None) is not None:
            raise InvalidMember(record.path("components"), "is not empty, as a dongle's is")
        return {}
    names = (*WEIGHTS, USER) if protection == "personal" else tuple(WEIGHTS)
    return {name: _read_hashes(entries, name) for name in names if name in entries}


def _read_hashes(entries: JsonObject, name: str) -> tuple[str, ...]:
    hashes = entries.texts(name, _read_hash)
    if not 1 <= len(hashes) <= MAX_HASHES.get(name, 1):
        raise InvalidMember(
            entries.path(name), f"does not hold 1 to {MAX_HASHES.get(name, 1)} hashes"
        )
    if list(hashes) != sorted(set(hashes)):
        raise InvalidMember(entries.path(name), "is not in ascending order, none twice")
    return hashes


def _shares(name: str, recorded: Components, seen: Components) -> int:
    hashes = recorded[name]
    again = len(set(hashes) & set(seen.get(name, ())))
    return WEIGHTS[name] * _SHARES * again // len(hashes)


def _more_than_half(found: Mapping[str, int], names: list[str]) -> bool:
    weight = sum(WEIGHTS[name] for name in names) * _SHARES
    return not names or 2 * sum(found[name] for name in names) > weight
