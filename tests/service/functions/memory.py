"""AWS as far as a refusal goes, in this process's memory: a thousand files in seconds."""

from io import BytesIO
from types import SimpleNamespace
from typing import Any

from botocore.hooks import HierarchicalEmitter


class Tables:
    """DynamoDB's calls that opening, refusing and not mailing make; nothing here races."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, ...], dict[str, Any]] = {}

    def put_item(self, **call: Any) -> None:
        item = call["Item"]
        key = {name: item[name] for name in ("pk", "sk") if name in item}
        self.rows[_name(call["TableName"], key)] = dict(item)

    def get_item(self, **call: Any) -> dict[str, Any]:
        row = self.rows.get(_name(call["TableName"], call["Key"]))
        return {"Item": row} if row else {}

    def transact_get_items(self, **call: Any) -> dict[str, Any]:
        return {"Responses": [self.get_item(**item["Get"]) for item in call["TransactItems"]]}

    def transact_write_items(self, **call: Any) -> None:
        for item in call["TransactItems"]:
            self.put_item(**item["Put"])

    def update_item(self, **call: Any) -> None:
        names, values = call["ExpressionAttributeNames"], call["ExpressionAttributeValues"]
        row = self.rows[_name(call["TableName"], call["Key"])]
        assert row["state"] == values[":was"]
        for pair in call["UpdateExpression"].removeprefix("SET ").split(", "):
            name, value = pair.split(" = ")
            row[names[name]] = values[value]


class Buckets:
    """S3's two calls; every object has one version."""

    def __init__(self) -> None:
        self.meta = SimpleNamespace(events=HierarchicalEmitter())
        self.objects: dict[tuple[str, str], bytes] = {}

    def put_object(self, **call: Any) -> None:
        self.objects[call["Bucket"], call["Key"]] = call["Body"]

    def get_object(self, **call: Any) -> dict[str, Any]:
        body = BytesIO(self.objects[call["Bucket"], call["Key"]])
        return {"Body": body, "Metadata": {}}

    def keys(self, bucket: str) -> list[str]:
        return [key for name, key in self.objects if name == bucket]


def _name(table: str, key: dict[str, Any]) -> tuple[Any, ...]:
    return (table, *(value["S"] for value in key.values()))
