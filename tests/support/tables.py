"""The license table as template.yaml has it."""

from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).parents[2] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """Reads no function of CloudFormation: the table has none."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: suffix)

_properties = yaml.load(TEMPLATE.read_text(), _Loader)["Resources"]["LicensesTable"]["Properties"]
LICENSES_TABLE: dict[str, Any] = {
    name: _properties[name]
    for name in ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
}
