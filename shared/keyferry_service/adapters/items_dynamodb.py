"""DynamoDB items from values and back. Attributes that this version does not know are kept."""

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Item = dict[str, Any]  # {attribute: {type: value}}, as boto3's client has it

T = TypeVar("T", bound="DataclassInstance")

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_item(values: Mapping[str, Any]) -> Item:
    return {name: _serialize(value) for name, value in values.items()}


def members(value: "DataclassInstance") -> dict[str, Any]:
    """The members of a dataclass by name; not copied."""
    return {member.name: getattr(value, member.name) for member in fields(value)}


def from_item(cls: type[T], item: Item, **overrides: Any) -> T:
    """A dataclass from the attributes that it knows; `overrides` replace what the item has."""
    values = plain(item) | overrides
    return cls(**{m.name: values[m.name] for m in fields(cls) if m.name in values})


def set_attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an Update that sets these attributes, reserved words or not.

    A condition that is added may use `#<name>`, and any placeholder but `:new_<name>`.
    """
    return {
        "UpdateExpression": "SET " + ", ".join(f"#{name} = :new_{name}" for name in values),
        "ExpressionAttributeNames": {f"#{name}": name for name in values},
        "ExpressionAttributeValues": {f":new_{name}": _serialize(v) for name, v in values.items()},
    }


def plain(item: Item) -> dict[str, Any]:
    """An item's values as this code uses them: whole numbers, bytes, tuples."""
    return {name: _plain(_deserialize(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value)
        case Binary():
            binary: Any = value
            return binary.value
        case list():
            return tuple(_plain(entry) for entry in value)
        case dict():
            return {name: _plain(entry) for name, entry in value.items()}
    return value
