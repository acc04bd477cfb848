"""The machine rule: whether two sets of components are one machine (docs/format.md, "Machine")."""

from collections.abc import Mapping, Sequence

from keyferry_protocol.components import COMPONENTS, USER, ComponentHashes
from keyferry_protocol.frozen import frozen

MIN_WEIGHT = 3  # points
# The components of which a machine must keep at least one.
ANCHORS = tuple(name for name, component in COMPONENTS.items() if component.anchor)
# The components that the machine's owner cannot change.
HARDWARE = tuple(name for name, component in COMPONENTS.items() if component.hardware)
_WEIGHTS = {name: component.weight for name, component in COMPONENTS.items()}
_SHARES = 840  # least common multiple of 1 to 8, so shared weights stay integers


@frozen
class Match:
    """How much of the recorded weight is present, in points; `changed` names the differences.

    `current` is the weight of the current set.
    """

    have: int
    of: int
    current: int
    changed: tuple[str, ...]
    same: bool


def match(recorded: ComponentHashes, current: ComponentHashes) -> Match:
    """Compare one recorded set, never a union of several, with the current set.

    It is the same machine if more than half of the recorded weight is present, more than half of
    the recorded hardware's weight, and an anchor; and if the recorded components weigh more than
    half of the current ones, so that no set can make one part stand for a whole machine. A rule
    without components to compare holds.
    """
    shares = {name: _shares(name, recorded, current) for name in _WEIGHTS if name in recorded}
    anchors = [name for name in ANCHORS if name in shares]
    same = (
        _more_than_half(shares, list(shares))
        and _more_than_half(shares, [name for name in HARDWARE if name in shares])
        and (not anchors or any(shares[name] for name in anchors))
        and _outweighs_half(recorded, current)
    )
    return Match(
        have=sum(shares.values()) // _SHARES,
        of=recorded_weight(recorded),
        current=recorded_weight(current),
        changed=tuple(name for name in shares if shares[name] < _WEIGHTS[name] * _SHARES),
        same=same and recorded.get(USER, ()) == (current.get(USER, ()) if USER in recorded else ()),
    )


def is_same_machine(recorded: ComponentHashes, current: ComponentHashes) -> bool:
    """Whether the current machine is the recorded one, and for `personal` the recorded user."""
    return match(recorded, current).same


def matching_weight(recorded: ComponentHashes, current: ComponentHashes) -> int:
    """The recorded weight that is present, in 840ths of a point, to rank several matches."""
    return sum(_shares(name, recorded, current) for name in _WEIGHTS if name in recorded)


def recorded_weight(components: ComponentHashes) -> int:
    """The total weight of a set in points. A component with several hashes counts once."""
    return sum(weight for name, weight in _WEIGHTS.items() if name in components)


def hardware_weight(components: ComponentHashes) -> int:
    """The weight, in points, of the components that the machine's owner cannot change."""
    return sum(_WEIGHTS[name] for name in HARDWARE if name in components)


def anchor_hashes(components: ComponentHashes) -> tuple[str, ...]:
    """The hashes by which the service finds a machine's current seat."""
    return tuple(item for name in ANCHORS for item in components.get(name, ()))


def is_identifiable(components: ComponentHashes, protection: str) -> bool:
    """Whether a set is large enough to recognize its machine; `dongle` needs no components."""
    if protection == "dongle":
        return True
    enough = recorded_weight(components) >= MIN_WEIGHT
    return enough and (protection != "personal" or USER in components)


def _outweighs_half(recorded: ComponentHashes, current: ComponentHashes) -> bool:
    weight = recorded_weight(current)
    return not weight or 2 * recorded_weight(recorded) > weight


def _shares(name: str, recorded: ComponentHashes, current: ComponentHashes) -> int:
    hashes = recorded[name]
    kept = len(set(hashes) & set(current.get(name, ())))
    return _WEIGHTS[name] * _SHARES * kept // len(hashes)


def _more_than_half(shares: Mapping[str, int], names: Sequence[str]) -> bool:
    weight = sum(_WEIGHTS[name] for name in names) * _SHARES
    return not names or 2 * sum(shares[name] for name in names) > weight
