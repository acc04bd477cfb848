"""DynamoDB items from values and back. Attributes that this version does not know are kept."""

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Item = dict[str, Any]  # {attribute: {type: value}}, as botocore's client has it

T = TypeVar("T", bound="DataclassInstance")


def to_item(values: Mapping[str, Any]) -> Item:
    return {name: _typed(value) for name, value in values.items()}


def members(value: "DataclassInstance") -> dict[str, Any]:
    """The members of a dataclass by name; not copied."""
    return {name: getattr(value, name) for name in _names(type(value))}


def from_item(cls: type[T], item: Item, **overrides: Any) -> T:
    """A dataclass from the attributes that it knows; `overrides` replace what the item has."""
    values = plain(item) | overrides
    return cls(**{name: values[name] for name in _names(cls) if name in values})


@cache
def _names(cls: type["DataclassInstance"]) -> tuple[str, ...]:
    return tuple(member.name for member in fields(cls))


def set_attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an Update that sets these attributes, reserved words or not.

    A condition that is added may use `#<name>`, and any placeholder but `:new_<name>`.
    """
    return {
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :new_{name}" for name in values),
        "ExpressionAttributeNames": {f"#{name}": name for name in values},
        "ExpressionAttributeValues": {f":new_{name}": _typed(v) for name, v in values.items()},
    }


def plain(item: Item) -> dict[str, Any]:
    """An item's values as this code uses them: whole numbers, bytes, tuples.

    boto3's serializer and deserializer take four times as long, which a list of all licenses would
    show, and a fifth longer to start than the rest of a command.
    """
    return {name: _plain(value) for name, value in item.items()}


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content)
        case "NULL":
            return None
        case "L":
            return tuple(_plain(entry) for entry in content)
        case "M":
            return plain(content)
        case "SS":
            return set(content)
    return content  # S, B, BOOL


def _typed(value: object) -> dict[str, Any]:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case bytes():
            return {"B": value}
        case Mapping():
            return {"M": to_item(value)}
        case list() | tuple():
            return {"L": [_typed(entry) for entry in value]}
        case set() | frozenset():
            return {"SS": sorted(value)}
    raise TypeError(f"A row has no type for {type(value).__name__}.")
