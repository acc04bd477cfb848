"""Names the parts of a machine that differ from the recorded ones, and the rule that fails."""

from keyferry_protocol.components import ComponentHashes
from keyferry_protocol.matching import Match
from keyferry_protocol.messages import message


def differing_parts(recorded: ComponentHashes, current: ComponentHashes, match: Match) -> list[str]:
    """The names of the parts that differ. Two components of the board have one name."""
    names = []
    for name in match.changed:
        is_left = not set(recorded[name]).isdisjoint(current.get(name, ()))
        names.append(message(f"doctor.some.{name}" if is_left else f"doctor.part.{name}"))
    return list(dict.fromkeys(names))


def broken_rule(match: Match) -> str:
    """A clause about the rule that fails, with the points that it is about."""
    return message(
        f"errors.wrong-machine.rule.{match.rule}",
        have=match.have,
        of=match.of,
        current=match.current,
        have_hardware=match.have_hardware,
        of_hardware=match.of_hardware,
    )


def match_facts(match: Match) -> dict[str, object]:
    """A match as it appears in `--json`."""
    return {
        "rule": match.rule or None,
        "have": match.have,
        "of": match.of,
        "hardware": {"have": match.have_hardware, "of": match.of_hardware},
        "current": match.current,
        "changed": list(match.changed),
    }
