"""The published schema of --json, checked against every document that a test here receives."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from keyferry.cli.main import COMMANDS

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "command-output.schema.json"


def check_document(arguments: Sequence[str], printed: str) -> None:
    """Fail unless this is one document, as published for the command that was run."""
    document = json.loads(printed)
    command = next((word for word in arguments if word in COMMANDS), "error")
    name = command if document["ok"] else "error"
    _validator().evolve(schema=_schema()["$defs"][name]).validate(document)
    unknown = set(document) - _members(name)
    assert not unknown, f"{name} prints {unknown}, which no reader was told of"


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(SCHEMA.read_bytes())
    return schema


@cache
def _validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(_schema())
    return Draft202012Validator(_schema())


def _members(name: str) -> set[str]:
    """Every member that is described for a command's document, whichever of its kinds it is."""
    members, left = set[str](), [_schema()["$defs"][name]]
    while left:
        each = left.pop()
        if "$ref" in each:
            each = _schema()["$defs"][each["$ref"].rpartition("/")[2]]
        members |= set(each.get("properties", ()))
        left += each.get("anyOf", ())
    return members
