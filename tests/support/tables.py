"""The two tables as template.yaml has them."""

from pathlib import Path
from typing import Any

import yaml

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
TICKETS_TABLE = _table("TicketsTable")
