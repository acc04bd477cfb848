"""The rights that template.yaml gives its functions: which role may do which action on what."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.stack.test_template import OFF, RESOURCES


@dataclass(frozen=True, order=True)
class Right:
    """One action on one resource, as the template names both."""

    role: str
    resource: str
    action: str
    is_local: bool = True  # not one of those that the embedded cloud's conditions leave out
    statement: int = 0  # its place in the role's policy

    @property
    def name(self) -> tuple[str, str, str]:
        return self.role, self.resource, self.action


def rights() -> list[Right]:
    """All of them, in the template's order."""
    roles = {n: r["Properties"] for n, r in RESOURCES.items() if r["Type"] == "AWS::IAM::Role"}
    return [right for name, role in roles.items() for right in _rights_of(name, role)]


def _rights_of(role: str, properties: Any) -> Iterator[Right]:
    (policy,) = properties["Policies"]
    return rights_in(role, policy["PolicyDocument"])


def rights_in(name: str, document: Any) -> Iterator[Right]:
    """Those of the document of this role or managed policy."""
    is_there = RESOURCES[name].get("Condition") not in OFF
    for place, value in enumerate(document["Statement"]):
        statement, has_statement = _when_on(value)
        has_statement = has_statement and is_there
        assert statement["Effect"] == "Allow"
        actions, (only, _) = statement["Action"], _when_on(statement.get("Condition"))
        for action in actions if isinstance(actions, list) else [actions]:
            for resource, is_local in _resources(statement["Resource"], has_statement):
                yield Right(name, resource + _of(only), action, is_local, place)


def _of(only: Any) -> str:
    """What a condition leaves of a resource."""
    match only:
        case None:
            return ""
        case {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(keys)},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }:
            return f" rows {' '.join(keys)}"
    return f" where {json.dumps(only)}"


def _when_on(value: Any) -> tuple[Any, bool]:
    """What stands there if its condition holds, and whether it does on the embedded cloud."""
    match value:
        case {"If": [str(condition), on, {"Ref": "AWS::NoValue"}]}:
            return on, condition not in OFF
    return value, True


def _resources(value: Any, is_local: bool = True) -> Iterator[tuple[str, bool]]:
    """Each resource's name, and whether the embedded cloud's conditions leave it in."""
    match value:
        case list():
            for each in value:
                yield from _resources(each, is_local)
        case {"If": [str(condition), on, off]}:
            yield from _resources(on, is_local and condition not in OFF)
            yield from _resources(off, is_local and condition in OFF)
        case {"Ref": "AWS::NoValue"}:
            return
        case {"GetAtt": str(name)} | {"Ref": str(name)}:
            yield name, is_local
        case {"Sub": [str(text), _]} | {"Sub": str(text)}:
            yield re.sub(r"\$\{([A-Za-z0-9.:]+)\}", r"\1", text), is_local
        case str(text):
            yield text, is_local
        case _:
            raise AssertionError(f"A resource that no rule here reads: {value}")
