"""The committed table: what falls without each right, and what no test here can see."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_TABLE: dict[str, Any] = tomllib.loads((Path(__file__).parent / "actions.toml").read_text())
REASONS: dict[str, dict[str, str]] = _TABLE["reasons"]


def _entries(roles: Any) -> Iterator[tuple[tuple[str, str, str], str]]:
    for role, resources in roles.items():
        for resource, actions in resources.items():
            for action, journey in actions.items():
                yield (role, resource, action), journey


TESTED = dict(_entries(_TABLE["seen"]))  # (role, resource, action) -> the journey that falls
UNTESTED = dict(_entries(_TABLE["unseen"]))  # the same -> the reason's name
