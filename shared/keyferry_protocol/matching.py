"""The machine rule: whether two sets of components are one machine (docs/format.md, "Machine")."""

from collections.abc import Mapping, Sequence

from keyferry_protocol.components import COMPONENTS, USER, ComponentHashes
from keyferry_protocol.frozen import frozen

MIN_WEIGHT = 3  # points
# The components of which a machine keeps at least one.
ANCHORS = tuple(name for name, component in COMPONENTS.items() if component.anchor)
# The components that the machine's owner cannot write.
HARDWARE = tuple(name for name, component in COMPONENTS.items() if component.hardware)
_WEIGHTS = {name: component.weight for name, component in COMPONENTS.items()}
_SHARES = 840  # the least number that 1 to 8 all divide, so shared weights stay integers


@frozen
class Match:
    """How much of the recorded weight is there now, in points; `changed` names what differs."""

    have: int
    of: int
    changed: tuple[str, ...]
    same: bool


def match(recorded: ComponentHashes, current: ComponentHashes) -> Match:
    """Compare one recorded set, never a union, with the current one.

    It is one machine if more than half of the recorded weight is there, more than half of the
    recorded hardware's weight, and an anchor; a rule of which nothing was recorded holds.
    """
    shares = {name: _shares(name, recorded, current) for name in _WEIGHTS if name in recorded}
    anchors = [name for name in ANCHORS if name in shares]
    same = (
        _more_than_half(shares, list(shares))
        and _more_than_half(shares, [name for name in HARDWARE if name in shares])
        and (not anchors or any(shares[name] for name in anchors))
    )
    return Match(
        have=sum(shares.values()) // _SHARES,
        of=recorded_weight(recorded),
        changed=tuple(name for name in shares if shares[name] < _WEIGHTS[name] * _SHARES),
        same=same and recorded.get(USER, ()) == (current.get(USER, ()) if USER in recorded else ()),
    )


def is_same_machine(recorded: ComponentHashes, current: ComponentHashes) -> bool:
    """Whether the current machine is the recorded one, and for `personal` the recorded user."""
    return match(recorded, current).same


def matching_weight(recorded: ComponentHashes, current: ComponentHashes) -> int:
    """The recorded weight that is there now, in 840ths of a point: orders several matches."""
    return sum(_shares(name, recorded, current) for name in _WEIGHTS if name in recorded)


def recorded_weight(components: ComponentHashes) -> int:
    """The whole weight of a set in points; a component with several hashes weighs what one does."""
    return sum(weight for name, weight in _WEIGHTS.items() if name in components)


def hardware_weight(components: ComponentHashes) -> int:
    """The weight, in points, of the components that the machine's owner cannot write."""
    return sum(_WEIGHTS[name] for name in HARDWARE if name in components)


def anchor_hashes(components: ComponentHashes) -> tuple[str, ...]:
    """The hashes by which the service finds a machine's own seat."""
    return tuple(item for name in ANCHORS for item in components.get(name, ()))


def is_identifiable(components: ComponentHashes, protection: str) -> bool:
    """Whether a set is enough to recognize its machine again; a dongle needs none."""
    if protection == "dongle":
        return True
    enough = recorded_weight(components) >= MIN_WEIGHT
    return enough and (protection != "personal" or USER in components)


def _shares(name: str, recorded: ComponentHashes, current: ComponentHashes) -> int:
    hashes = recorded[name]
    kept = len(set(hashes) & set(current.get(name, ())))
    return _WEIGHTS[name] * _SHARES * kept // len(hashes)


def _more_than_half(shares: Mapping[str, int], names: Sequence[str]) -> bool:
    weight = sum(_WEIGHTS[name] for name in names) * _SHARES
    return not names or 2 * sum(shares[name] for name in names) > weight
