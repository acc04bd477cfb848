"""The rows of the service's own keys, in the `Licenses` table under `keys`."""

from typing import TYPE_CHECKING, Any

from keyferry_service.adapters.items_dynamodb import (
    Item,
    from_item,
    members,
    set_attributes,
    to_item,
)
from keyferry_service.adapters.retries import translate_conflicts
from keyferry_service.domain.signing_keys import KeyStatus, SigningKey

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

FRESH_S = 60
KEYS = "keys"


class SigningKeys:
    """Caches the keys for a minute, so that a new or compromised key soon counts everywhere."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._read_at: float | None = None
        self._keys: tuple[SigningKey, ...] = ()

    def current(self, now: float) -> tuple[SigningKey, ...]:
        """All keys, at most a minute old. `now` is monotonic, in seconds."""
        if self._read_at is None or now - self._read_at > FRESH_S:
            return self.refresh(now)
        return self._keys

    def refresh(self, now: float) -> tuple[SigningKey, ...]:
        """All keys, read now, which `current` returns for the next minute."""
        self._keys, self._read_at = self.all(), now
        return self._keys

    def all(self) -> tuple[SigningKey, ...]:
        """All keys, read now, ordered by keyid."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :keys",
            ExpressionAttributeValues=to_item({":keys": KEYS}),
            ConsistentRead=True,
        )
        return tuple(
            from_item(SigningKey, item, status=KeyStatus(item["status"]["S"]))
            for page in pages
            for item in page["Items"]
        )

    def add(self, key: SigningKey) -> None:
        """Put a new key. Raises ConditionFailed if it is there already."""
        with translate_conflicts():
            self._dynamodb.put_item(
                TableName=self._table,
                Item=_item(key),
                ConditionExpression="attribute_not_exists(pk)",
            )

    def move(self, key: SigningKey) -> None:
        """Say where the private half of an active key is now. Raises ConditionFailed."""
        with translate_conflicts():
            self._dynamodb.put_item(
                TableName=self._table,
                Item=_item(key),
                ConditionExpression="#status = :active",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=to_item({":active": KeyStatus.ACTIVE}),
            )

    def end(self, key: SigningKey, status: KeyStatus, other: SigningKey) -> None:
        """Give a key a status in which it no longer signs, if `other` does. Raises Conflict."""
        update = set_attributes({"status": status})
        update["ConditionExpression"] = "#status = :was"
        update["ExpressionAttributeValues"] |= to_item({":was": key.status})
        check = {
            "ConditionExpression": "#status = :active",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": to_item({":active": KeyStatus.ACTIVE}),
        }
        items: Any = [
            {"Update": {"TableName": self._table, "Key": _key(key), **update}},
            {"ConditionCheck": {"TableName": self._table, "Key": _key(other), **check}},
        ]
        with translate_conflicts():
            self._dynamodb.transact_write_items(TransactItems=items)

    def put(self, key: SigningKey) -> None:
        """Write a key's row, whatever it was before."""
        self._dynamodb.put_item(TableName=self._table, Item=_item(key))


def _key(key: SigningKey) -> Item:
    return to_item({"pk": KEYS, "sk": f"key#{key.keyid}"})


def _item(key: SigningKey) -> Item:
    return _key(key) | to_item(members(key))
