"""The machine rule: whether two sets of components are one machine (docs/format.md, "Machine")."""

from collections.abc import Mapping

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

    `current` is the weight of the current set. `rule` is the first rule that fails: `recorded`,
    `weight`, `anchor`, `hardware` or `user`; "" for the same machine. A weight that is shared by
    several hashes is rounded so that the points never contradict the rule.
    """

    have: int
    of: int
    have_hardware: int
    of_hardware: int
    current: int
    changed: tuple[str, ...]
    rule: str

    @property
    def same(self) -> bool:
        return not self.rule


def match(recorded: ComponentHashes, current: ComponentHashes) -> Match:
    """Compare one recorded set, never a union of several, with the current set.

    It is the same machine if more than half of the recorded weight is present, more than half of
    the recorded hardware's weight, and an anchor; and if the recorded components weigh more than
    half of the current ones, so that no set can make one part stand for a whole machine. A rule
    without components to compare holds.
    """
    shares = {name: _shares(name, recorded, current) for name in _WEIGHTS if name in recorded}
    hardware = {name: shares[name] for name in HARDWARE if name in shares}
    return Match(
        have=_points(shares),
        of=recorded_weight(recorded),
        have_hardware=_points(hardware),
        of_hardware=hardware_weight(recorded),
        current=recorded_weight(current),
        changed=tuple(name for name in shares if shares[name] < _WEIGHTS[name] * _SHARES),
        rule=_broken_rule(shares, hardware, recorded, current),
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


def _broken_rule(
    shares: Mapping[str, int],
    hardware: Mapping[str, int],
    recorded: ComponentHashes,
    current: ComponentHashes,
) -> str:
    """The first rule that fails. The anchor comes before the hardware, which it often explains."""
    if not _outweighs_half(recorded, current):
        return "recorded"
    if not _more_than_half(shares):
        return "weight"
    anchors = [shares[name] for name in ANCHORS if name in shares]
    if anchors and not any(anchors):
        return "anchor"
    if not _more_than_half(hardware):
        return "hardware"
    return "user" if recorded.get(USER, current.get(USER)) != current.get(USER) else ""


def _outweighs_half(recorded: ComponentHashes, current: ComponentHashes) -> bool:
    weight = recorded_weight(current)
    return not weight or 2 * recorded_weight(recorded) > weight


def _shares(name: str, recorded: ComponentHashes, current: ComponentHashes) -> int:
    hashes = recorded[name]
    kept = len(set(hashes) & set(current.get(name, ())))
    return _WEIGHTS[name] * _SHARES * kept // len(hashes)


def _more_than_half(shares: Mapping[str, int]) -> bool:
    return not shares or 2 * sum(shares.values()) > _weight(shares)


def _points(shares: Mapping[str, int]) -> int:
    """Whole points: rounded up where rounding down would make more than half a half or less."""
    whole = sum(shares.values()) // _SHARES
    rounds_up = _more_than_half(shares) and 2 * whole * _SHARES <= _weight(shares)
    return whole + 1 if shares and rounds_up else whole


def _weight(shares: Mapping[str, int]) -> int:
    return sum(_WEIGHTS[name] for name in shares) * _SHARES
