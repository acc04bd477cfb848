"""The tables as template.yaml has them."""

from pathlib import Path
from typing import Any

import yaml

from keyferry_service.adapters.items_dynamodb import members, to_item
from keyferry_service.adapters.signing_keys_dynamodb import KEYS
from keyferry_service.domain.signing_keys import SigningKey

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads no function of CloudFormation: the tables have none."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: suffix)

_resources = yaml.load(TEMPLATE.read_text(), _Loader)["Resources"]


def _table(resource: str) -> dict[str, Any]:
    """What a CreateTable of this table says, but for its name."""
    names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    properties = _resources[resource]["Properties"]
    return {name: properties[name] for name in names if name in properties}


LICENSES_TABLE = _table("LicensesTable")
KEYS_TABLE = _table("KeysTable")
TICKETS_TABLE = _table("TicketsTable")


def put_key(dynamodb: Any, table: str, key: SigningKey) -> None:
    """Write a key's row, whatever it was before; among the licenses, as release 0.9 does."""
    row = {"pk": KEYS, "sk": f"key#{key.keyid}", **members(key)}
    dynamodb.put_item(TableName=table, Item=to_item(row))
