"""The features of a license as people read them, and what a new response changes of them."""

from collections.abc import Mapping

from keyferry_protocol.messages import message
from keyferry_protocol.messages.formats import comma_list

Features = Mapping[str, bool | int]


def feature_list(features: Features) -> str:
    """`solver, threads 16`, with the limits."""
    return comma_list(_shown(features).values())


def feature_changes(before: Features, after: Features) -> list[str]:
    """A sentence for the features that were added, removed, and changed; none if all are equal."""
    old, new = _shown(before), _shown(after)
    lists = {
        "added": [new[name] for name in new if name not in old],
        "removed": [old[name] for name in old if name not in new],
        "changed": [
            message("terminal.features.was", feature=new[name], before=_limit(before[name], name))
            for name in new
            if name in old and new[name] != old[name]
        ],
    }
    return [
        message(f"terminal.features.{name}", features=comma_list(features))
        for name, features in lists.items()
        if features
    ]


def _limit(value: int, name: str) -> str:
    return name if value is True else str(value)


def _shown(features: Features) -> dict[str, str]:
    return {name: name if value is True else f"{name} {value}" for name, value in features.items()}
