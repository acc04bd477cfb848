"""The rows of the service's own keys: in the table of keys, and copies among the licenses.

Release 0.9 knows only the rows in the `Licenses` table, under `keys`. They count until the first
write copies them. From then on a key counts only if the table of keys has it, and every write goes
to both tables, for a stack that goes back (docs/decisions/0018).
"""

from collections.abc import Sequence
from dataclasses import replace
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
NOT_COMPROMISED = (KeyStatus.ACTIVE, KeyStatus.RETIRED)


class SigningKeys:
    """Caches the keys for a minute, so that a new or compromised key soon counts everywhere."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, licenses: str) -> None:
        """`licenses` is the table with the copies."""
        self._dynamodb = dynamodb
        self._table = table
        self._licenses = licenses
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
        """All keys, read now, ordered by keyid.

        A key never goes back: where release 0.9 has ended one among the licenses, it has ended.
        """
        keys, copies = self._read(self._table), self._read(self._licenses)
        if not keys:
            return tuple(copies.values())
        return tuple(
            replace(key, status=max(key.status, copies.get(keyid, key).status, key=_ORDER.index))
            for keyid, key in keys.items()
        )

    def among_licenses_alone(self) -> tuple[SigningKey, ...]:
        """The keys that have no row in the table of keys: not copied yet, or not trusted."""
        keys = self._read(self._table)
        return tuple(k for keyid, k in self._read(self._licenses).items() if keyid not in keys)

    def take_over(self) -> int:
        """Copy the rows that release 0.9 wrote, all at once, and say how many.

        It does so once: later, a row that only the license table has is nobody's key.
        Raises Conflict.
        """
        if self._read(self._table):
            return 0
        keys = self._read(self._licenses).values()
        if keys:
            self._transact([self._update(self._table, key) for key in keys])
        return len(keys)

    def add(self, key: SigningKey) -> None:
        """Put a new key. Raises ConditionFailed if it is there already."""
        self._write(key)

    def move(self, key: SigningKey) -> None:
        """Say where the private half of an active key is now. Raises ConditionFailed."""
        self._write(key, [KeyStatus.ACTIVE])

    def end(self, key: SigningKey, status: KeyStatus, other: SigningKey) -> None:
        """Give a key a status in which it no longer signs, if `other` does. Raises Conflict."""
        check = {
            "TableName": self._table,
            "Key": _key(other),
            "ConditionExpression": "#status = :active",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": to_item({":active": KeyStatus.ACTIVE}),
        }
        self._write(replace(key, status=status), NOT_COMPROMISED, {"ConditionCheck": check})

    def _write(
        self, key: SigningKey, expected: Sequence[KeyStatus] = (), *checks: dict[str, Any]
    ) -> None:
        """Set a key's row, which has one of these statuses or, if there are none, is new."""
        self.take_over()
        row = self._update(self._table, key, expected)
        copy = self._update(self._licenses, key, expected or [KeyStatus.ACTIVE], or_absent=True)
        self._transact([row, copy, *checks])

    def _update(
        self,
        table: str,
        key: SigningKey,
        expected: Sequence[KeyStatus] = (),
        *,
        or_absent: bool = False,
    ) -> dict[str, Any]:
        update = set_attributes(members(key))
        accepted = [f"#status = :{status.value}" for status in expected]
        if or_absent or not expected:
            accepted.append("attribute_not_exists(pk)")
        update["ConditionExpression"] = " OR ".join(accepted)
        values = {f":{status.value}": status for status in expected}
        update["ExpressionAttributeValues"] |= to_item(values)
        return {"Update": {"TableName": table, "Key": _key(key), **update}}

    def _transact(self, items: Any) -> None:
        with translate_conflicts():
            self._dynamodb.transact_write_items(TransactItems=items)

    def _read(self, table: str) -> dict[str, SigningKey]:
        """The keys in a table, by keyid and in its order."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=table,
            KeyConditionExpression="pk = :keys",
            ExpressionAttributeValues=to_item({":keys": KEYS}),
            ConsistentRead=True,
        )
        items = [item for page in pages for item in page["Items"]]
        keys = [from_item(SigningKey, i, status=KeyStatus(i["status"]["S"])) for i in items]
        return {key.keyid: key for key in keys}


_ORDER = tuple(KeyStatus)


def _key(key: SigningKey) -> Item:
    return to_item({"pk": KEYS, "sk": f"key#{key.keyid}"})
