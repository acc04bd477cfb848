"""The components that recognize a machine, and their hashes (docs/format.md, "Machine")."""

import re
from collections.abc import Callable, Mapping, Sequence

from keyferry_protocol.digests import hmac_sha256
from keyferry_protocol.encoding import b64
from keyferry_protocol.frozen import frozen
from keyferry_protocol.messages import message
from keyferry_protocol.strict_json import InvalidMember, JsonObject, text_matching

LICENSABLE_ENVIRONMENTS = ("physical", "virtual", "container")
ENVIRONMENTS = (*LICENSABLE_ENVIRONMENTS, "unknown")

# The hashes of a machine's components, by component name.
ComponentHashes = Mapping[str, tuple[str, ...]]


@frozen
class Component:
    """One component: its weight in the machine rule, and how its values are hashed."""

    name: str
    weight: int  # points
    anchor: bool  # a machine must keep at least one of its anchors
    hardware: bool  # False if the machine's owner can change it
    max_hashes: int
    normalize: Callable[[str], str]  # converts a raw value to the form that is hashed


@frozen
class Machine:
    """A machine as it was read: raw values by component. Requests contain only their hashes."""

    name: str
    os: str
    environment: str
    components: Mapping[str, Sequence[str]]


# Only these letters, as docs/components.md says: Unicode's rules differ between languages.
_TO_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def _lower_case(value: str) -> str:
    return value.strip().translate(_TO_LOWER)


def _mac_digits(value: str) -> str:
    return re.sub("[:-]", "", _lower_case(value))


def _hex_digits(value: str) -> str:
    return _lower_case(value).replace("-", "")


def _serial_number(value: str) -> str:
    return re.sub(" +", " ", value.strip())


_TABLE = (
    Component("tpm_key", 5, anchor=True, hardware=True, max_hashes=1, normalize=_lower_case),
    Component("smbios_uuid", 5, anchor=True, hardware=True, max_hashes=1, normalize=_lower_case),
    Component(
        "board_serial", 3, anchor=True, hardware=True, max_hashes=1, normalize=_serial_number
    ),
    Component("mac", 3, anchor=True, hardware=True, max_hashes=8, normalize=_mac_digits),
    Component("os_id", 3, anchor=False, hardware=False, max_hashes=1, normalize=_hex_digits),
    Component(
        "disk_serial", 2, anchor=False, hardware=True, max_hashes=8, normalize=_serial_number
    ),
)
COMPONENTS = {component.name: component for component in _TABLE}
USER = "user"  # has no weight, but must match
_USER = Component(USER, 0, anchor=False, hardware=False, max_hashes=1, normalize=str.strip)

# The components in requests and responses of each protection, in this order.
COMPONENTS_BY_PROTECTION: Mapping[str, tuple[Component, ...]] = {
    "machine": _TABLE,
    "personal": (*_TABLE, _USER),
    "dongle": (),
}
MAX_HASHES = {component.name: component.max_hashes for component in (*_TABLE, _USER)}
PROTECTIONS = tuple(COMPONENTS_BY_PROTECTION)

# A pattern for canonical base64 of 16 bytes: the last symbol has four unused bits.
_hash_text = text_matching("[A-Za-z0-9+/]{21}[AQgw]==", "no-hash")


def hash_component(number: str, name: str, value: str) -> str:
    """Base64 of half an HMAC-SHA256 keyed by the license number, so licenses share no hashes."""
    message = name.encode() + b"\0" + value.encode("utf-8", "surrogateescape")
    return b64(hmac_sha256(number.encode(), message)[:16])


def hash_components(
    number: str, values: Mapping[str, Sequence[str]], protection: str
) -> dict[str, tuple[str, ...]]:
    """Hash all raw values of the components that the protection uses; in ascending order."""
    hashed = {}
    for component in COMPONENTS_BY_PROTECTION[protection]:
        name = component.name
        normalized = {component.normalize(value) for value in values.get(name, ())} - {""}
        if normalized:
            hashes = sorted(hash_component(number, name, value) for value in normalized)
            hashed[name] = tuple(hashes)
    return hashed


def limit_hashes(current: ComponentHashes, recorded: ComponentHashes) -> ComponentHashes:
    """Cut a machine's hashes to what a request may contain, keeping those that were recorded.

    Otherwise a machine with more network cards than fit would lose the ones it is known by.
    """
    limited = {}
    for name, hashes in current.items():
        known = set(recorded.get(name, ()))
        chosen = sorted(hashes, key=lambda item: (item not in known, item))
        limited[name] = tuple(sorted(chosen[: MAX_HASHES[name]]))
    return limited


def parse_components(parent: JsonObject, protection: str) -> dict[str, tuple[str, ...]]:
    """Parse the `components` member of a request's machine or of a response's `bound_to`.

    Raises InvalidMember.
    """
    members = parent.json_object("components")
    if protection == "dongle" and next(members.names(), None) is not None:
        raise InvalidMember(parent.path_of("components"), message("format.dongle-components"))
    components: dict[str, tuple[str, ...]] = {}
    parsed: set[str] = set()
    for component in COMPONENTS_BY_PROTECTION[protection]:
        if component.name in members:
            hashes = _parse_hashes(members, component)
            if not parsed.isdisjoint(hashes):
                reason = message("format.hash-twice")
                raise InvalidMember(members.path_of(component.name), reason)
            parsed.update(hashes)
            components[component.name] = hashes
    return components


def _parse_hashes(members: JsonObject, component: Component) -> tuple[str, ...]:
    hashes = members.texts(component.name, _hash_text)
    if not 1 <= len(hashes) <= component.max_hashes:
        reason = message("format.hashes", n=component.max_hashes)
        raise InvalidMember(members.path_of(component.name), reason)
    if list(hashes) != sorted(set(hashes)):
        reason = message("format.ascending")
        raise InvalidMember(members.path_of(component.name), reason)
    return hashes
